/** The files of a share, how much of each is here, and what can be done with them. */
import type { JSX } from 'preact';
import type { SharedFile, ShareInfo } from '../engine/messages.ts';
import { bytes, percent } from '../lib/format.ts';
import { Bar } from '../widgets/marks.tsx';
import { type Kind, kindOf } from './kinds.ts';
import { saveUrl, type Visit } from './visit.ts';

/** Rows that are shown at once: a share may have a hundred thousand files. */
const MOST_ROWS = 500;

const VERBS: Readonly<Record<Kind, string | null>> = {
  ...{ video: 'Play', audio: 'Play', image: 'Show', text: 'Show', pdf: 'Open', captions: null, other: null },
};

export function FileTable({
  visit,
  share,
  shown,
  show,
}: {
  readonly visit: Visit;
  readonly share: ShareInfo;
  readonly shown: SharedFile | undefined;
  readonly show: (file: SharedFile) => void;
}): JSX.Element {
  const report = visit.kind === 'engine' ? visit.report : undefined;
  const rows = share.files.slice(0, MOST_ROWS);
  return (
    <>
      <h2>Files</h2>
      <div class="table" tabIndex={0} role="region" aria-label="Files">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="number">
                Size
              </th>
              {report !== undefined && <th scope="col">Here</th>}
              <th scope="col">
                <span class="visually-hidden">What to do</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((file) => (
              <tr key={file.number} aria-current={file === shown ? 'true' : undefined}>
                <td class="name" dir="auto" title={file.path}>
                  {pathIn(share, file)}
                </td>
                <td class="number">{bytes(file.length)}</td>
                {report !== undefined && (
                  <td>
                    <Here file={file} done={report.done[file.number] ?? 0} />
                  </td>
                )}
                <td class="acts">
                  <Verb visit={visit} file={file} show={show} />
                  <a href={saveUrl(visit, file)} aria-label={`Save ${file.path}`}>
                    Save
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {share.files.length > rows.length && (
        <p class="quiet">
          {share.files.length - rows.length} more are not listed; <a href="files.json">all of them as JSON</a>
        </p>
      )}
    </>
  );
}

function Here({ file, done }: { readonly file: SharedFile; readonly done: number }): JSX.Element {
  const part = file.length === 0 ? 1 : done / file.length;
  return (
    <span class="here">
      <Bar part={part} label={`How much of ${file.path} is here`} /> {percent(part)}
    </span>
  );
}

function Verb({
  visit,
  file,
  show,
}: {
  readonly visit: Visit;
  readonly file: SharedFile;
  readonly show: (file: SharedFile) => void;
}): JSX.Element | null {
  const kind = kindOf(file);
  const verb = VERBS[kind];
  if (verb === null) return null;
  if (kind === 'pdf') {
    // From the node: the reader of a browser does not run below the policy that files get here.
    return (
      <a href={file.url} target="_blank" rel="noopener" aria-label={`${verb} ${file.path}`}>
        {verb}
      </a>
    );
  }
  return (
    <button
      type="button"
      class="small"
      disabled={visit.kind === 'starting'}
      aria-label={`${verb} ${file.path}`}
      onClick={() => show(file)}
    >
      {verb}
    </button>
  );
}

/** The folder that all are in stands above the table already. */
function pathIn({ name, files }: ShareInfo, { path }: SharedFile): string {
  return files.length > 1 && path.startsWith(`${name}/`) ? path.slice(name.length + 1) : path;
}

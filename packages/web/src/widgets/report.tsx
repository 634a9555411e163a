/** A report on its way, one that came, and why one does not come. */
import type { ComponentChildren, JSX } from 'preact';
import type { Report } from '../lib/live.ts';

export function Shown<T>({
  report,
  children,
}: {
  readonly report: Report<T>;
  readonly children: (value: T) => ComponentChildren;
}): JSX.Element {
  const { value, error } = report;
  return (
    <>
      {error !== null && (
        <div class="notice bad" role="alert">
          <strong>{error.message}</strong> <Prose text={error.advice} />
          <button type="button" onClick={report.refresh}>
            Try again
          </button>
        </div>
      )}
      {value === undefined ? error === null && <p class="quiet">Asking…</p> : children(value)}
    </>
  );
}

/** Text in which commands stand between backticks. */
export function Prose({ text }: { readonly text: string }): JSX.Element {
  return <>{text.split('`').map((part, index) => (index % 2 === 0 ? part : <code key={index}>{part}</code>))}</>;
}

export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}

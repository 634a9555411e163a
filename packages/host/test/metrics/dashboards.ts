/** The dashboards of docs/grafana, and what is asked in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../../docs/grafana');

interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

export interface Dashboard {
  readonly file: string;
  readonly text: string;
  readonly json: {
    readonly uid: string;
    readonly panels: readonly {
      readonly id: number;
      readonly title: string;
      readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
      readonly targets?: readonly Target[];
    }[];
    readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  };
}

export const DASHBOARDS: readonly Dashboard[] = readdirSync(FOLDER)
  .sort()
  .map((file) => {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    return { file, text, json: JSON.parse(text) };
  });

export interface Question extends Target {
  /** For messages. */
  readonly where: string;
}

export const QUESTIONS: readonly Question[] = DASHBOARDS.flatMap(({ file, json }) =>
  json.panels.flatMap(({ title, targets = [] }) =>
    targets.map((target) => ({ ...target, where: `${file}: ${title}` })),
  ),
);

/** Families that `label_values(…)` of variables asks for. */
export const VARIABLES: readonly string[] = DASHBOARDS.flatMap(({ json }) =>
  json.templating.list.flatMap(({ query }) => /^label_values\((\w+), \w+\)$/.exec(query)?.[1] ?? []),
);

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { metricsText } from '@kith/host';
import { DASHBOARDS, QUESTIONS, VARIABLES } from './dashboards.ts';
import { FIGURES, readMetrics } from './sample.ts';

const FAMILIES = readMetrics(metricsText(FIGURES));
const ROOT = join(import.meta.dirname, '../../../..');

/** Labels of a family, with those that a scrape adds. */
function labelsOf(name: string): Set<string> {
  const samples = FAMILIES.get(name)?.samples ?? [];
  return new Set(['instance', ...samples.flatMap(({ labels }) => [...labels.keys()])]);
}

function labelValues(name: string, label: string): string[] {
  return (FAMILIES.get(name)?.samples ?? []).flatMap(({ labels }) => labels.get(label) ?? []);
}

test('dashboards ask for figures that there are', () => {
  const unknown = QUESTIONS.flatMap(({ expr, where }) =>
    [...expr.matchAll(/\bkith_\w+/g)].filter(([name]) => !FAMILIES.has(name)).map(([name]) => `${where}: ${name}`),
  );
  assert.deepEqual(unknown, []);
  assert.deepEqual(
    VARIABLES.filter((name) => !FAMILIES.has(name)),
    [],
  );
});

test('every figure is shown somewhere', () => {
  const shown = new Set(QUESTIONS.flatMap(({ expr }) => [...expr.matchAll(/\bkith_\w+/g)].map(([name]) => name)));
  assert.deepEqual(
    [...FAMILIES.keys()].filter((name) => !shown.has(name)),
    [],
  );
});

test('dashboards pick and name by labels that the figures have', () => {
  const unknown = QUESTIONS.flatMap(({ expr, legendFormat, where }) => {
    const all = new Set([...expr.matchAll(/\bkith_\w+/g)].flatMap(([name]) => [...labelsOf(name)]));
    const picked = [...expr.matchAll(/(kith_\w+)\{([^}]*)\}/g)].flatMap(([, name = '', inner = '']) =>
      [...inner.matchAll(/(\w+)=~?"/g)].filter(([, label = '']) => !labelsOf(name).has(label)).map(([text]) => text),
    );
    const grouped = [...expr.matchAll(/(?:by|on|group_left) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(', '),
    );
    const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
    const strange = [...grouped, ...named].filter((label) => label !== '' && !all.has(label));
    return [...picked, ...strange].map((label) => `${where}: ${label}`);
  });
  assert.deepEqual(unknown, []);
});

test('rules that dashboards name are rules of the firewall', () => {
  const rules = labelValues('kith_gateway_rule_packets_total', 'rule');
  const named = QUESTIONS.flatMap(({ expr }) => /\brule=~"([^"]*)"/.exec(expr)?.[1]?.split('|') ?? []);
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((pattern) => !rules.some((rule) => new RegExp(`^(?:${pattern})$`).test(rule))),
    [],
  );
});

test('panels have an id of their own and do not cover one another', () => {
  for (const { file, json } of DASHBOARDS) {
    const taken = new Set<string>();
    for (const { id, gridPos } of json.panels) {
      assert.ok(!taken.has(`id ${id}`), `${file}: two panels ${id}`);
      taken.add(`id ${id}`);
      assert.ok(gridPos.x + gridPos.w <= 24, `${file}: panel ${id} is too wide`);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), `${file}: panel ${id} covers another one`);
          taken.add(`${x} ${y}`);
        }
      }
    }
  }
  assert.equal(new Set(DASHBOARDS.map(({ json }) => json.uid)).size, DASHBOARDS.length);
});

/**
 * Grafana publishes its schema as types. Enumerations of texts take no text in TypeScript, so that they are opened; the
 * options of each kind of panel have types of their own.
 */
const SCHEMA = `
import type { Dashboard, Panel, RowPanel } from '@grafana/schema';
import type * as BarGauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as Table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
type Plain<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer E)[] ? Plain<E>[] : unknown extends T ? T : { [K in keyof T]: Plain<T[K]> };
interface Query { refId: string; datasource: { type: 'prometheus'; uid: string }; expr: string; legendFormat: string;
  range?: boolean; instant?: boolean; format?: 'table' | 'time_series' }
interface Of<Type extends string, Options, Custom> extends Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  type: Type; options: Options; targets: Query[];
  fieldConfig: Omit<NonNullable<Panel['fieldConfig']>, 'defaults'> &
    { defaults: Omit<NonNullable<Panel['fieldConfig']>['defaults'], 'custom'> & { custom?: Custom } } }
type Shown = Of<'timeseries', TimeSeries.Options, Partial<TimeSeries.FieldConfig>> | Of<'stat', Stat.Options, never>
  | Of<'table', Partial<Table.Options>, Partial<Table.FieldConfig>> | Of<'bargauge', BarGauge.Options, never>;
type Whole = Omit<Dashboard, 'panels'> & { panels: (Shown | (Omit<RowPanel, 'type'> & { type: 'row' }))[] };
export const dashboards: Plain<Whole>[] = `;

function complaintsAbout(dashboards: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'kith-grafana-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'dashboards.ts'), `${SCHEMA}[${dashboards.join(',\n')}];`);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
    const argv = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, '--types', '', 'dashboards.ts'];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    return `${stdout}${stderr}`.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("dashboards are as Grafana's schema has them", () => {
  assert.equal(complaintsAbout(DASHBOARDS.map(({ text }) => text)), '');
});

test("the check of Grafana's schema sees what is wrong", () => {
  const { text = '' } = DASHBOARDS[0] ?? {};
  for (const [right, wrong, complaint] of [
    ['"type": "stat"', '"type": "start"', /"start"/],
    ['"graphMode": "area"', '"graphMode": "areal"', /"areal"/],
    ['"drawStyle": "line"', '"drawStile": "line"', /drawStile/],
    ['"schemaVersion": 41', '"schemaVersion": "41"', /schemaVersion|string/],
    ['"unit":', '"units":', /units/],
  ] as const) {
    assert.ok(text.includes(right), right);
    assert.match(complaintsAbout([text.replace(right, wrong)]), complaint);
  }
});

/** What Prometheus itself says of the figures, and answers to what the dashboards ask. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { METRICS_TYPE, metricsText } from '@kith/host';
import { QUESTIONS } from '../metrics/dashboards.ts';
import { FIGURES } from '../metrics/sample.ts';

function promtool(argv: readonly string[], input = ''): { code: number | null; output: string } {
  const { error, status, stdout, stderr } = spawnSync('promtool', argv, { input, encoding: 'utf8', timeout: 30_000 });
  return { code: error === undefined ? status : null, output: `${stdout}${stderr}` };
}

const skip = promtool(['--version']).code === 0 ? false : 'needs promtool, of the package prometheus';

test('Prometheus takes the figures and has nothing to say about their names', { skip }, () => {
  const { code, output } = promtool(['check', 'metrics'], metricsText(FIGURES));
  assert.deepEqual([code, output], [0, '']);
});

test('Prometheus sees figures that are wrong', { skip }, () => {
  assert.notEqual(promtool(['check', 'metrics'], 'kith_x{a="b} 1\n').code, 0);
});

/** A question with the variables of its dashboard filled in. */
function asked(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*');
}

test('Prometheus understands every question of the dashboards', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-promtool-'));
  try {
    const rules = QUESTIONS.map(({ expr }, i) => ({ record: `question:${i}`, expr: asked(expr) }));
    const path = join(folder, 'rules.yml');
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'dashboards', rules }] }));
    const { code, output } = promtool(['check', 'rules', path]);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : assert.fail();
}

/** Prometheus with the sample as its only target, on loopback. Resolves with its address once it has scraped twice. */
async function scraping(t: TestContext): Promise<string> {
  const figures = createServer((_, response) => {
    response.writeHead(200, { 'content-type': METRICS_TYPE });
    response.end(metricsText(FIGURES));
  });
  const spare = createTcpServer();
  const [target, port] = [await listening(figures), await listening(spare)];
  await new Promise((resolve) => spare.close(resolve));
  const folder = mkdtempSync(join(tmpdir(), 'kith-prometheus-'));
  const config = {
    global: { scrape_interval: '500ms' },
    scrape_configs: [{ job_name: 'kith', static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  const options = [`--config.file=${folder}/config.yml`, `--storage.tsdb.path=${folder}/data`];
  const child = spawn('prometheus', [...options, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve));
    figures.close();
    figures.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const base = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 30_000;
  while (((await answers(base, 'count_over_time(kith_info[1m]) > 1').catch(() => null))?.length ?? 0) === 0) {
    assert.ok(Date.now() < deadline && child.exitCode === null, 'Prometheus does not scrape');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return base;
}

async function answers(base: string, query: string): Promise<readonly unknown[]> {
  const response = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(query)}`);
  const said: { status: string; error?: string; data?: { result: readonly unknown[] } } = JSON.parse(
    await response.text(),
  );
  assert.equal(said.status, 'success', `${query}: ${said.error}`);
  return said.data?.result ?? [];
}

test('every question of the dashboards has an answer in a Prometheus that scrapes the figures', { skip }, async (t) => {
  const base = await scraping(t);
  for (const { expr, where } of QUESTIONS) {
    const found = await answers(base, asked(expr));
    assert.ok(found.length > 0, `${where}: ${expr}`);
  }
});

/** The page of a real gateway: what it runs, whom it serves, and the doctor's word on a rule that somebody took out. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { FaceProcessReport } from '@kith/api';
import { buildGatewayStage, type GatewayStage } from '@kith/lab/gateway';
import { assertAccessible, chromiumIn, keepPicture, launchBrowser, openPage, type Watched } from './browser.ts';

/** ms that an examination takes at most. */
const EXAMINATION = 30_000;

let stage: GatewayStage;
let browser: Browser;
let watched: Watched;

/** Takes the rule out that lets DNS over TCP in, by its handle. */
async function takeRuleOut(): Promise<void> {
  const { host } = stage.gateway;
  const { stdout } = await host.run(['nft', '-a', 'list', 'table', 'inet', 'kith']);
  const found = stdout.split('\n').find((line) => line.includes('dns-tcp'));
  const handle = /# handle (\d+)/.exec(found ?? '')?.[1];
  assert.ok(handle !== undefined, stdout);
  let chain = '';
  for (const line of stdout.split('\n')) {
    chain = /chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (line === found) break;
  }
  const { code, stderr } = await host.run(['nft', 'delete', 'rule', 'inet', 'kith', chain, 'handle', handle]);
  assert.equal(code, 0, stderr);
}

describe('the page of a gateway', () => {
  before(async () => {
    stage = await buildGatewayStage();
    const { gateway, client } = stage;
    await gateway.must(['gateway', 'init', 'Freemesh Ireland', '--clients', 'eth1', '--clients', 'eth2']);
    await gateway.must(['gateway', 'apply']);
    await client.lease();
    const words = ['--json', 'web', '--downloads', join(gateway.folder, 'in')];
    const { url } = JSON.parse(await gateway.must(words)) as FaceProcessReport;
    browser = await launchBrowser(chromiumIn(gateway.host.namespace, gateway.folder));
    watched = await openPage(browser);
    await watched.page.goto(url);
    await watched.page.locator('main h1').waitFor();
    await watched.page.evaluate(() => {
      location.hash = '#/gateway';
    });
  });
  after(async () => {
    await browser?.close();
    await stage.gateway.kith(['web', 'stop']);
    await stage.gateway.kith(['gateway', 'remove', '--yes']);
    await stage.close();
  });

  it('tells what runs and who has a lease', async () => {
    const { page } = watched;
    await page.getByRole('heading', { name: 'Freemesh Ireland' }).waitFor();
    for (const service of ['dnsmasq', 'chronyd']) {
      await page.getByRole('row').filter({ hasText: service }).getByText('ready').waitFor();
    }
    const [lease] = (await stage.gateway.status()).leases;
    await page.getByRole('cell', { name: lease?.address ?? 'no lease', exact: true }).waitFor();
    await assertAccessible(page);
  });

  it('shows what the doctor finds with its cause and its fix, and mends it', async () => {
    const { page } = watched;
    page.on('dialog', (dialog) => void dialog.accept());
    await takeRuleOut();
    await page.getByRole('button', { name: 'Look now' }).click();
    const finding = page.locator('section[aria-label=Doctor] .notice').filter({ hasText: 'TCP' });
    await finding.waitFor({ timeout: EXAMINATION });
    assert.match((await finding.textContent()) ?? '', /dns-tcp|firewall|rule/);
    await keepPicture(page, 'gateway');
    await page.getByRole('button', { name: 'Mend what is safe' }).click();
    await finding.waitFor({ state: 'detached', timeout: EXAMINATION });
    await page.getByText('Nothing is wrong.').waitFor({ timeout: EXAMINATION });
  });

  it('says nothing on the console, and asks nobody else', () => watched.assertClean());
});

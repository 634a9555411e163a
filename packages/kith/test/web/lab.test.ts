/** The page over a real network: four machines with NATs between them, what they share, and Chromium on one of them. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import type { FaceProcessReport } from '@kith/api';
import type { Actor } from '@kith/lab';
import { addressOf, buildStage, everybodySeesEverybody, foundNetwork, type Stage } from '@kith/lab/four-machines';
import { chromiumIn, keepPicture, launchBrowser, openPage, type Watched } from './browser.ts';

const PLACES: Readonly<Record<string, readonly [number, number]>> = {
  externalnyc: [40.71, -74.01],
  externalblr: [12.97, 77.59],
  fedora: [53.35, -6.26],
  pi: [53.28, -9.05],
};

let stage: Stage;
let browser: Browser;
let watched: Watched;

async function join_(actor: Actor, admin: Actor): Promise<void> {
  const token = await admin.must(['invite', actor.name, '--address', addressOf(actor), '--via', admin.name]);
  await actor.must(['join', '-'], { input: token });
  place(actor);
  await actor.must(['up']);
}

function place(actor: Actor): void {
  appendFileSync(join(actor.folder, 'config.yaml'), `location: ${JSON.stringify(PLACES[actor.name])}\n`);
}

function shareFolder(actor: Actor): string {
  const folder = join(actor.state, 'Holiday in Connemara');
  mkdirSync(folder);
  for (const [name, size] of Object.entries({ 'bog.webm': 3_000_000, 'sea.webm': 5_000_000, 'notes.txt': 2_000 })) {
    writeFileSync(join(folder, name), Buffer.alloc(size, name));
  }
  return folder;
}

describe('the page of a machine in a real network', () => {
  before(async () => {
    stage = await buildStage('symmetric');
    await foundNetwork(stage);
    const { nyc, blr, fedora, pi } = stage;
    await nyc.must(['down']);
    place(nyc);
    await nyc.must(['up']);
    for (const actor of [blr, fedora, pi]) await join_(actor, nyc);
    await everybodySeesEverybody(stage.all);
    await pi.must(['share', shareFolder(pi)]);
    const { url } = JSON.parse(
      await fedora.must(['--json', 'web', '--downloads', join(fedora.state, 'in')]),
    ) as FaceProcessReport;
    browser = await launchBrowser(chromiumIn(fedora.host.namespace, fedora.state));
    watched = await openPage(browser);
    await watched.page.goto(url);
    await watched.page.locator('main h1').waitFor();
  });
  after(async () => {
    await browser?.close();
    for (const actor of stage.all) await actor.run(['share', 'stop']);
    await stage.fedora.run(['web', 'stop']);
    await stage.close();
  });

  const see = async (view: string, sign: (page: Page) => Locator): Promise<Page> => {
    const { page } = watched;
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/${view}`);
    await sign(page).waitFor();
    return page;
  };
  const keep = (name: string): Promise<void> => keepPicture(watched.page, name);

  it('counts who is there, and tells what this node is behind', async () => {
    await see('overview', (at) => at.locator('.big').filter({ hasText: /^4 of 4 online$/ }));
    await keep('overview');
  });

  it('draws the links, and a relayed way with its reason', async () => {
    const blr = addressOf(stage.blr);
    await stage.fedora.ping(blr);
    // Until a punch has failed it says that a direct path is looked for.
    await see('topology/demo', (at) =>
      at
        .getByRole('row')
        .filter({ hasText: /through externalnyc.*relayed by externalnyc: \w+'s NAT is symmetric/ })
        .first(),
    );
    await keep('topology');
  });

  it('shows on the map all who tell where they are', async () => {
    await see('map', (at) => at.getByText('4 of 4 tell where they are'));
    await keep('map');
  });

  it('lists the members, and one of them with its history', async () => {
    const page = await see('nodes', (at) => at.getByRole('link', { name: 'externalblr' }));
    await keep('nodes');
    await page.getByRole('link', { name: 'pi' }).click();
    await page.getByRole('heading', { name: 'pi' }).waitFor();
    await page.getByRole('img', { name: /^Round-trip time: RTT [\d.]+ ms/ }).waitFor();
    await keep('node');
  });

  it('has on the shelf what another member shares, and fetches it', async () => {
    const page = await see('shelf', (at) => at.getByRole('row').filter({ hasText: 'Holiday in Connemara' }));
    await keep('shelf');
    await page.getByRole('button', { name: 'Fetch Holiday in Connemara' }).click();
    await page.getByRole('link', { name: 'seeding' }).waitFor({ timeout: 30_000 });
    await page.getByRole('link', { name: 'seeding' }).click();
    await page
      .getByText('3 of 3 pieces')
      .or(page.getByText(/^(\d+) of \1 pieces$/))
      .waitFor();
    await keep('transfer');
  });

  it('shows within 3 s that a link was cut', async () => {
    const page = await see('topology/demo', (at) => at.getByRole('row').filter({ hasText: /fedora – pi|pi – fedora/ }));
    const direct = page
      .getByRole('row')
      .filter({ hasText: /(?:fedora – pi|pi – fedora) *direct/, hasNotText: 'no answer' });
    await stage.fedora.ping(addressOf(stage.pi));
    await direct.waitFor();
    const cut = performance.now();
    await stage.pi.host.run(['ip', 'link', 'set', 'eth0', 'down']);
    await direct.waitFor({ state: 'detached', timeout: 20_000 });
    const took = performance.now() - cut;
    await stage.pi.host.run(['ip', 'link', 'set', 'eth0', 'up']);
    assert.ok(took < 3000, `${Math.round(took)} ms`);
  });

  it('says nothing on the console, and asks nobody else', () => watched.assertClean());
});

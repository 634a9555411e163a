import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { FindingView, GatewayReport } from '@kith/api';
import type { Snapshot } from '../../src/web/sources.ts';
import { id, MEMBERS, member, status } from '../face/sample.ts';
import { assertAccessible, launchBrowser, openPage, PATIENCE } from './browser.ts';
import { crowd } from './crowd.ts';
import { startTestFace, type TestFace } from './face.ts';
import { launchFirefox } from './firefox.ts';

const FINDING: FindingView = {
  ...{ id: 'dns-tcp', severity: 'error', what: 'DNS over TCP fails', whom: 'clients of dublin' },
  ...{ cause: 'the rule that lets it in is gone', mend: 'Apply the file again:', command: 'kith gateway apply' },
  ...{ line: 'kith.yaml:3 gateway.domains', fixable: true },
};
const GATEWAY: GatewayReport = {
  ...{ community: 'Freemesh Ireland', state: 'running', findings: [FINDING], examined: 1_000_000 },
  services: [{ name: 'dnsmasq', state: 'ready', since: 1_000_000, restarts: 1, lastWords: ['started'] }],
  leases: [{ address: '10.70.0.9', mac: '02:00:00:00:00:09', name: 'laptop', expires: null }],
  bans: [{ address: '198.51.100.7', reason: 'sshd: 5 failed logins', since: 1, until: null }],
  traffic: [
    {
      ...{ interface: 'eth0', receivedRate: 1e6, sentRate: 2e5, receivedToday: 5e9, sentToday: 1e9 },
      ...{ receivedMonth: 9e10, sentMonth: 3e10 },
    },
  ],
};

function look(more: Partial<Snapshot> = {}): Omit<Snapshot, 'at'> {
  const network = { label: 'friends', status: status(), problem: null, receivedRate: 5e5, sentRate: 1e5 };
  return { networks: [network], shares: null, gateway: GATEWAY, routers: crowd(20, 30, Date.now()), ...more };
}

const VIEWS = ['overview', 'topology/friends', 'topology/@routers', 'map', 'nodes', 'gateway', 'shelf', 'transfers'];

let browser: Browser;
let face: TestFace;
before(async () => {
  browser = await launchBrowser();
  face = await startTestFace(look());
});
after(async () => {
  await browser.close();
  await face.close();
});

async function go(page: Page, view: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${view}`);
  await page.locator('main h1').waitFor();
}

async function goThroughAll(page: Page): Promise<void> {
  await page.goto(face.url);
  for (const view of VIEWS) {
    await go(page, view);
    // The report is there: either a table, a stage or the sentence that there is nothing.
    await page.locator('main .table, main .stage, main .card, main .empty').first().waitFor();
    await assertAccessible(page);
  }
  await go(page, `nodes/${id(2)}`);
  await page.getByRole('heading', { name: 'externalnyc' }).waitFor();
  await assertAccessible(page);
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every view comes without an error, and axe finds no serious barrier, ${colorScheme}`, async () => {
    const { page, context, assertClean } = await openPage(browser, { colorScheme });
    await goThroughAll(page);
    assertClean();
    await context.close();
  });
}

test('in Firefox every view comes without an error, and a change shows', async (t) => {
  const firefox = await launchFirefox();
  t.after(() => firefox.close());
  const { page, assertClean } = await openPage(firefox);
  await goThroughAll(page);
  await go(page, 'gateway');
  await page.getByText('DNS over TCP fails').waitFor();
  face.show(look({ gateway: { ...GATEWAY, findings: [{ ...FINDING, id: 'ntp', what: 'NTP over IPv6 fails' }] } }));
  await page.getByText('NTP over IPv6 fails').waitFor();
  face.show(look());
  assertClean();
});

test('on a phone every view fits its width, and all of it can be reached by keyboard', async () => {
  const { page, context, assertClean } = await openPage(browser, { viewport: { width: 360, height: 720 } });
  await page.goto(face.url);
  for (const view of VIEWS) {
    await go(page, view);
    await page.locator('main .table, main .stage, main .card, main .empty').first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${view} is ${wide} pixels wider than the screen`);
  }
  await go(page, 'overview');
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content');
  assertClean();
  await context.close();
});

test('the token leaves the address at once, and stays with the tab over a reload', async () => {
  const { page, context } = await openPage(browser);
  await page.goto(face.url);
  await page.locator('main h1').waitFor();
  assert.doesNotMatch(page.url(), /token/);
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  const other = await openPage(browser, {}, /401/);
  await other.page.goto(face.url.replace(/#.*/, ''));
  await other.page.getByText('there is no token with the question').waitFor();
  await other.page.getByText('kith web').waitFor();
  await Promise.all([context.close(), other.context.close()]);
});

test('a change shows within 3 s: a link that is gone, a relayed way with its reason, a finding with its fix', async () => {
  const { page, context, assertClean } = await openPage(browser);
  await page.goto(face.url);
  await go(page, 'topology/friends');
  const row = (name: string) => page.getByRole('row').filter({ hasText: name });
  const reason = "relayed by externalnyc: fedora's NAT is symmetric";
  await row('fedora – blr').filter({ hasText: 'through externalnyc' }).filter({ hasText: reason }).waitFor();
  await row('externalnyc – blr').waitFor();
  const cut = status({ links: status().links.slice(0, 1) });
  face.show(look({ networks: [{ label: 'friends', status: cut, problem: null, receivedRate: 0, sentRate: 0 }] }));
  await row('externalnyc – blr').waitFor({ state: 'detached', timeout: 3000 });
  await go(page, 'gateway');
  await page.getByText('DNS over TCP fails').waitFor();
  face.show(look({ gateway: { ...GATEWAY, findings: [{ ...FINDING, id: 'ntp', what: 'NTP over IPv6 fails' }] } }));
  await page.getByText('NTP over IPv6 fails').waitFor({ timeout: 3000 });
  await page.getByText('kith gateway apply').waitFor();
  face.show(look());
  assertClean();
  await context.close();
});

test('what the page is told to do it does: look, mend, ban, lift', async () => {
  const { page, context, assertClean } = await openPage(browser);
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(face.url);
  await go(page, 'gateway');
  await page.getByRole('button', { name: 'Look now' }).click();
  await page.getByRole('button', { name: 'Mend what is safe' }).click();
  await page.getByLabel('Address to ban').fill('203.0.113.9');
  await page.getByRole('button', { name: 'Ban', exact: true }).click();
  await page.getByRole('button', { name: 'Lift the ban of 198.51.100.7' }).click();
  for (const deadline = Date.now() + PATIENCE; face.asked.length < 4 && Date.now() < deadline;) {
    await page.waitForTimeout(20);
  }
  assert.deepEqual(face.asked.toSorted(), [
    'ban 203.0.113.9 null',
    'examine false',
    'examine true',
    'unban 198.51.100.7',
  ]);
  assertClean();
  await context.close();
});

test('names that members and routers chose are text wherever they stand', async () => {
  const evil = '<img src=x onerror=evil()><script>evil()</script>{{evil}}';
  const members = [
    MEMBERS[0] ?? member(1, 'a'),
    { ...member(2, 'b'), name: evil as ReturnType<typeof member>['name'] },
  ];
  const path = { ...member(2, 'b').path, reason: evil };
  const loud = status({ members: members.map((each) => (each.self ? each : { ...each, path })), warnings: [evil] });
  const routers = crowd(3, 2, Date.now());
  const named = { ...routers, routers: routers.routers.map((router) => ({ ...router, name: evil, model: evil })) };
  face.show(
    look({
      networks: [{ label: 'friends', status: loud, problem: null, receivedRate: 0, sentRate: 0 }],
      gateway: {
        ...GATEWAY,
        community: evil,
        leases: [{ address: '10.70.0.9', mac: evil, name: evil, expires: null }],
        bans: [{ address: evil, reason: evil, since: 1, until: null }],
        findings: [{ ...FINDING, what: evil, cause: evil, mend: evil, command: evil, line: evil }],
      },
      routers: named,
    }),
  );
  const { page, context, assertClean } = await openPage(browser);
  let ran = 0;
  await page.exposeFunction('evil', () => ran++);
  await page.goto(face.url);
  for (const view of [...VIEWS, `nodes/${id(2)}`]) {
    await go(page, view);
    await page.locator('main .table, main .stage, main .card, main .empty').first().waitFor();
    assert.equal(await page.locator('main img:not(.leaflet-tile), main script').count(), 0, view);
  }
  await go(page, 'gateway');
  await page.getByText(evil).first().waitFor();
  assert.equal(ran, 0);
  assertClean();
  await context.close();
  face.show(look());
});

test('when the face goes away the page says so and what to do, and comes back by itself', async () => {
  const mortal = await startTestFace(look());
  const { page, context } = await openPage(browser, {}, /Failed to load|ERR_/);
  await page.goto(mortal.url);
  await page.getByText('of 4 online').waitFor();
  await mortal.close();
  await page.getByText('This machine does not answer.').waitFor();
  await page.getByText('start it again with').waitFor();
  await context.close();
});

/** A real Chromium, and what a page may not do in it: no error on the console, no question to anybody else. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** ms that anything on a page may take to come. */
export const PATIENCE = 15_000;

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** Chromium asks for its makers' machines, whatever is switched off: all of their names end so. And a name of this machine. */
const NAMES = '--host-resolver-rules=MAP *.com ~NOTFOUND, MAP node.mesh 127.0.0.1';

/** @param executable what is started; Debian's by default */
export function launchBrowser(
  executable: string = '/usr/bin/chromium',
  args: readonly string[] = [],
): Promise<Browser> {
  return chromium.launch({
    executablePath: executable,
    // Chromium's own sandbox does not start for root.
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', NAMES, ...args],
  });
}

/**
 * What Playwright starts in place of Chromium: the same, in a network namespace.
 *
 * @param folder where it may lie
 */
export function chromiumIn(namespace: string, folder: string): string {
  const path = join(folder, 'chromium');
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${namespace} /usr/bin/chromium "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Where the pictures of the documents lie; they are made anew where `KITH_PICTURES=1` asks for it. */
const PICTURES = fileURLToPath(new URL('../../../../docs/pictures/', import.meta.url));

export async function keepPicture(page: Page, name: string): Promise<void> {
  if (process.env['KITH_PICTURES'] !== '1') return;
  // Until what glides has come to rest.
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

export interface Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Fails with what the console said, and what was asked of others. */
  readonly assertClean: () => void;
}

/** @param allowed what the console may say in this test */
export async function openPage(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
  allowed: RegExp | null = null,
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints: string[] = [];
  const complain = (text: string): void => {
    if (allowed === null || !allowed.test(text)) complaints.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(message.text());
  });
  page.on('pageerror', (error) => complain(error.message));
  page.on('request', (request) => {
    if (!/^(?:blob:|data:|https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\]|10\.)[:/\d.])/.test(request.url()))
      complain(`asked ${request.url()}`);
  });
  return { page, context, assertClean: () => assert.deepEqual(complaints, []) };
}

interface AxeFinding {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** Fails with what keeps people from using the page, as axe-core finds it. */
export async function assertAccessible(page: Page): Promise<void> {
  // Taken as text by the browser's own means: the page's policy allows no script from elsewhere.
  await page.evaluate(AXE);
  const found: AxeFinding[] = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
       violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => ({ html })) })))`,
  );
  const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(
    serious.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]),
    [],
  );
}

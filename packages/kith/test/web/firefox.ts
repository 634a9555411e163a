/** Debian's Firefox, where the browser of a test is to be another than Chromium. */
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, firefox } from 'playwright-core';

const RELAY = fileURLToPath(new URL('bidi-relay.ts', import.meta.url));

type Preferences = Readonly<Record<string, string | number | boolean>>;

/** A proxy that is not there: whatever is asked of somebody else than this machine gets no further. */
const NOBODY: Preferences = {
  'network.dns.disabled': true,
  'network.proxy.failover_direct': false,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.socks': '127.0.0.1',
  'network.proxy.socks_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'network.proxy.type': 1,
};

/** Pages reach each other by WebRTC on a machine that may have no network but loopback, and nobody who answers multicast DNS. */
const RTC: Preferences = {
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};

/** What it would ask its makers for. */
const QUIET: Preferences = {
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.region.network.url': '',
  'browser.safebrowsing.provider.google4.updateURL': '',
  'browser.safebrowsing.provider.mozilla.updateURL': '',
  'datareporting.healthreport.uploadEnabled': false,
  'dom.push.connection.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'media.gmp-provider.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.trr.mode': 5,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
};

/** A Firefox that asks nobody but this machine. */
export async function launchFirefox(): Promise<Browser> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-firefox-'));
  const executable = join(folder, 'firefox');
  await writeFile(executable, `#!/bin/sh\nexec '${process.execPath}' '${RELAY}' /usr/bin/firefox-esr "$@"\n`, {
    mode: 0o755,
  });
  const browser = await firefox.launch({
    // The one of Playwright's channels that speaks WebDriver BiDi with a Firefox as it is, instead of one made for Playwright.
    channel: 'moz-firefox',
    executablePath: executable,
    env: { ...process.env, HOME: folder },
    firefoxUserPrefs: { ...QUIET, ...NOBODY, ...RTC },
  });
  browser.once('disconnected', () => rmSync(folder, { recursive: true, force: true }));
  return browser;
}

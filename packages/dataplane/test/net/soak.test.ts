/** The soak, short: what a long one shows in minutes; `npm run soak` is that. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { missing } from '../addon.ts';
import { soak } from '../soak/soak.ts';

describe('native planes under mixed traffic', { skip: missing }, () => {
  it('keep every session and every byte, and no memory, while everything changes', async (context) => {
    const { failures, summary } = await soak({ seconds: 24, seed: 1 });
    for (const line of summary) context.diagnostic(line);
    assert.deepEqual(failures, []);
  });

  it('are found out where memory is kept, a session is lost or a byte is wrong', async () => {
    const { failures } = await soak({ seconds: 15, seed: 3, spoil: ['memory', 'session', 'byte'] });
    const said = failures.join('\n');
    assert.match(said, /member 0 grew by/);
    assert.match(said, /member 1 lost its session with 2/);
    assert.match(said, /the stream of member \d to 10\.77\.0\.3 brought a wrong byte/);
  });
});

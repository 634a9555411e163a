/** From nothing to a network of four: one init, three invites, three joins. */
import { ADDRESSES, addressOf, enter, everybodySeesEverybody, foundNetwork, PREFIX, type Stage } from '../actors.ts';
import type { Report } from '../report.ts';

export async function growing(stage: Stage, report: Report): Promise<void> {
  const { nyc, blr, fedora, pi, all } = stage;
  report.scene('One network grows');
  await foundNetwork(stage);
  report.say(`externalnyc founded ${PREFIX} and is ${addressOf(nyc)}, reached at ${nyc.host.address}:6550`);
  await Promise.all([enter(blr, nyc, nyc), enter(fedora, nyc, nyc)]);
  report.say(`externalblr (${addressOf(blr)}) and fedora (${addressOf(fedora)}) joined; they knew only externalnyc`);
  // An invite can name fedora as the way in once it is known where fedora is.
  await nyc.until('fedora online', ({ members }) => members.some(({ name, online }) => name === 'fedora' && online));
  await enter(pi, nyc, fedora);
  report.say(`pi (${ADDRESSES['pi']}) joined; it knew only fedora`);
  await everybodySeesEverybody(all);
  report.say('everybody sees everybody');
}

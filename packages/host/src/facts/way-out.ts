/** Whether an interface leads anywhere. */
import { Answer } from '../answer.ts';
import { run } from '../command.ts';

/** Default routes and flags of a link: more than this no machine has. */
const MOST = 64;
const LONGEST = 128;

/** Whether there is a carrier, and a default route of either family. */
export async function hasWayOut(name: string): Promise<boolean> {
  const ask = (...words: readonly string[]): ReturnType<typeof run> => run(['ip', '-j', ...words, 'dev', name]);
  const [link, ...routes] = await Promise.all([
    ask('link', 'show'),
    ask('-4', 'route', 'show', 'default'),
    ask('-6', 'route', 'show', 'default'),
  ]);
  return (
    link.code === 0 && hasCarrier(link.stdout) && routes.some(({ code, stdout }) => code === 0 && hasRoute(stdout))
  );
}

function hasCarrier(json: string): boolean {
  const [link] = Answer.parse(json, '"ip -j link show"').list(1);
  return (
    link
      ?.field('flags')
      .list(MOST)
      .some((flag) => flag.text(LONGEST) === 'LOWER_UP') ?? false
  );
}

function hasRoute(json: string): boolean {
  // Where there is none of the family, iproute2 may print nothing at all.
  return json.trim() !== '' && Answer.parse(json, '"ip -j route show"').list(MOST).length > 0;
}

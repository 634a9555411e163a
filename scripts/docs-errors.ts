/** Writes docs/errors.md from the registry of errors: `npm run docs:errors`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '@kith/core';

const EXIT_CODES = [
  [0, 'Done.'],
  [1, 'Failed for a reason that fits nowhere else.'],
  [2, 'The command or its input is wrong; nothing was changed.'],
  [3, 'What is stored on disk is missing, in the way or damaged.'],
  [4, 'A permission is missing.'],
  [5, 'The network does not play along: a port, an address or an interface is taken, or nobody answers.'],
  [6, 'Refused: by another member, by a rule of the network, or because kith is at it already.'],
] as const;

/** The whole page. */
export function errorsPage(): string {
  const lines = [
    '# Errors',
    '',
    '<!-- Written by `npm run docs:errors` from the registry in packages/core/src/errors. Change it there. -->',
    '',
    'When kith cannot do what you asked it says what it stumbled over, with a code, and what you can do. The codes are stable:',
    'search for them, and use them in scripts (`--json` prints them as `code`).',
    '',
    '## Exit codes',
    '',
    'The command line ends with one of these:',
    '',
    ...EXIT_CODES.map(([code, meaning]) => `- \`${code}\`: ${meaning}`),
    '',
    '## Codes',
  ];
  for (const [code, { meaning, advice, exit }] of Object.entries(ERRORS)) {
    lines.push('', `### ${code}`, '', meaning, '', `${advice} Exit code ${exit}.`);
  }
  return `${lines.join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage());
}

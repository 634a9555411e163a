/** Questions to a person at a terminal. */
import { createInterface, type Interface } from 'node:readline/promises';

export interface Question {
  readonly text: string;
  /** What an empty answer means; without it the question is asked again. */
  readonly fallback?: string | undefined;
  /** What is wrong with an answer; null for nothing. */
  readonly check?: (answer: string) => string | null;
}

/** Whether somebody is there to answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on standard error, so that what a verb prints can be redirected. */
export async function ask(questions: readonly Question[]): Promise<string[]> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answers: string[] = [];
    for (const question of questions) answers.push(await one(terminal, question));
    return answers;
  } finally {
    terminal.close();
  }
}

async function one(terminal: Interface, { text, fallback, check }: Question): Promise<string> {
  for (;;) {
    const typed = (
      await terminal.question(fallback === undefined || fallback === '' ? `${text} ` : `${text} [${fallback}] `)
    ).trim();
    const answer = typed === '' ? (fallback ?? '') : typed;
    const wrong = answer === '' && fallback === undefined ? 'there has to be an answer' : (check?.(answer) ?? null);
    if (wrong === null) return answer;
    process.stderr.write(`${wrong}\n`);
  }
}

/** @param text ends with a question mark */
export async function agrees(text: string): Promise<boolean> {
  const [answer = ''] = await ask([{ text: `${text} [y/N]`, fallback: '' }]);
  return /^y(?:es)?$/i.test(answer);
}

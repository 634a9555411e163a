/**
 * Clients that are libraries, driven by a small program of ours: one line of JSON per command on its standard input, one
 * line of JSON per answer. It ends when its input does.
 */
import { LabError } from '../src/error.ts';
import type { ClientStart } from './client.ts';
import { ClientProcess, spawnTied } from './running.ts';

const ANSWER_WITHIN = 20_000;
const START_WITHIN = 60_000;

export class ScriptedClient extends ClientProcess {
  #asked = 0;
  #turn: Promise<unknown> = Promise.resolve();

  async progress(): Promise<number> {
    return number(await this.ask(), 'progress');
  }

  async uploaded(): Promise<number> {
    return number(await this.ask(), 'uploaded');
  }

  /** What the program says of itself. @param request what it is told besides, for programs that know how */
  ask(request: object = {}): Promise<object> {
    // One after the other: the lines of an answer that somebody waits for must not be forgotten.
    const answer = this.#turn.then(() => this.#exchange(request));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #exchange(request: object): Promise<object> {
    const id = ++this.#asked;
    this.process.forget();
    this.process.write(JSON.stringify({ ...request, id }));
    const [line] = await this.process.waitFor(new RegExp(`^\\{"id": ?${id},.*\\}$`), ANSWER_WITHIN);
    const answer: unknown = JSON.parse(line);
    if (typeof answer !== 'object' || answer === null) throw new LabError(`not an answer: ${line}`);
    return answer;
  }
}

function number(answer: object, key: string): number {
  const value: unknown = Object.entries(answer).find(([name]) => name === key)?.[1];
  if (typeof value !== 'number') throw new LabError(`no ${key} in an answer: ${JSON.stringify(answer)}`);
  return value;
}

/** `argv` runs the program; what to do is its last argument, as JSON. */
export async function startScripted(name: string, argv: string[], start: ClientStart): Promise<ScriptedClient> {
  const process = await spawnTied(name, [...argv, JSON.stringify(start)]);
  await process.waitFor(/^\{"listening"/, START_WITHIN);
  return new ScriptedClient(name, process);
}

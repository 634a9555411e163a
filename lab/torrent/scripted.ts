/**
 * Clients that are libraries, driven by a small program of ours: one line of JSON per command on its standard input, one
 * line of JSON per answer. It ends when its input does.
 */
import { LabError } from '../src/error.ts';
import type { ClientStart, RunningClient } from './client.ts';
import { ClientProcess, spawnTied } from './running.ts';

interface Answer {
  readonly progress: number;
  readonly uploaded: number;
}

const ANSWER_WITHIN = 20_000;
const START_WITHIN = 60_000;

class ScriptedClient extends ClientProcess {
  #asked = 0;

  async progress(): Promise<number> {
    return (await this.#ask()).progress;
  }

  async uploaded(): Promise<number> {
    return (await this.#ask()).uploaded;
  }

  async #ask(): Promise<Answer> {
    const id = ++this.#asked;
    this.process.forget();
    this.process.write(JSON.stringify({ id }));
    const [line] = await this.process.waitFor(new RegExp(`^\\{"id": ?${id},.*\\}$`), ANSWER_WITHIN);
    const answer: unknown = JSON.parse(line);
    if (!isAnswer(answer)) throw new LabError(`not an answer: ${line}`);
    return answer;
  }
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null || !('progress' in value) || !('uploaded' in value)) return false;
  return typeof value.progress === 'number' && typeof value.uploaded === 'number';
}

/** `argv` runs the program; what to do is its last argument, as JSON. */
export async function startScripted(name: string, argv: string[], start: ClientStart): Promise<RunningClient> {
  const process = await spawnTied(name, [...argv, JSON.stringify(start)]);
  await process.waitFor(/^\{"listening"/, START_WITHIN);
  return new ScriptedClient(name, process);
}

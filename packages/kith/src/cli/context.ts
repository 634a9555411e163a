/** What every verb gets besides its own options. */
import { Client } from '../api/client.ts';
import { findFolder, type NetworkChoice } from '../state/networks.ts';
import { fileIn } from '../state/paths.ts';

export interface Context extends NetworkChoice {
  readonly json: boolean;
  /** Writes a line for a person at once; silent with `--json`. */
  progress(line: string): void;
}

/** The client of the network that is meant. */
export function clientOf(context: NetworkChoice): Client {
  return new Client(fileIn(findFolder(context), 'socket'));
}

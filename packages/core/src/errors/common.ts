/** Errors of every part: input, state on disk, configuration, the daemon. */
import { type ErrorEntry, FAILURE, USAGE, STATE, PERMISSION, REFUSED } from './entry.ts';

export type CommonCode =
  | 'KEY_INVALID'
  | 'ADDRESS_INVALID'
  | 'NAME_INVALID'
  | 'CBOR_INVALID'
  | 'INTERNAL'
  | 'USAGE'
  | 'NETWORK_UNKNOWN'
  | 'NETWORK_AMBIGUOUS'
  | 'NETWORK_EXISTS'
  | 'STATE_PERMISSIONS'
  | 'STATE_OWNER'
  | 'STATE_DENIED'
  | 'STATE_INCOMPLETE'
  | 'STATE_CORRUPT'
  | 'CONFIG_SYNTAX'
  | 'CONFIG_UNKNOWN_KEY'
  | 'CONFIG_INVALID'
  | 'ALREADY_RUNNING'
  | 'NOT_RUNNING'
  | 'DAEMON_FAILED'
  | 'DAEMON_UNREACHABLE'
  | 'API_REQUEST_INVALID';

export const COMMON_ERRORS: Readonly<Record<CommonCode, ErrorEntry>> = {
  KEY_INVALID: {
    meaning: 'A key is malformed.',
    advice: 'Copy the key again in full; a key file holds exactly one line.',
    exit: USAGE,
  },
  ADDRESS_INVALID: {
    meaning: 'An address, prefix or endpoint is malformed.',
    advice:
      'Write addresses like 10.0.0.1, prefixes like 10.0.0.0/24, endpoints like 203.0.113.7:6550 or [2001:db8::1]:6550.',
    exit: USAGE,
  },
  NAME_INVALID: {
    meaning: 'A name is no DNS label.',
    advice: 'Use 1 to 63 letters, digits and inner hyphens.',
    exit: USAGE,
  },
  CBOR_INVALID: {
    meaning: 'Bytes are no CBOR in the deterministic form that kith writes.',
    advice: 'The sender is broken or hostile; nothing was taken from the message.',
    exit: FAILURE,
  },
  INTERNAL: {
    meaning: 'Something happened that kith did not foresee.',
    advice: 'Report it with the text above and the end of `kith log`.',
    exit: FAILURE,
  },
  USAGE: {
    meaning: 'The command line is not understood.',
    advice: 'See `kith help` or `kith help VERB`.',
    exit: USAGE,
  },
  NETWORK_UNKNOWN: {
    meaning: 'There is no network of that name on this machine.',
    advice:
      'List the networks with `kith networks`; create one with `kith init NAME` or join one with `kith join TOKEN`.',
    exit: USAGE,
  },
  NETWORK_AMBIGUOUS: {
    meaning: 'This machine is in several networks and the command does not say which one is meant.',
    advice: 'Name it: `kith -n NETWORK …`.',
    exit: USAGE,
  },
  NETWORK_EXISTS: {
    meaning: 'The state folder already belongs to a network.',
    advice: 'Choose another label with `--network LABEL`, or give the old one up with `kith leave`.',
    exit: STATE,
  },
  STATE_PERMISSIONS: {
    meaning: 'The state folder or a key file can be read or written by other users.',
    advice:
      'Take the rights away from others with the `chmod` that the message names; if somebody may have read the keys, leave and join again.',
    exit: PERMISSION,
  },
  STATE_OWNER: {
    meaning: 'The state folder or a file in it belongs to another user.',
    advice: 'Run kith as that user, or give the folder to yourself with `chown`.',
    exit: PERMISSION,
  },
  STATE_DENIED: {
    meaning: 'The system does not let kith read or write its state.',
    advice: 'Run kith as the owner of the folder, or choose another folder with `--state DIR`.',
    exit: PERMISSION,
  },
  STATE_INCOMPLETE: {
    meaning: 'A file of the state folder is missing.',
    advice: 'Restore the file from a backup, or leave with `kith leave --force` and join again.',
    exit: STATE,
  },
  STATE_CORRUPT: {
    meaning: 'A file of the state folder is damaged.',
    advice: 'Restore the file from a backup, or leave with `kith leave --force` and join again.',
    exit: STATE,
  },
  CONFIG_SYNTAX: {
    meaning: 'The configuration is no YAML mapping.',
    advice: 'Mend the line that the message names; docs/configuration.md has an example.',
    exit: USAGE,
  },
  CONFIG_UNKNOWN_KEY: {
    meaning: 'The configuration has a key that kith does not know.',
    advice: 'Correct or remove it; docs/configuration.md lists every key.',
    exit: USAGE,
  },
  CONFIG_INVALID: {
    meaning: 'A value of the configuration is not allowed.',
    advice: 'Write one of the values that the message names.',
    exit: USAGE,
  },
  ALREADY_RUNNING: {
    meaning: 'Another kith works on this network at this moment.',
    advice: 'Use the one that runs, or stop it with `kith down` first.',
    exit: REFUSED,
  },
  NOT_RUNNING: {
    meaning: 'The network is not up on this machine.',
    advice: 'Start it with `kith up`.',
    exit: FAILURE,
  },
  DAEMON_FAILED: {
    meaning: 'The daemon ended before it was ready.',
    advice: 'Start it in the foreground to see why: `kith up --foreground`.',
    exit: FAILURE,
  },
  DAEMON_UNREACHABLE: {
    meaning: 'The daemon does not answer on its socket.',
    advice: 'Look at `kith log`; stop it by its process id and start it again with `kith up`.',
    exit: FAILURE,
  },
  API_REQUEST_INVALID: {
    meaning: 'The daemon does not understand the request.',
    advice: 'Command line and daemon may be of different versions: restart it with `kith down` and `kith up`.',
    exit: USAGE,
  },
};

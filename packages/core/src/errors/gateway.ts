/** Errors of the gateway: its file, its host, Gluon, respondd. */
import { type ErrorEntry, FAILURE, USAGE, NETWORK, REFUSED, STATE, PERMISSION } from './entry.ts';

export type GatewayCode =
  | 'GATEWAY_FILE'
  | 'GATEWAY_FILE_EXISTS'
  | 'GATEWAY_OBJECTION'
  | 'GATEWAY_DECLINED'
  | 'GATEWAY_RIGHTS'
  | 'GATEWAY_NOT_APPLIED'
  | 'GATEWAY_UNKNOWN'
  | 'GATEWAY_NO_MESH'
  | 'GLUON_SITE_INVALID'
  | 'RESPONDD_INVALID'
  | 'HOST_PROGRAM_MISSING'
  | 'HOST_COMMAND_FAILED'
  | 'DOCTOR_PROBE_FAILED'
  | 'DAEMON_NOT_READY'
  | 'BAN_REFUSED'
  | 'HOST_ANSWER_INVALID'
  | 'ROUTER_KEY_INVALID'
  | 'ROUTER_LIMIT'
  | 'ROUTER_UNKNOWN'
  | 'REGISTRATION_INVALID'
  | 'REGISTRATION_PORT_TAKEN'
  | 'GATEWAY_BUSY'
  | 'GATEWAY_IN_THE_WAY'
  | 'GATEWAY_RECORD_CORRUPT'
  | 'GATEWAY_CHECK_FAILED'
  | 'GATEWAY_APPLY_FAILED'
  | 'GATEWAY_ROLLBACK_FAILED'
  | 'GATEWAY_UNCONFIRMED'
  | 'GATEWAY_NOT_PENDING';

export const GATEWAY_ERRORS: Readonly<Record<GatewayCode, ErrorEntry>> = {
  GATEWAY_FILE: {
    meaning: "The gateway's file cannot be found, read or written.",
    advice: 'Write one with `kith gateway init`, or say where it is with `--file`.',
    exit: USAGE,
  },
  GATEWAY_FILE_EXISTS: {
    meaning: 'There is a file already where one was to be written.',
    advice: 'Name another one with `--file`, or write over it with `--force`.',
    exit: REFUSED,
  },
  GATEWAY_OBJECTION: {
    meaning: 'Something on this machine speaks against the file. Nothing was changed.',
    advice: 'Mend what each line of the message names; `kith gateway plan` shows whether something is left.',
    exit: REFUSED,
  },
  GATEWAY_DECLINED: {
    meaning: 'Nobody agreed to the changes. Nothing was changed.',
    advice: 'Agree when asked, or say `--yes` where nobody is there to answer.',
    exit: REFUSED,
  },
  GATEWAY_RIGHTS: {
    meaning: 'Only root may look after the gateway of a machine.',
    advice: 'Run it with `sudo`.',
    exit: PERMISSION,
  },
  GATEWAY_NOT_APPLIED: {
    meaning: 'No gateway is in force on this machine.',
    advice: 'Put a file into force with `kith gateway apply`.',
    exit: USAGE,
  },
  GATEWAY_UNKNOWN: {
    meaning: 'The file lists the gateways of the community, and this machine is none of them.',
    advice: 'Add a line with the name of this machine below `gateways`.',
    exit: USAGE,
  },
  GATEWAY_NO_MESH: {
    meaning: 'The gateway shall send its clients through a mesh that is not up on this machine.',
    advice: 'Start it with `kith up`, or name an interface as exit.',
    exit: NETWORK,
  },
  GLUON_SITE_INVALID: {
    meaning: "What was given is no site or domain of Gluon's, or one that computes its values.",
    advice: 'Mend the line that the message names; values have to stand there as they are, without Lua around them.',
    exit: USAGE,
  },
  RESPONDD_INVALID: {
    meaning: 'What a router says about itself is malformed or larger than anything a router says.',
    advice: 'Nothing was taken from it; look for its address in the message and update its firmware.',
    exit: FAILURE,
  },
  HOST_PROGRAM_MISSING: {
    meaning: 'A program that kith drives is not installed.',
    advice: 'Install the package that the message names, or find it with `apt-file search bin/PROGRAM`.',
    exit: FAILURE,
  },
  HOST_COMMAND_FAILED: {
    meaning: 'A program that kith drives failed, hung or wrote more than it should.',
    advice: 'The message holds the command and what it said; run it by hand to see more.',
    exit: FAILURE,
  },
  DOCTOR_PROBE_FAILED: {
    meaning: "The doctor's client could not be put into the bridge of a domain, or ended before it had an answer.",
    advice: 'Run it as root, on a kernel with veth, bridge and VXLAN; the message says what went wrong.',
    exit: FAILURE,
  },
  HOST_ANSWER_INVALID: {
    meaning: 'A program that kith asks for its state answered with something kith does not understand.',
    advice:
      'The message names the program and the place: compare its version with that of Debian 12, which kith is tested with.',
    exit: FAILURE,
  },
  DAEMON_NOT_READY: {
    meaning: "A gateway's daemon was started and does not serve.",
    advice: 'Its last words are in the message, the rest in its log; another program may hold its port: `ss -lnp`.',
    exit: FAILURE,
  },
  ROUTER_KEY_INVALID: {
    meaning: 'What was given is no public key of a router.',
    advice: 'Copy it whole: `kith gateway routers` lists the keys of those who asked.',
    exit: USAGE,
  },
  ROUTER_LIMIT: {
    meaning: 'There are as many routers as the gateway lets in, or as it lets wait from one place.',
    advice: 'Decide on those that wait, forget those that are gone, or raise `vpn.registration.limit`.',
    exit: REFUSED,
  },
  ROUTER_UNKNOWN: {
    meaning: 'No router with this key has asked, and none was let in or turned away.',
    advice: 'See `kith gateway routers` for the keys.',
    exit: USAGE,
  },
  REGISTRATION_INVALID: {
    meaning: "A router's request to be let in is malformed.",
    advice: 'The message says what is missing; docs/gateway.md tells what a router has to send.',
    exit: USAGE,
  },
  REGISTRATION_PORT_TAKEN: {
    meaning: 'The port that routers shall send their keys to cannot be opened.',
    advice: 'Write another one as `vpn.registration.port`, or end the program that has it: `ss -ltnp` names it.',
    exit: NETWORK,
  },
  GATEWAY_BUSY: {
    meaning: 'Another kith changes the gateway at this moment.',
    advice: 'Wait until it is done; `kith gateway status` tells what goes on.',
    exit: REFUSED,
  },
  GATEWAY_IN_THE_WAY: {
    meaning:
      'Something that kith did not make stands where a thing of the gateway belongs, and cannot be put back later.',
    advice: 'Move it away or give it another name, then apply again; nothing was changed.',
    exit: STATE,
  },
  GATEWAY_RECORD_CORRUPT: {
    meaning: 'The record of what kith made on this host is damaged, of another version, or cannot be read.',
    advice:
      'Restore the file from a backup. Without one, move it away and apply again: kith then takes what is there for the state before it, so `remove` leaves that behind.',
    exit: STATE,
  },
  GATEWAY_CHECK_FAILED: {
    meaning: 'A program refuses what it would be given, or an interface is missing; nothing was changed.',
    advice: 'Correct the value that the message names in the file.',
    exit: USAGE,
  },
  GATEWAY_APPLY_FAILED: {
    meaning: 'A change of the host failed; every change before it was taken back.',
    advice: 'The message names the change and why it failed; mend that and apply again.',
    exit: FAILURE,
  },
  GATEWAY_ROLLBACK_FAILED: {
    meaning: 'Changes of the host could not all be taken back.',
    advice: 'The message names those that are left; mend what it says, then `kith gateway rollback` tries them again.',
    exit: FAILURE,
  },
  GATEWAY_UNCONFIRMED: {
    meaning: 'The last change of the gateway is in force but not confirmed yet.',
    advice: 'Keep it with `kith gateway confirm`, or take it back with `kith gateway rollback`.',
    exit: REFUSED,
  },
  GATEWAY_NOT_PENDING: {
    meaning: 'There is no change of the gateway that waits for a word.',
    advice: '`kith gateway status` tells what is in force.',
    exit: REFUSED,
  },
  BAN_REFUSED: {
    meaning: 'An address cannot be banned: it is never banned, or the list is full.',
    advice: 'Take it out of `bans.allow` first; loopback and link-local addresses are never banned.',
    exit: REFUSED,
  },
};

/** Errors of the mesh: interfaces, membership, the ledger. */
import { type ErrorEntry, FAILURE, USAGE, STATE, PERMISSION, NETWORK, REFUSED } from './entry.ts';

export type MeshCode =
  | 'PORT_IN_USE'
  | 'TUN_PERMISSION'
  | 'TUN_UNAVAILABLE'
  | 'PREFIX_OVERLAP'
  | 'PORT_REFUSED'
  | 'TUN_BUSY'
  | 'NATIVE_MISSING'
  | 'INTERFACE_FAILED'
  | 'CAPABILITIES_KEPT'
  | 'MEMBER_UNKNOWN'
  | 'INVITE_UNKNOWN'
  | 'EXIT_NOT_OFFERED'
  | 'NODE_REVOKED'
  | 'JOIN_TIMEOUT'
  | 'NO_WAY_IN'
  | 'INVITE_MALFORMED'
  | 'INVITE_TRUNCATED'
  | 'INVITE_VERSION'
  | 'INVITE_EXPIRED'
  | 'INVITE_USED'
  | 'INVITE_REVOKED'
  | 'INVITE_WRONG_NETWORK'
  | 'NAME_TAKEN'
  | 'ADDRESS_TAKEN'
  | 'ADDRESS_OUTSIDE'
  | 'PREFIX_FULL'
  | 'NOT_ADMIN'
  | 'NO_SUCH_MEMBER'
  | 'STATEMENT_INVALID'
  | 'LEDGER_EMPTY'
  | 'LEDGER_CORRUPT'
  | 'LEDGER_WRITE_FAILED';

export const MESH_ERRORS: Readonly<Record<MeshCode, ErrorEntry>> = {
  PORT_IN_USE: {
    meaning: 'Another program holds the UDP port.',
    advice: 'Free it, or set another one with `port:` in config.yaml.',
    exit: NETWORK,
  },
  TUN_PERMISSION: {
    meaning: 'kith may not create its network interface.',
    advice:
      'Run it as root, or grant the right to the program that runs it: `sudo setcap cap_net_admin+ep "$(readlink -f "$(which node)")"`; without an interface: `kith up --no-tun`.',
    exit: PERMISSION,
  },
  TUN_UNAVAILABLE: {
    meaning: 'This machine has no TUN device.',
    advice:
      'Load the driver with `modprobe tun`, in a container pass /dev/net/tun in; without an interface: `kith up --no-tun`.',
    exit: FAILURE,
  },
  PREFIX_OVERLAP: {
    meaning: "The network's addresses overlap those of a network that this machine is already in.",
    advice: "Found the network with another `--prefix`, or take the other network's address away from this machine.",
    exit: NETWORK,
  },
  PORT_REFUSED: {
    meaning: 'The system does not let kith listen on the UDP port.',
    advice: 'Set a port of 1024 or more with `port:` in config.yaml.',
    exit: NETWORK,
  },
  TUN_BUSY: {
    meaning: 'A network interface of that name exists already.',
    advice: 'Set another name with `interface:` in config.yaml, or remove the other one with `ip link delete NAME`.',
    exit: NETWORK,
  },
  NATIVE_MISSING: {
    meaning: "kith's native part does not load on this machine.",
    advice:
      '`npm run setup` provides it, on x64, arm64 and ARMv7 from a prebuilt one where kith brings it, else with g++, make and python3; without an interface: `kith up --no-tun`.',
    exit: FAILURE,
  },
  INTERFACE_FAILED: {
    meaning: 'The network interface could not be set up.',
    advice: 'Install iproute2 if `ip` is missing; else the message quotes what the system answered.',
    exit: NETWORK,
  },
  CAPABILITIES_KEPT: {
    meaning: 'kith could not give up the rights that it does not need.',
    advice: 'Nothing is lost but a layer of safety; start kith with only the capability NET_ADMIN to have it.',
    exit: PERMISSION,
  },
  MEMBER_UNKNOWN: {
    meaning: 'No member of the network has that name, id or address.',
    advice: 'List the members with `kith peers`.',
    exit: USAGE,
  },
  INVITE_UNKNOWN: {
    meaning: 'No invite of the network has that id or name.',
    advice: 'List the invites with `kith invites`.',
    exit: USAGE,
  },
  EXIT_NOT_OFFERED: {
    meaning: 'The member may not be left through: no admin made it an exit.',
    advice: 'An admin allows it with `kith set MEMBER --exit yes`.',
    exit: REFUSED,
  },
  NODE_REVOKED: {
    meaning: 'This node was revoked: the network takes nothing from it any more.',
    advice: 'Ask an admin for a new invite, then `kith leave --force` and `kith join TOKEN`.',
    exit: REFUSED,
  },
  JOIN_TIMEOUT: {
    meaning: 'No member answered the invite in time.',
    advice:
      'Check that one of the members that the invite names is up and reachable over UDP from here, then try again.',
    exit: NETWORK,
  },
  NO_WAY_IN: {
    meaning: 'An invite would name no member with a known address.',
    advice: 'Start the network with `kith up`, or write where this machine is reached as `endpoints:` in config.yaml.',
    exit: NETWORK,
  },
  INVITE_MALFORMED: {
    meaning: 'An invite is mistyped or no invite at all.',
    advice: 'Copy the invite again in full; it starts with kith: and holds no spaces.',
    exit: USAGE,
  },
  INVITE_TRUNCATED: {
    meaning: 'An invite is cut off: its end is missing.',
    advice: 'Copy the invite again in full, or scan its QR code.',
    exit: USAGE,
  },
  INVITE_VERSION: {
    meaning: 'An invite was made by a newer kith than this one.',
    advice: 'Update kith on this machine, then use the invite again.',
    exit: USAGE,
  },
  INVITE_EXPIRED: {
    meaning: 'An invite is past the time its maker set.',
    advice: 'Ask an admin of the network for a new invite.',
    exit: REFUSED,
  },
  INVITE_USED: {
    meaning: 'An invite was redeemed as often as it may be.',
    advice: 'Ask an admin of the network for a new invite.',
    exit: REFUSED,
  },
  INVITE_REVOKED: {
    meaning: 'An admin revoked this invite.',
    advice: 'Ask an admin of the network for a new invite.',
    exit: REFUSED,
  },
  INVITE_WRONG_NETWORK: {
    meaning: 'An invite belongs to another network.',
    advice: 'Use it on a machine of the network it names, or join that network beside this one.',
    exit: USAGE,
  },
  NAME_TAKEN: {
    meaning: 'Another member has this name.',
    advice: 'Choose another name.',
    exit: REFUSED,
  },
  ADDRESS_TAKEN: {
    meaning: 'Another member has this address.',
    advice: 'Choose another address, or none to be given the lowest free one.',
    exit: REFUSED,
  },
  ADDRESS_OUTSIDE: {
    meaning: 'An address is not one that a member of this network can have.',
    advice: "Choose a host address of the network's prefix, or none to be given one.",
    exit: USAGE,
  },
  PREFIX_FULL: {
    meaning: "Every address of the network's prefix is taken.",
    advice: 'Revoke members that are gone, or found a network with a larger prefix.',
    exit: REFUSED,
  },
  NOT_ADMIN: {
    meaning: 'Only an admin of the network can do this.',
    advice: "Do it on an admin's machine, or ask an admin to grant you the right.",
    exit: REFUSED,
  },
  NO_SUCH_MEMBER: {
    meaning: 'The network has no active member of this name or key.',
    advice: 'List the members and check the spelling.',
    exit: USAGE,
  },
  STATEMENT_INVALID: {
    meaning: 'Bytes are no statement of a ledger.',
    advice: 'The sender is broken or hostile; nothing was taken from the message.',
    exit: FAILURE,
  },
  LEDGER_EMPTY: {
    meaning: 'The founding statement has not arrived yet: it is not known who is a member.',
    advice: 'Wait until a member was reached; check the endpoints in the invite if that takes long.',
    exit: NETWORK,
  },
  LEDGER_CORRUPT: {
    meaning: 'The ledger on disk is damaged before its end. Nothing was deleted.',
    advice:
      'Move the file aside and start again: other members send the ledger anew. Keep the damaged file until that worked.',
    exit: STATE,
  },
  LEDGER_WRITE_FAILED: {
    meaning: 'The ledger could not be written to disk. What was acknowledged before is safe.',
    advice: 'Free space on the disk or mend it, then start kith again.',
    exit: STATE,
  },
};

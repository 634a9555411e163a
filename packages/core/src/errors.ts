/**
 * The registry of errors that a person may see: stable code → what it means and what to do. docs/errors.md lists the
 * same codes; a test holds registry, page and throw sites together. A message names the thing, the value and the next
 * step; the registry's `advice` is shown below it.
 */
export interface ErrorEntry {
  /** One line: what went wrong. */
  readonly meaning: string;
  /** What the person can do about it. */
  readonly advice: string;
  /** Exit code of the command line, see docs/errors.md. */
  readonly exit: number;
}

/** Exit codes of the command line: 1 failure, 2 usage or bad input, 3 state on disk, 4 permission, 5 network, 6 refused. */
const FAILURE = 1;
const USAGE = 2;
const STATE = 3;
const PERMISSION = 4;
const NETWORK = 5;
const REFUSED = 6;

/** Every code, in the order of docs/errors.md. */
export type ErrorCode =
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
  | 'API_REQUEST_INVALID'
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
  | 'LEDGER_WRITE_FAILED'
  | 'TRACKER_PORT'
  | 'TRACKER_URL_INVALID'
  | 'TRACKER_UNREACHABLE'
  | 'TRACKER_REFUSED'
  | 'STORAGE_FULL'
  | 'STORAGE_DENIED'
  | 'STORAGE_MISSING'
  | 'STORAGE_BLOCKED'
  | 'STORAGE_CHANGED'
  | 'STORAGE_FAILED'
  | 'STORAGE_RESUME'
  | 'TORRENT_INVALID'
  | 'TORRENT_UNSUPPORTED'
  | 'TORRENT_LIMIT'
  | 'TORRENT_INCONSISTENT'
  | 'TORRENT_SOURCE_EMPTY'
  | 'TORRENT_SOURCE_UNREADABLE'
  | 'TORRENT_SOURCE_CHANGED'
  | 'TORRENT_OPTION_INVALID'
  | 'TORRENT_DUPLICATE'
  | 'MAGNET_INVALID'
  | 'MAGNET_NO_HASH'
  | 'SHARE_PORT_UNUSABLE'
  | 'SHARE_SOURCE'
  | 'SHARE_SELECTION'
  | 'SHARE_PEER'
  | 'SHARE_NOT_PUBLIC'
  | 'SHARE_PLACE_TAKEN'
  | 'SHARE_ORIGINAL'
  | 'SHARE_STOPPED'
  | 'SHARE_UNKNOWN'
  | 'SHARE_RIGHTS'
  | 'SHARE_METADATA'
  | 'GATEWAY_UNKNOWN'
  | 'GATEWAY_NO_MESH'
  | 'GLUON_SITE_INVALID'
  | 'RESPONDD_INVALID';

export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
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
  TRACKER_PORT: {
    meaning: 'The tracker cannot listen on its port.',
    advice: 'Choose a port that no other program holds on TCP or UDP; ports below 1024 need rights.',
    exit: NETWORK,
  },
  TRACKER_URL_INVALID: {
    meaning: 'The URL of a tracker is malformed or of a kind that kith does not speak.',
    advice:
      'Trackers are named like http://HOST/announce, https://HOST/announce, udp://HOST:PORT, ws://HOST or wss://HOST.',
    exit: USAGE,
  },
  TRACKER_UNREACHABLE: {
    meaning: 'A tracker gives no answer, or none that can be understood.',
    advice:
      'Nothing has to be done: it is asked again at the time that the message names, and other ways to peers are used meanwhile.',
    exit: NETWORK,
  },
  TRACKER_REFUSED: {
    meaning: 'A tracker does not serve this torrent or this node.',
    advice: 'The message carries its reason. Private trackers want the torrent file that was made for you.',
    exit: REFUSED,
  },
  STORAGE_FULL: {
    meaning: 'The disk has no room for what is to be written. Everything verified so far is kept.',
    advice: 'Free space on the disk or choose another folder, then resume.',
    exit: STATE,
  },
  STORAGE_DENIED: {
    meaning: 'A file or folder of a torrent cannot be read or written with the rights that kith has.',
    advice: 'Give the user that runs kith the right, or choose another folder, then resume.',
    exit: PERMISSION,
  },
  STORAGE_MISSING: {
    meaning: 'A folder or file of a torrent is not there.',
    advice: 'Mount the disk it is on or put it back, then resume; or check the torrent again.',
    exit: STATE,
  },
  STORAGE_BLOCKED: {
    meaning: 'Something else stands where a file or folder of a torrent belongs.',
    advice: 'Move it away, or choose another folder, then resume.',
    exit: STATE,
  },
  STORAGE_CHANGED: {
    meaning: 'A file was changed by somebody else after its pieces had been verified.',
    advice: 'Check the torrent again: what is still right is kept, the rest is loaded anew.',
    exit: STATE,
  },
  STORAGE_FAILED: {
    meaning: 'Reading or writing a file of a torrent failed.',
    advice: 'Look at the cause; if the disk is sound, resume.',
    exit: STATE,
  },
  STORAGE_RESUME: {
    meaning: 'The database that remembers the torrents cannot be used.',
    advice: 'Move the file that the message names aside: torrents are then added and checked anew.',
    exit: STATE,
  },
  TORRENT_INVALID: {
    meaning: 'What was given is no torrent, or a damaged one.',
    advice: 'Get the file again from where it came; a download of a page instead of the torrent is the common cause.',
    exit: USAGE,
  },
  TORRENT_UNSUPPORTED: {
    meaning: 'The torrent is of a version that this kith does not know.',
    advice: 'Update kith, or ask for a torrent of version 1 or 2.',
    exit: USAGE,
  },
  TORRENT_LIMIT: {
    meaning: 'The torrent is larger than what kith takes from strangers.',
    advice: 'Ask its maker for larger pieces or fewer files; docs/limits.md lists the limits.',
    exit: USAGE,
  },
  TORRENT_INCONSISTENT: {
    meaning: 'Parts of the torrent contradict each other.',
    advice: 'Ask its maker for another one: different peers would download different content.',
    exit: USAGE,
  },
  TORRENT_SOURCE_EMPTY: {
    meaning: 'There is nothing to make a torrent of.',
    advice: 'Name a file, or a folder with files in it; hidden files are left out unless they are asked for.',
    exit: USAGE,
  },
  TORRENT_SOURCE_UNREADABLE: {
    meaning: "A file or folder that belongs into the torrent can't be read.",
    advice: 'Make it readable or leave it out; names have to be UTF-8.',
    exit: PERMISSION,
  },
  TORRENT_SOURCE_CHANGED: {
    meaning: 'A file changed while its torrent was made.',
    advice: 'Wait until nothing writes to it any more and try again.',
    exit: STATE,
  },
  TORRENT_OPTION_INVALID: {
    meaning: "A torrent can't be made with these options.",
    advice: 'Use a piece length that is a power of two from 16 KiB to 128 MiB, and a name that is not empty.',
    exit: USAGE,
  },
  TORRENT_DUPLICATE: {
    meaning: 'This torrent is shared already.',
    advice: 'Take the other one out first to share it anew.',
    exit: USAGE,
  },
  MAGNET_INVALID: {
    meaning: 'What was given is no magnet link, or a damaged one.',
    advice: 'Copy the whole link again; it begins with `magnet:?`.',
    exit: USAGE,
  },
  MAGNET_NO_HASH: {
    meaning: 'The magnet link does not say which torrent it means.',
    advice: 'Copy the whole link again; it has `xt=urn:btih:` or `xt=urn:btmh:` and a hash in it.',
    exit: USAGE,
  },
  SHARE_PORT_UNUSABLE: {
    meaning: 'kith cannot use the port on which it talks to peers.',
    advice: 'Free the port or choose another one, of 1024 or more without root.',
    exit: NETWORK,
  },
  SHARE_SOURCE: {
    meaning: 'A torrent file cannot be read or fetched.',
    advice: 'Check the path or address; give a torrent file, an http address of one, or a magnet link.',
    exit: USAGE,
  },
  SHARE_SELECTION: {
    meaning: 'A selection picks none of the files.',
    advice:
      'See the files and their numbers with `kith torrent show FILE`; select by number, by name or by a pattern such as "*.mp4".',
    exit: USAGE,
  },
  SHARE_PEER: {
    meaning: 'What was given as a peer is none.',
    advice: 'Write host and port, an IPv6 address in brackets.',
    exit: USAGE,
  },
  SHARE_NOT_PUBLIC: {
    meaning: 'What is asked for would leave the mesh, and nobody said that it may.',
    advice:
      'Add `--public` if anybody may know of it; or name somebody in the mesh who has it with `--peer HOST:PORT`.',
    exit: REFUSED,
  },
  SHARE_PLACE_TAKEN: {
    meaning: 'Another share has its files in the same place.',
    advice: 'Choose another folder with `-o DIR`, or take the other share out first.',
    exit: REFUSED,
  },
  SHARE_ORIGINAL: {
    meaning: 'Files that were not loaded by kith are not deleted by it.',
    advice: 'End the share without `--data`, and delete the files yourself if you mean to.',
    exit: REFUSED,
  },
  SHARE_STOPPED: {
    meaning: 'The share process is ending.',
    advice: 'Repeat the command: it starts again.',
    exit: FAILURE,
  },
  SHARE_UNKNOWN: {
    meaning: 'There is no share of that name or id, or more than one.',
    advice: 'See `kith shares`; name it by its id or the first characters of it.',
    exit: USAGE,
  },
  SHARE_RIGHTS: {
    meaning: 'The share process runs as root and cannot give up the rights of root.',
    advice: 'Run it as a user; or install `setpriv` (util-linux), or build the native addon with `npm run setup`.',
    exit: PERMISSION,
  },
  SHARE_METADATA: {
    meaning: 'The files of a magnet link are not known, as no peer has told of them yet.',
    advice: 'Wait until somebody who has them is reachable; name one with `--peer HOST:PORT` if you know one.',
    exit: NETWORK,
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
};

/** An error with a code of the registry. `message` is for people; `cause` keeps what was underneath. */
export class KithError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KithError';
    this.code = code;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
}

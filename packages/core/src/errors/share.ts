/** Errors of the share: trackers, storage, torrents, magnets. */
import { type ErrorEntry, FAILURE, USAGE, STATE, PERMISSION, NETWORK, REFUSED } from './entry.ts';

export type ShareCode =
  | 'TRACKER_PORT'
  | 'TRACKER_URL_INVALID'
  | 'TRACKER_UNREACHABLE'
  | 'TRACKER_REFUSED'
  | 'STORAGE_FULL'
  | 'STORAGE_DENIED'
  | 'STORAGE_MISSING'
  | 'STORAGE_BLOCKED'
  | 'STORAGE_CHANGED'
  | 'STORAGE_OCCUPIED'
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
  | 'SHARE_TELEVISION'
  | 'SHARE_METADATA';

export const SHARE_ERRORS: Readonly<Record<ShareCode, ErrorEntry>> = {
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
  STORAGE_OCCUPIED: {
    meaning: 'Files with other content are where a download would come. Nothing was written.',
    advice:
      'Choose another folder with `-o DIR`, or move them away and repeat the command. `kith share resume` loads over them as well.',
    exit: REFUSED,
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
  SHARE_TELEVISION: {
    meaning: 'The media server for televisions has no local network that it may serve.',
    advice:
      'Name an interface with a private IPv4 address, as `ip -4 address` shows them: `kith share tv on --interface eth0`.',
    exit: USAGE,
  },
  SHARE_METADATA: {
    meaning: 'The files of a magnet link are not known, as no peer has told of them yet.',
    advice: 'Wait until somebody who has them is reachable; name one with `--peer HOST:PORT` if you know one.',
    exit: NETWORK,
  },
};

/**
 * BitTorrent programs that nobody here wrote, run as they come from Debian and npm, behind one contract: the interop tests
 * and the benchmarks drive all of them alike. Everything stays on loopback: no DHT unless asked for, no local discovery,
 * no port mapping.
 */

export interface ClientStart {
  /** A file with the metainfo, or a magnet. */
  readonly torrent: { readonly file: string } | { readonly magnet: string };
  /** Where the content lies (seed) or goes (leech); for a torrent of many files the folder above its own. */
  readonly content: string;
  /** A folder of the client's own for its state; it exists. */
  readonly state: string;
  /** TCP port to listen on, of 127.0.0.1. */
  readonly port: number;
  /** The content is known to be whole: no hashing at the start where the client can be told. */
  readonly seed: boolean;
  /** Who to connect to. Clients without a way to be told ignore it: there the other side must connect. */
  readonly peers?: readonly { readonly ip: string; readonly port: number }[];
  /** `required` refuses plain connections, `off` encrypted ones. Unset: the client's own choice. */
  readonly encryption?: 'required' | 'off';
  /** Switches the DHT on, with these nodes of loopback to start from. */
  readonly dht?: readonly { readonly ip: string; readonly port: number }[];
  /** Off unless set. */
  readonly pex?: boolean;
}

export interface Usage {
  /** User and system time of the process, all threads, in seconds. */
  readonly cpuSeconds: number;
  /** Largest resident set in bytes. */
  readonly peakRss: number;
}

export interface RunningClient {
  readonly pid: number;
  /** Share of the wanted content that is there and verified, 0..1. */
  progress(): Promise<number>;
  /** Payload bytes given to others. */
  uploaded(): Promise<number>;
  /** Returns when the content is whole. @throws LabError after `timeoutMs`, with the client's last words */
  finished(timeoutMs: number): Promise<void>;
  usage(): Usage;
  /** Ends the process in an orderly way and waits for it. */
  stop(): Promise<void>;
  /** Ends it without a chance to say goodbye (SIGKILL). */
  kill(): Promise<void>;
}

export interface TorrentClient {
  readonly name: string;
  /** Can be told addresses of peers; the others wait to be found. */
  readonly dials: boolean;
  /** What is missing on this machine, or null where it can run. */
  missing(): string | null;
  /** As the program says it. */
  version(): string;
  /** Returns when the client listens and has the torrent. */
  start(start: ClientStart): Promise<RunningClient>;
}

/**
 * Films whose container this browser cannot play, though it could play what is inside: their packets are put into fragmented MP4
 * as they are played, without being coded anew. One piece of work at a time, begun again where somebody jumps.
 */
import {
  ALL_FORMATS,
  type EncodedPacket,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  Mp4OutputFormat,
  Output,
  StreamTarget,
  UrlSource,
} from 'mediabunny';

/** Seconds that are prepared ahead of the place that is played, and kept behind it. */
const AHEAD = 30;
const BEHIND = 20;
/** What is that close to its end may as well have ended, and what comes that soon is waited for. */
const NEAR = 0.1;
const SOON = 3;
const CACHE = 32 * 1_048_576;
const ATTEMPTS = 4;

/** Why it cannot be done, for people. */
class RemuxRefusal extends Error {}

interface Way {
  readonly sink: EncodedPacketSink;
  /** A source of an output, and what hands it packets. */
  readonly enter: (output: Output) => (packet: EncodedPacket, first: boolean) => Promise<void>;
}

/** @param source URL that answers ranges @throws RemuxRefusal */
export async function remux(source: string, media: HTMLMediaElement): Promise<Remux> {
  if (!('MediaSource' in globalThis)) throw new RemuxRefusal('this browser lets no page prepare a film');
  const input = new Input({
    formats: ALL_FORMATS,
    source: new UrlSource(source, {
      ...{ maxCacheSize: CACHE, handleUnhandledError: () => undefined },
      getRetryDelay: (attempts) => (attempts < ATTEMPTS ? 0.25 * 2 ** attempts : null),
    }),
  });
  try {
    if (!(await input.canRead())) throw new RemuxRefusal('its container is none that this page can read');
    const ways = await waysOf(input);
    const start = await input.getFirstTimestamp();
    const end = (await input.getDurationFromMetadata()) ?? (await input.computeDuration());
    return new Remux(input, media, ways, { start, end });
  } catch (error) {
    input.dispose();
    throw error;
  }
}

export class Remux {
  readonly #input: Input;
  readonly #media: HTMLMediaElement;
  readonly #ways: readonly Way[];
  readonly #start: number;
  readonly #source: MediaSource = new MediaSource();
  readonly #url: string;
  readonly #abort: AbortController = new AbortController();
  #buffer: SourceBuffer | undefined;
  /** What is worked on; what an older one still brings is nobody's. */
  #run = 0;
  #working: Promise<void> = Promise.resolve();
  /** Where the work is, seconds; undefined where it is done. */
  #reached: number | undefined;

  constructor(
    input: Input,
    media: HTMLMediaElement,
    { mime, ways }: { readonly mime: string; readonly ways: readonly Way[] },
    { start, end }: { readonly start: number; readonly end: number },
  ) {
    this.#input = input;
    this.#media = media;
    this.#ways = ways;
    this.#start = start;
    this.#url = URL.createObjectURL(this.#source);
    const { signal } = this.#abort;
    this.#source.addEventListener(
      'sourceopen',
      () => {
        this.#source.duration = end - start;
        this.#buffer = this.#source.addSourceBuffer(mime);
        // Films do not begin at 0 in every container.
        this.#buffer.timestampOffset = -start;
        this.#begin(0);
      },
      { once: true, signal },
    );
    for (const event of ['seeking', 'waiting']) media.addEventListener(event, () => this.#look(), { signal });
    media.src = this.#url;
  }

  close(): void {
    this.#run++;
    this.#abort.abort();
    URL.revokeObjectURL(this.#url);
    this.#input.dispose();
  }

  /** Begins anew where what is played next is neither here nor about to come. */
  #look(): void {
    const { currentTime, buffered } = this.#media;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime && currentTime + NEAR < buffered.end(i)) return;
    }
    const reached = this.#reached ?? Number.POSITIVE_INFINITY;
    if (currentTime < reached - SOON || currentTime > reached + SOON) this.#begin(currentTime);
  }

  #begin(at: number): void {
    const run = ++this.#run;
    this.#reached = at;
    const work = async (): Promise<void> => {
      if (run !== this.#run) return;
      // What was cut off in the middle is no beginning of what comes. Where all had come, nothing was cut off.
      if (this.#source.readyState === 'open') this.#buffer?.abort();
      await this.#work(at + this.#start, run);
    };
    this.#working = this.#working.then(work).catch((error: unknown) => {
      // Its element tells the rest.
      if (run === this.#run && !this.#abort.signal.aborted && this.#source.readyState === 'open') {
        this.#source.endOfStream(error instanceof TypeError ? 'network' : 'decode');
      }
    });
  }

  async #work(from: number, run: number): Promise<void> {
    const writable = new WritableStream<{ readonly data: Uint8Array<ArrayBuffer> }>({
      write: ({ data }) => this.#append(data, run),
    });
    const format = new Mp4OutputFormat({ fastStart: 'fragmented', minimumFragmentDuration: 0.5 });
    const output = new Output({ format, target: new StreamTarget(writable) });
    const tracks = this.#ways.map(({ sink, enter }) => ({ sink, put: enter(output) }));
    await output.start();
    let at = from;
    const lines = [];
    for (const { sink, put } of tracks) {
      // The picture begins at a key frame, and the sound where the picture begins.
      const packet = (await sink.getKeyPacket(at)) ?? (await sink.getFirstKeyPacket());
      if (packet === null) continue;
      if (lines.length === 0) at = Math.min(at, packet.timestamp);
      lines.push({ packets: sink.packets(packet), put, next: packet, first: true });
    }
    const heads = await Promise.all(lines.map(async (line) => ({ ...line, next: (await line.packets.next()).value })));
    for (;;) {
      const line = heads.reduce<(typeof heads)[number] | undefined>(
        (best, each) => (each.next && (!best?.next || each.next.timestamp < best.next.timestamp) ? each : best),
        undefined,
      );
      if (line?.next === undefined || run !== this.#run) break;
      const packet = line.next;
      await this.#whenNear(packet.timestamp - this.#start, run);
      if (run === this.#run) this.#reached = packet.timestamp - this.#start;
      await line.put(packet, line.first);
      line.first = false;
      line.next = (await line.packets.next()).value;
    }
    for (const { packets } of heads) await packets.return();
    if (run !== this.#run) return output.cancel();
    await output.finalize();
    if (run === this.#run) this.#reached = undefined;
    if (run === this.#run && this.#source.readyState === 'open') this.#source.endOfStream();
  }

  /** Resolves when what belongs to this place is soon played, or no longer wanted. */
  async #whenNear(place: number, run: number): Promise<void> {
    while (run === this.#run && place > this.#media.currentTime + AHEAD) {
      await happens(this.#media, ['timeupdate', 'seeking', 'emptied'], this.#abort.signal);
    }
  }

  async #append(data: Uint8Array<ArrayBuffer>, run: number): Promise<void> {
    const buffer = this.#buffer;
    if (buffer === undefined || run !== this.#run) return;
    for (;;) {
      try {
        buffer.appendBuffer(data);
        await happens(buffer, ['updateend'], this.#abort.signal);
        return;
      } catch (error) {
        if (!(error instanceof DOMException) || error.name !== 'QuotaExceededError') throw error;
        await this.#makeRoom(buffer);
        if (run !== this.#run) return;
      }
    }
  }

  async #makeRoom(buffer: SourceBuffer): Promise<void> {
    const until = this.#media.currentTime - BEHIND;
    if (buffer.buffered.length > 0 && buffer.buffered.start(0) < until) {
      buffer.remove(0, until);
      await happens(buffer, ['updateend'], this.#abort.signal);
    } else await happens(this.#media, ['timeupdate', 'seeking', 'emptied'], this.#abort.signal);
  }
}

/** @throws RemuxRefusal */
async function waysOf(input: Input): Promise<{ mime: string; ways: Way[] }> {
  const video = await input.getPrimaryVideoTrack();
  const audio = await input.getPrimaryAudioTrack();
  const ways: Way[] = [];
  const names: string[] = [];
  const lacking: string[] = [];
  for (const track of [video, audio]) {
    if (track === null) continue;
    const name = await track.getCodecParameterString();
    const way = name === null || !plays(track, [name]) ? undefined : await wayOf(track);
    if (way === undefined || name === null) {
      lacking.push(`its ${track.type} is ${(await track.getCodec()) ?? 'of an unknown kind'}`);
      if (track === video) break;
    } else {
      ways.push(way);
      names.push(name);
    }
  }
  if (ways.length === 0 || (video !== null && names.length === 0)) {
    throw new RemuxRefusal(
      `${lacking.join(' and ') || 'there is neither picture nor sound in it'}, which it cannot play`,
    );
  }
  return { mime: mimeOf(video ?? audio, names), ways };
}

async function wayOf(track: InputVideoTrack | InputAudioTrack): Promise<Way | undefined> {
  const sink = new EncodedPacketSink(track);
  if (track.isVideoTrack()) {
    const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()];
    if (codec === null || config === null) return undefined;
    const enter = (output: Output): ReturnType<Way['enter']> => {
      const source = new EncodedVideoPacketSource(codec);
      output.addVideoTrack(source);
      return (packet, first) => source.add(packet, first ? { decoderConfig: config } : undefined);
    };
    return { sink, enter };
  }
  if (!track.isAudioTrack()) return undefined;
  const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()];
  if (codec === null || config === null) return undefined;
  const enter = (output: Output): ReturnType<Way['enter']> => {
    const source = new EncodedAudioPacketSource(codec);
    output.addAudioTrack(source);
    return (packet, first) => source.add(packet, first ? { decoderConfig: config } : undefined);
  };
  return { sink, enter };
}

function plays(track: InputVideoTrack | InputAudioTrack, names: readonly string[]): boolean {
  return MediaSource.isTypeSupported(mimeOf(track, names));
}

function mimeOf(track: InputVideoTrack | InputAudioTrack | null, names: readonly string[]): string {
  return `${track?.type ?? 'video'}/mp4; codecs="${names.join(', ')}"`;
}

/** Resolves with the next of these events, and when `signal` ends the waiting. */
function happens(target: EventTarget, events: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = new AbortController();
    const finish = (): void => {
      done.abort();
      resolve();
    };
    for (const event of events) target.addEventListener(event, finish, { signal: done.signal });
    signal.addEventListener('abort', finish, { signal: done.signal });
    if (signal.aborted) finish();
  });
}

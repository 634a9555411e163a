/** A peer connection of werift, in the form that node-datachannel's have, and closed to what werift lets in. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type * as Werift from 'werift';
import type { LibraryChannel, LibraryConnection, LibraryOptions } from './library.ts';
import { WeriftChannel, type WeriftHost } from './werift-channel.ts';
import { HandshakeRecord } from './werift-handshake.ts';
import { PacketGate } from './werift-packets.ts';

/** What all connections have in common. */
export interface WeriftParts {
  readonly werift: typeof Werift;
  /** Of this process. */
  readonly certificate: Werift.RTCCertificate;
  /** What is thrown, now or later, because of this ends the connection and nothing else. */
  inside<T>(connection: WeriftConnection, work: () => T): T;
}

/** Of SCTP: what came and is no whole message yet. The other side may not send more than 1 MiB of that (its window). */
const MOST_FRAGMENTS = 8_192;
const BEYOND_WINDOW = -262_144;
/** Streams that anything came on: a channel has one. */
const MOST_STREAMS = 4_096;
/** They are counted once in so many packets. */
const CHECK_EACH = 64;
/** Of the operating system, which may give less (bytes): what does not fit is lost, and slows the sender down. */
const SOCKET_BUFFER = 4_194_304;
/** Packets that overtake the end of the handshake. */
const MOST_EARLY = 16;
/** What keeps strangers out looks at parts that werift does not promise to have. */
const ANOTHER = 'this is not the version of werift that is known here';
/** For a STUN server to answer, s. */
const STUN_PATIENCE = 2.5;

export class WeriftConnection implements LibraryConnection, WeriftHost {
  readonly maxMessageSize: number;
  readonly #parts: WeriftParts;
  readonly #peer: Werift.RTCPeerConnection;
  readonly #failed: (reason: string) => void;
  readonly #gate: PacketGate;
  readonly #guarded = new WeakSet<Werift.StunProtocol>();
  readonly #early: Buffer[] = [];
  readonly #waiting = new Set<WeriftChannel>();
  #sending = false;
  #transport: Werift.RTCDtlsTransport | undefined;
  #over = false;
  #gathering: (state: string) => void = () => undefined;
  #state: (state: string) => void = () => undefined;
  /** The certificate that the other side has. */
  #proven: Buffer | undefined;
  #proved: () => void = () => undefined;

  constructor(parts: WeriftParts, options: LibraryOptions, failed: (reason: string) => void) {
    const { bindAddress, maxMessageSize, iceServers } = options;
    this.maxMessageSize = maxMessageSize;
    this.#parts = parts;
    this.#failed = failed;
    const addresses = bindAddress === undefined ? ownAddresses() : [bindAddress];
    this.#peer = new parts.werift.RTCPeerConnection({
      ...{ certificates: [parts.certificate], bundlePolicy: 'max-bundle', maxMessageSize },
      // TURN is not among them: what comes through it would pass by the gate.
      iceServers: iceServers.filter((url) => /^stun:/i.test(url)).map((urls) => ({ urls })),
      ...{ iceStunGatherTimeout: STUN_PATIENCE, iceUseIpv4: false, iceUseIpv6: false },
      iceAdditionalHostAddresses: addresses,
      ...(bindAddress === undefined
        ? {}
        : { iceInterfaceAddresses: isIPv6(bindAddress) ? { udp6: bindAddress } : { udp4: bindAddress } }),
    });
    this.#gate = new PacketGate({
      password: () => this.#ice?.localPassword ?? '',
      selected: (address, port) => {
        const [ip, at] = this.#ice?.nominated?.remoteAddr ?? [];
        return ip === address && at === port;
      },
    });
    this.#peer.connectionStateChange.subscribe((state) => this.#state(state));
  }

  inside<T>(work: () => T): T {
    return this.#parts.inside(this, work);
  }

  /** Something was thrown in it. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#failed(error instanceof Error ? error.message : String(error));
  }

  wantsTurn(channel: WeriftChannel): void {
    this.#waiting.add(channel);
    if (this.#sending) return;
    this.#sending = true;
    this.#later(() => this.#send());
  }

  createDataChannel(label: string): LibraryChannel {
    const first = this.#transport === undefined;
    return this.inside(() => {
      const channel = new WeriftChannel(this.#peer.createDataChannel(label), this);
      if (first) this.#later(() => this.#describe());
      return channel;
    });
  }

  setRemoteDescription(sdp: string, type: 'offer' | 'answer'): void {
    const media = sdp.match(/^m=.*/gm) ?? [];
    if (media.length !== 1 || !media[0]?.startsWith('m=application '))
      throw new Error('the description is of something else than data');
    // Without candidates that may be talked to it waits for checks, as long as it thinks that more may come.
    const open = sdp.replace(/^a=end-of-candidates\r?\n/gm, '');
    this.#later(async () => {
      await this.#peer.setRemoteDescription({ type, sdp: open });
      if (type === 'offer') await this.#describe();
    });
  }

  localDescription(): { readonly sdp: string } | null {
    return this.#peer.localDescription;
  }

  getSelectedCandidatePair(): { readonly remote: { readonly address: string; readonly port: number } } | null {
    const [address, port] = this.#ice?.nominated?.remoteAddr ?? [];
    return address === undefined || port === undefined ? null : { remote: { address, port } };
  }

  remoteFingerprint(): { readonly algorithm: string; readonly value: string } {
    const digest = this.#proven === undefined ? '' : createHash('sha256').update(this.#proven).digest('hex');
    return { algorithm: 'sha-256', value: digest.match(/../g)?.join(':') ?? '' };
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#later(() => this.#peer.close());
  }

  onStateChange(listener: (state: string) => void): void {
    this.#state = listener;
  }

  onGatheringStateChange(listener: (state: string) => void): void {
    this.#gathering = listener;
  }

  onDataChannel(listener: (channel: LibraryChannel) => void): void {
    this.#peer.onDataChannel.subscribe((channel) => listener(new WeriftChannel(channel, this)));
  }

  get #ice(): Werift.RTCIceTransport['connection'] | undefined {
    return this.#transport?.iceTransport.connection;
  }

  /** In turn: what a channel sends does not hold up another. */
  async #send(): Promise<void> {
    for (const channel of this.#waiting) {
      this.#waiting.delete(channel);
      if (await channel.takeTurn()) this.#waiting.add(channel);
    }
    this.#sending = false;
  }

  #later(work: () => Promise<unknown>): void {
    this.inside(() => {
      work().catch((error: unknown) => this.fail(error));
    });
  }

  async #describe(): Promise<void> {
    this.#guard();
    this.#gathering('gathering');
    await this.#peer.setLocalDescription();
    if (!this.#over) this.#gathering('complete');
  }

  /** Before there is a socket. */
  #guard(): void {
    const transport = this.#peer.sctpTransport?.dtlsTransport;
    if (transport === undefined) throw new Error('there is nothing to connect');
    this.#transport = transport;
    const { connection } = transport.iceTransport;
    // It asks one of its own choice where none is named.
    if (this.#peer.config.iceServers.length === 0) delete connection.stunServer;
    connection.onIceCandidate.subscribe(() => this.#guardSockets(connection));
    const handshake = new HandshakeRecord();
    transport.onStateChange.subscribe((state) => {
      if (state === 'connecting') queueMicrotask(() => this.#listen(transport, handshake));
      else if (state === 'connected') this.#prove(transport, handshake);
      else if (state === 'closed') this.#state('closed');
    });
    this.#guardData(transport);
  }

  #guardSockets(connection: Werift.RTCIceTransport['connection']): void {
    const protocols: unknown = Reflect.get(connection, 'protocols');
    if (!Array.isArray(protocols)) return this.fail(ANOTHER);
    for (const protocol of protocols) {
      if (!(protocol instanceof this.#parts.werift.StunProtocol)) return this.fail(ANOTHER);
      if (this.#guarded.has(protocol)) continue;
      this.#guarded.add(protocol);
      const { transport } = protocol;
      const pass = transport.onData;
      transport.onData = (datagram, from) => {
        const admitted = this.#gate.admit(datagram, from[0], from[1]);
        if (admitted !== undefined) pass(admitted, from);
      };
      // Of a candidate that there is no way to: the others are tried, and who stays silent is given up.
      transport.socket.on('error', () => undefined);
      largerBuffer(transport.socket);
    }
  }

  /** Nothing is taken from who did not prove who it is. */
  #guardData(transport: Werift.RTCDtlsTransport): void {
    const receive = transport.dataReceiver;
    let packets = 0;
    this.#proved = () => {
      for (const packet of this.#early.splice(0)) receive(packet);
    };
    transport.dataReceiver = (packet) => {
      if (this.#proven === undefined) {
        if (this.#early.length < MOST_EARLY) this.#early.push(packet);
        return;
      }
      if (++packets % CHECK_EACH === 0) this.#checkWaiting();
      receive(packet);
    };
  }

  #listen({ dtls }: Werift.RTCDtlsTransport, handshake: HandshakeRecord): void {
    if (dtls === undefined) return this.fail(ANOTHER);
    const handle = dtls.onHandleHandshakes;
    dtls.onHandleHandshakes = async (messages) => {
      for (const message of messages) handshake.note(message);
      await handle(messages);
    };
  }

  #prove({ dtls, role }: Werift.RTCDtlsTransport, handshake: HandshakeRecord): void {
    const certificate = dtls?.remoteCertificate;
    if (dtls === undefined || certificate === undefined || role === 'auto')
      return this.fail('nobody showed a certificate');
    try {
      const messages = dtls.dtls.sortedHandshakeCache;
      handshake.verify({ role, messages, certificate, masterSecret: dtls.cipher.masterSecret });
    } catch (error) {
      return this.fail(error);
    }
    this.#gate.encryptedOnly();
    this.#proven = certificate;
    this.#proved();
  }

  /** Werift keeps whatever comes, also beyond the window that it gave. */
  #checkWaiting(): void {
    const { sctp } = this.#peer.sctpTransport ?? {};
    if (sctp === undefined) return;
    const room: unknown = Reflect.get(sctp, 'advertisedRwnd');
    const streams: unknown = Reflect.get(sctp, 'inboundStreams');
    if (typeof room !== 'number' || typeof streams !== 'object' || streams === null) return this.fail(ANOTHER);
    const waiting: unknown[] = Object.values(streams);
    let fragments = 0;
    for (const stream of waiting)
      if (stream instanceof Object && 'reassembly' in stream && Array.isArray(stream.reassembly))
        fragments += stream.reassembly.length;
    if (room < BEYOND_WINDOW || fragments > MOST_FRAGMENTS || waiting.length > MOST_STREAMS)
      this.fail('sent more than there was room for');
  }
}

function largerBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER);
  } catch {
    // Some systems give nothing where they cannot give all of it.
  }
}

/** Those that others may reach. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address))
    .map(({ address }) => address);
}

/** WebRTC by node-datachannel: native code, built for the platforms that its authors build for. */
import { PeerConnection, setSctpSettings } from 'node-datachannel';
import type { Library, LibraryChannel, LibraryConnection } from './library.ts';

/** Buffers of SCTP (bytes): one connection carries no more than this in a round trip. */
const SCTP_BUFFER = 8_388_608;
/**
 * Who answers looks for ways so long after (ms); who offered begins as soon as it has the answer, and may find one before.
 * A way that both find earlier lets DTLS begin while the answer is taken in: libdatachannel refuses a certificate that it
 * sees before it has kept the description that names it, and drops a first ClientHello, which is repeated after a second.
 */
const HOLD = 300;

export function nativeLibrary(): Library {
  setSctpSettings({ recvBufferSize: SCTP_BUFFER, sendBufferSize: SCTP_BUFFER });
  return {
    name: 'node-datachannel',
    connect: (id, { iceServers, bindAddress, certificate, maxMessageSize }) => {
      const connection = new PeerConnection(id, {
        ...{ iceServers: [...iceServers], maxMessageSize },
        ...{ certificatePemFile: certificate.certificate, keyPemFile: certificate.key },
        ...(bindAddress === undefined ? {} : { bindAddress }),
      });
      return new HoldingConnection(connection);
    },
  };
}

/** The library's connection; where it answers, it learns the candidates of who offered after {@link HOLD}. */
class HoldingConnection implements LibraryConnection {
  readonly #connection: PeerConnection;

  constructor(connection: PeerConnection) {
    this.#connection = connection;
  }

  setRemoteDescription(sdp: string, type: 'offer' | 'answer'): void {
    if (type === 'answer') return this.#connection.setRemoteDescription(sdp, type);
    const { description, mid, candidates } = withoutCandidates(sdp);
    this.#connection.setRemoteDescription(description, type);
    setTimeout(() => addCandidates(this.#connection, candidates, mid), HOLD).unref();
  }

  createDataChannel(label: string): LibraryChannel {
    return this.#connection.createDataChannel(label);
  }

  localDescription(): { readonly sdp: string } | null {
    return this.#connection.localDescription();
  }

  getSelectedCandidatePair(): { readonly remote: { readonly address: string; readonly port: number } } | null {
    return this.#connection.getSelectedCandidatePair();
  }

  remoteFingerprint(): { readonly algorithm: string; readonly value: string } {
    return this.#connection.remoteFingerprint();
  }

  close(): void {
    this.#connection.close();
  }

  onStateChange(listener: (state: string) => void): void {
    this.#connection.onStateChange(listener);
  }

  onGatheringStateChange(listener: (state: string) => void): void {
    this.#connection.onGatheringStateChange(listener);
  }

  onDataChannel(listener: (channel: LibraryChannel) => void): void {
    this.#connection.onDataChannel(listener);
  }
}

function withoutCandidates(sdp: string): {
  readonly description: string;
  readonly mid: string;
  readonly candidates: string[];
} {
  const lines = sdp.split(/\r?\n/);
  const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
  const rest = lines.filter((line) => !line.startsWith('a=candidate:') && line !== 'a=end-of-candidates');
  const mid = lines.find((line) => line.startsWith('a=mid:'))?.slice('a=mid:'.length) ?? '0';
  return { description: rest.join('\r\n'), mid, candidates };
}

function addCandidates(connection: PeerConnection, candidates: readonly string[], mid: string): void {
  for (const candidate of candidates) {
    try {
      connection.addRemoteCandidate(candidate.slice('a='.length), mid);
    } catch {
      // The connection ended meanwhile, or the library does not know this kind.
    }
  }
}

/** WebRTC by node-datachannel: native code, built for the platforms that its authors build for. */
import { PeerConnection, setSctpSettings } from 'node-datachannel';
import type { Library } from './library.ts';

/** Buffers of SCTP (bytes): one connection carries no more than this in a round trip. */
const SCTP_BUFFER = 8_388_608;

export function nativeLibrary(): Library {
  setSctpSettings({ recvBufferSize: SCTP_BUFFER, sendBufferSize: SCTP_BUFFER });
  return {
    name: 'node-datachannel',
    connect: (id, { iceServers, bindAddress, certificate, maxMessageSize }) =>
      new PeerConnection(id, {
        ...{ iceServers: [...iceServers], maxMessageSize },
        ...{ certificatePemFile: certificate.certificate, keyPemFile: certificate.key },
        ...(bindAddress === undefined ? {} : { bindAddress }),
      }),
  };
}

/** WebRTC by werift, which is TypeScript: slower, and there wherever Node is. */
import { AsyncLocalStorage } from 'node:async_hooks';
import * as werift from 'werift';
import type { Certificate } from './certificate.ts';
import type { Library } from './library.ts';
import { WeriftConnection, type WeriftParts } from './werift-connection.ts';

/** Whose work it is; timers, sockets and promises that come of it keep that. */
const connections = new AsyncLocalStorage<WeriftConnection>();

/** From now on an error that nobody catches ends the connection that it is of, and the process where it is of none. */
export function weriftLibrary(): Library {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, failed);
  const inside: WeriftParts['inside'] = (connection, work) => connections.run(connection, work);
  let known: { readonly of: Certificate; readonly certificate: werift.RTCCertificate } | undefined;
  return {
    name: 'werift',
    connect: (_, options, ended) => {
      const { certificate: of } = options;
      if (known?.of !== of)
        known = { of, certificate: new werift.RTCCertificate(of.key, of.certificate, ECDSA_SHA256) };
      return new WeriftConnection({ werift, certificate: known.certificate, inside }, options, ended);
    },
  };
}

const ECDSA_SHA256 = { hash: werift.HashAlgorithm.sha256_4, signature: werift.SignatureAlgorithm.ecdsa_3 };

/** Werift parses what strangers send in promises that it does not wait for. */
function failed(error: unknown): void {
  const connection = connections.getStore();
  if (connection === undefined) process.exit(1);
  // What it was thrown out of is over by then.
  setImmediate(() => connection.fail(error));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  formatAlive,
  formatAnswer,
  formatByebye,
  parseSearch,
  type SsdpDevice,
  targetsFor,
} from '../../src/dlna/ssdp-codec.ts';

const TYPE = 'urn:schemas-upnp-org:device:MediaServer:1';
const DEVICE: SsdpDevice = { uuid: 'abc', location: 'http://192.168.1.2:6552/device.xml', types: [TYPE] };

function search(...headers: readonly string[]): Uint8Array {
  return Buffer.from(`${['M-SEARCH * HTTP/1.1', 'HOST: 239.255.255.250:1900', ...headers].join('\r\n')}\r\n\r\n`);
}

describe('a search', () => {
  it('says what is looked for and how long answers may take, 5 s at most', () => {
    const text = ['man:"ssdp:discover"', 'Mx: 3', `ST: ${TYPE} `];
    assert.deepEqual(parseSearch(search(...text)), { target: TYPE, within: 3000 });
    assert.equal(parseSearch(search('MAN: "ssdp:discover"', 'MX: 120', 'ST: ssdp:all'))?.within, 5000);
  });

  for (const [what, headers] of [
    ['no MAN', ['MX: 1', 'ST: ssdp:all']],
    ['another MAN', ['MAN: ssdp:discover', 'MX: 1', 'ST: ssdp:all']],
    ['no MX', ['MAN: "ssdp:discover"', 'ST: ssdp:all']],
    ['an MX that is no number', ['MAN: "ssdp:discover"', 'MX: -1', 'ST: ssdp:all']],
    ['no target', ['MAN: "ssdp:discover"', 'MX: 1']],
    ['more than 1 kB', ['MAN: "ssdp:discover"', 'MX: 1', 'ST: ssdp:all', `X: ${'x'.repeat(1024)}`]],
  ] as const) {
    it(`with ${what} is none`, () => assert.equal(parseSearch(search(...headers)), undefined));
  }

  it('is no announcement of others', () => assert.equal(parseSearch(formatAlive(DEVICE, TYPE)), undefined));

  it('finds the device as all that it is, as what was asked for, or not at all', () => {
    const found = (target: string): string[] => targetsFor(DEVICE, { target, within: 0 });
    assert.deepEqual(found('ssdp:all'), ['upnp:rootdevice', 'uuid:abc', TYPE]);
    for (const target of ['upnp:rootdevice', 'uuid:abc', TYPE]) assert.deepEqual(found(target), [target]);
    for (const target of ['uuid:def', 'urn:schemas-upnp-org:device:MediaServer:2', '']) {
      assert.deepEqual(found(target), []);
    }
  });

  it('of any bytes never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1500 }), (bytes) => void parseSearch(bytes)));
    fc.assert(fc.property(fc.array(fc.string(), { maxLength: 8 }), (headers) => void parseSearch(search(...headers))));
  });
});

describe('what a device says', () => {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

  it('when it comes has its place, for how long it counts and its name', () => {
    assert.equal(
      text(formatAlive(DEVICE, TYPE)),
      `NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\nLOCATION: ${DEVICE.location}\r\nNT: ${TYPE}\r\nNTS: ssdp:alive\r\nSERVER: Linux/1.0 UPnP/1.0 kith/1.0\r\nUSN: uuid:abc::${TYPE}\r\n\r\n`,
    );
  });

  it('when it is asked has the target of the question', () => {
    assert.equal(
      text(formatAnswer(DEVICE, 'uuid:abc')),
      `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: ${DEVICE.location}\r\nSERVER: Linux/1.0 UPnP/1.0 kith/1.0\r\nST: uuid:abc\r\nUSN: uuid:abc\r\n\r\n`,
    );
  });

  it('when it goes has its name alone', () => {
    assert.equal(
      text(formatByebye(DEVICE, 'upnp:rootdevice')),
      'NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\nNTS: ssdp:byebye\r\nUSN: uuid:abc::upnp:rootdevice\r\n\r\n',
    );
  });
});

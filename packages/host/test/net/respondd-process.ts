/**
 * One side of respondd in the network namespace that it is started in; the roles of `respondd.test.ts`. Prints lines of
 * JSON, reads commands from its standard input and ends with it.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { parsePrefix } from '@kith/core';
import { MapService, OwnDocuments, Responder } from '@kith/host';
import { gatewayFrom, hostNamed } from '../../../gateway/test/sample.ts';
import { answer, bomb, said, deflated } from '../respondd/router.ts';

const [role = '', ...given] = process.argv.slice(2);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const commands = createInterface({ input: process.stdin });

const ROLES: Readonly<Record<string, () => Promise<void>>> = { collector, responder, router, asker };
await ROLES[role]?.();
// An open pipe would keep the program from ending by itself, which is part of what is tested.
process.stdin.destroy();

/** `FOLDER INTERVAL INTERFACE…` */
async function collector(): Promise<void> {
  const [folder = '', interval, ...names] = given;
  const map = await MapService.open({
    folder,
    interval: Number(interval),
    segments: names.map((name) => ({ interface: name, prefixes: [parsePrefix('fd00:70::/64')] })),
    onEvent: (event) => {
      if (event.type !== 'unwritten') tell(event);
      else tell({ type: event.type, error: String(event.error) });
    },
  });
  map.start();
  tell({ type: 'started' });
  for await (const line of commands) {
    if (line === 'stop') break;
    tell({ type: 'snapshot', ...map.snapshot(), served: map.serve(line)?.body.length ?? 0 });
  }
  await map.stop();
}

/** `INTERFACE LEASES`: the gateway of the small file, whose bridge has the name of the interface. */
async function responder(): Promise<void> {
  const [name = ''] = given;
  const gateway = gatewayFrom(
    `gateway:\n  community: { name: Lab, code: lab, contact: ada@example.org }\n  clients: eth1\n  exit: eth0\n`,
    hostNamed('tower'),
  );
  const [domain] = gateway.domains;
  if (domain === undefined) throw new Error('the file has no domain');
  const own = new OwnDocuments({ gateway, version: '1.2.3', leases: () => Promise.resolve(5) });
  const it = new Responder({
    segments: [
      { interface: name, prefixes: [parsePrefix('fd00:70::/64')], documents: (wanted) => own.of(domain, wanted) },
    ],
    jitter: 50,
  });
  await it.start();
  tell({ type: 'started', ...it.snapshot() });
  for await (const line of commands) {
    if (line === 'stop') break;
    tell({ type: 'snapshot', ...it.snapshot() });
  }
  await it.stop();
}

/** `INTERFACE KIND`: a router that answers as told; a `deaf` one hears no group. */
async function router(): Promise<void> {
  const [name = '', kind = 'honest', id = 'r1'] = given;
  const socket = createSocket({ type: 'udp6', reuseAddr: true });
  socket.on('message', (question, source) => {
    tell({ type: 'asked', question: question.toString(), address: source.address });
    const send = (bytes: Uint8Array): void => socket.send(bytes, source.port, source.address);
    const mac = '02:00:00:00:00:01';
    if (kind === 'honest' || kind === 'deaf') send(answer(id, mac));
    if (kind === 'twin') send(answer(id, '02:00:00:00:00:02'));
    if (kind === 'bomb') send(bomb().subarray(0, 40_000));
    if (kind === 'odd') send(deflated({ ...said(id, mac), statistics: 'none' }));
    if (kind === 'cut') send(answer(id, mac).subarray(0, 100));
    if (kind === 'flood') for (let i = 0; i < 500; i++) send(answer(`f${i}`, mac));
  });
  await new Promise<void>((resolve) => socket.bind(1001, '::', resolve));
  const groups = kind === 'deaf' ? [] : ['ff02::2:1001', 'ff05::2:1001'];
  for (const group of groups) socket.addMembership(group, `::%${name}`);
  tell({ type: 'started' });
  for await (const line of commands) if (line === 'stop') break;
  socket.close();
}

/** `INTERFACE`: asks what it is told, `TARGET PORT TEXT`, and prints what comes back within two seconds. */
async function asker(): Promise<void> {
  const [name = '', source = '::'] = given;
  const socket = createSocket('udp6');
  socket.on('message', (bytes, from) =>
    tell({ type: 'answer', hex: bytes.toString('hex'), from: from.address, port: from.port }),
  );
  await new Promise<void>((resolve) => socket.bind(0, source, resolve));
  socket.setMulticastInterface(`::%${name}`);
  tell({ type: 'started' });
  for await (const line of commands) {
    if (line === 'stop') break;
    const [target = '', times = '1', ...words] = line.split(' ');
    for (let i = 0; i < Number(times); i++) socket.send(words.join(' '), 1001, target);
  }
  socket.close();
}

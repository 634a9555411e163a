/**
 * A crowd: `node leases.ts <count>` takes a lease for each of so many hardware addresses out of one namespace, sixty-four
 * at a time, and prints `{"leases", "addresses", "seconds", "repeats"}`. Ends with 1 where one of them gets none.
 *
 * RFC 2131. All of them ask for answers by broadcast: none has an address yet to answer to.
 *   op(1) htype(1) hlen(1) hops(1) xid(4) secs(2) flags(2) ciaddr(4) yiaddr(4) siaddr(4) giaddr(4) chaddr(16)
 *   sname(64) file(128) cookie(4) options
 */
import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';

const AT_ONCE = 64;
/** ms until a question is repeated. */
const REPEAT_AFTER = 2_000;
const MOST_REPEATS = 10;

const COOKIE = Buffer.from([99, 130, 83, 99]);
const OPTIONS_AT = 240;
const [REQUESTED, TYPE, SERVER, END] = [50, 53, 54, 255] as const;
const [DISCOVER, OFFER, REQUEST, ACK, NAK] = [1, 2, 3, 5, 6] as const;

interface Asking {
  readonly number: number;
  question: Buffer;
  repeats: number;
  timer: NodeJS.Timeout;
}

function message(number: number, type: number, options: readonly (readonly [code: number, value: Buffer])[]): Buffer {
  const head = Buffer.alloc(OPTIONS_AT);
  head.set([1, 1, 6, 0]);
  head.writeUInt32BE(number, 4);
  head.writeUInt16BE(0x8000, 10);
  head.set([0x02, 0x4b], 28);
  head.writeUInt32BE(number, 30);
  head.set(COOKIE, 236);
  const all = [[TYPE, Buffer.from([type])] as const, ...options];
  return Buffer.concat([
    head,
    ...all.map(([code, value]) => Buffer.concat([Buffer.from([code, value.length]), value])),
    Buffer.from([END]),
  ]);
}

function optionsOf(answer: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = OPTIONS_AT; at < answer.length && answer[at] !== END;) {
    if (answer[at] === 0) {
      at++;
      continue;
    }
    const length = answer[at + 1] ?? 0;
    options.set(answer[at] ?? 0, answer.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

const count = Number(process.argv[2] ?? 1000);
const socket = createSocket({ type: 'udp4', reuseAddr: true });
const asking = new Map<number, Asking>();
const addresses = new Set<string>();
const began = performance.now();
let [next, leases, repeats] = [1, 0, 0];

function ask(one: Asking): void {
  clearTimeout(one.timer);
  one.timer = setTimeout(() => {
    repeats++;
    if (++one.repeats > MOST_REPEATS) finish(1);
    else ask(one);
  }, REPEAT_AFTER);
  socket.send(one.question, 67, '255.255.255.255');
}

function begin(): void {
  while (asking.size < AT_ONCE && next <= count) {
    const number = next++;
    const one: Asking = { number, question: message(number, DISCOVER, []), repeats: 0, timer: setTimeout(() => {}, 0) };
    asking.set(number, one);
    ask(one);
  }
}

function finish(code: number): void {
  const seconds = Math.round(performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ leases, addresses: addresses.size, seconds, repeats })}\n`, () =>
    process.exit(code),
  );
}

socket.on('message', (answer) => {
  if (answer.length < OPTIONS_AT || answer[0] !== 2) return;
  const one = asking.get(answer.readUInt32BE(4));
  if (one === undefined) return;
  const options = optionsOf(answer);
  const type = options.get(TYPE)?.[0];
  const offered = answer.subarray(16, 20);
  if (type === OFFER && one.question[OPTIONS_AT + 2] === DISCOVER) {
    const server = options.get(SERVER) ?? Buffer.alloc(4);
    one.question = message(one.number, REQUEST, [
      [REQUESTED, offered],
      [SERVER, server],
    ]);
    ask(one);
  } else if (type === NAK) {
    // dnsmasq keeps no address for whom it only offered it to: two who ask at once may be offered the same.
    one.question = message(one.number, DISCOVER, []);
    ask(one);
  } else if (type === ACK) {
    clearTimeout(one.timer);
    asking.delete(one.number);
    const address = offered.join('.');
    if (isIPv4(address)) addresses.add(address);
    leases++;
    if (leases === count) finish(0);
    else begin();
  }
});

socket.bind(68, () => {
  socket.setBroadcast(true);
  begin();
});

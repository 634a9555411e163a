// One end of a connection with node-datachannel and nothing around it. Arguments: `send` or `receive`, bytes in all, bytes of
// a message. Standard input and output: the session descriptions as JSON; at the end the receiver says {"rate": MB/s}.
import { createInterface } from 'node:readline';
import { type DataChannel, PeerConnection, setSctpSettings } from 'node-datachannel';

const [role, total, size] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
/** As kith has them. */
const BUFFER = 8_388_608;
const HIGH = 4_194_304;

setSctpSettings({ recvBufferSize: BUFFER, sendBufferSize: BUFFER });
const connection = new PeerConnection(role ?? '', {
  ...{ iceServers: [], bindAddress: '127.0.0.1', maxMessageSize: 262_144 },
});
// Both are closed when they are collected as garbage.
const kept: (PeerConnection | DataChannel)[] = [connection];
connection.onGatheringStateChange((state) => {
  if (state === 'complete') process.stdout.write(`${JSON.stringify(connection.localDescription())}\n`);
});
createInterface({ input: process.stdin }).on('line', (line) => {
  const { sdp, type } = JSON.parse(line);
  connection.setRemoteDescription(sdp, type);
});

function send(channel: DataChannel): void {
  const message = Buffer.alloc(size, 1);
  let sent = 0;
  const pump = (): void => {
    while (sent < total && channel.isOpen() && channel.bufferedAmount() < HIGH) {
      channel.sendMessageBinary(message);
      sent += size;
    }
  };
  channel.setBufferedAmountLowThreshold(HIGH / 2);
  channel.onBufferedAmountLow(pump);
  channel.onOpen(pump);
}

function receive(channel: DataChannel): void {
  let [came, begun] = [0, 0];
  channel.onMessage((message) => {
    if (came === 0) begun = performance.now();
    came += typeof message === 'string' ? message.length : message.byteLength;
    if (came < total) return;
    process.stdout.write(`${JSON.stringify({ rate: came / 1e3 / (performance.now() - begun) })}\n`);
  });
}

if (role === 'send') {
  const channel = connection.createDataChannel('bench');
  kept.push(channel);
  send(channel);
} else {
  connection.onDataChannel((channel) => {
    kept.push(channel);
    receive(channel);
  });
}

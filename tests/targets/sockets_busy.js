// A server at work: some connections stay, each with more written to it than its peer reads; others come,
// exchange a little and go; meanwhile it allocates hard. READY with the descriptors of those that stay.
// Usage: sockets_busy.js STAYING
'use strict';
const fs = require('fs');
const net = require('net');
const staying = Number(process.argv[2] || 10);
const accepted = [], clients = [];
const keep = new Map();
let n = 0;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const waiting = () => accepted.reduce((sum, s) =>
  sum + s.writableLength - s._writableState.writelen + s._handle.writeQueueSize, 0);

function allocate() {
  for (let i = 0; i < 5000; i++) keep.set(++n % 30000, { n, list: [n, 'x' + n] });
  setImmediate(allocate);
}

function comeAndGo(port) {
  const c = net.connect(port, '127.0.0.1', () => c.write('hello'));
  c.on('data', () => c.destroy());
  c.on('close', () => setImmediate(comeAndGo, port));
  c.on('error', () => {});
}

async function main() {
  const connection = (s) => { accepted.push(s); };
  const server = net.createServer(connection);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  for (let i = 0; i < staying; i++) {
    const c = net.connect(port, '127.0.0.1');
    await new Promise((done) => c.once('connect', done));
    clients.push(c);
  }
  while (accepted.length < staying) await sleep(10);
  for (const s of accepted) for (let i = 0; i < 12; i++) s.write(Buffer.alloc(1 << 19));
  for (let last = -1; last !== waiting(); await sleep(300)) last = waiting();
  server.removeListener('connection', connection);
  server.on('connection', (s) => { s.on('error', () => {}); s.once('data', (d) => s.end(d)); });
  fs.writeSync(1, 'READY ' + JSON.stringify({
    fds: [...accepted, ...clients].map((s) => s._handle.fd), waiting: waiting(),
  }) + '\n');
  allocate();
  for (let i = 0; i < 5; i++) comeAndGo(port);
}
main();

// Known handles of libuv: a server with clients, one of which does not read what is written to it until
// nothing moves any more; timers, a child, a watcher, signals, UDP, a pipe, a worker with a loop of its
// own, work for the thread pool. READY with what Node itself says of them; then nothing happens.
// Usage: handles.js FOLDER CLIENTS [worker]
'use strict';
const fs = require('fs');
const net = require('net');
const path = require('path');
const dgram = require('dgram');
const { spawn, execFileSync } = require('child_process');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const [folder, clients] = [process.argv[2], Number(process.argv[3] || 3)];

if (!isMainThread) {
  const server = net.createServer().listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  return;
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const kept = [];

// Write until the kernel takes no more and both libuv and the stream hold some of it.
async function fill(socket) {
  for (let i = 0; i < 100; i++) socket.write(Buffer.alloc(64 << 10, 'x'));
  for (let last = -1; last !== socket._handle.writeQueueSize || socket.writableLength === 0; await sleep(100))
    last = socket._handle.writeQueueSize;
}

async function main() {
  const accepted = [];
  const server = net.createServer({ pauseOnConnect: true }, (s) => accepted.push(s));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  for (let i = 0; i < clients; i++) {
    const c = net.connect(port, '127.0.0.1');
    await new Promise((done) => c.once('connect', done));
    kept.push(c);
  }
  while (accepted.length < clients) await sleep(10);
  const slow = kept[0];
  await fill(slow);

  const pipe = net.createServer().listen(path.join(folder, 'pipe'));
  await new Promise((done) => pipe.once('listening', done));
  const udp = dgram.createSocket('udp4');
  await new Promise((done) => udp.bind(0, '127.0.0.1', done));
  const watcher = fs.watch(folder, () => {});
  const child = spawn('sleep', ['1000'], { stdio: ['pipe', 'ignore', 'ignore'] });
  process.on('SIGUSR2', () => {});
  const timer = setTimeout(() => {}, 1e6);
  const quiet = setInterval(() => {}, 5e5).unref();
  const worker = process.argv[4] === 'worker' ? new Worker(__filename, { argv: process.argv.slice(2, 4) }) : null;
  const workerPort = worker ? await new Promise((done) => worker.once('message', done)) : 0;

  // Opening a FIFO waits for its other end: four threads wait, three more requests wait for a thread.
  const fifo = path.join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  for (let i = 0; i < 7; i++) fs.open(fifo, 'r', () => {});
  await sleep(300);

  kept.push(server, pipe, udp, watcher, child, timer, quiet, worker, accepted);
  fs.writeSync(1, 'READY ' + JSON.stringify({
    port, workerPort, fifo,
    fd: slow._handle.fd,
    pipes: [pipe._handle.fd, child.stdin._handle.fd],
    udp: udp.address().port,
    child: child.pid,
    localPort: slow.localPort,
    writableLength: slow.writableLength,
    writeQueueSize: slow._handle.writeQueueSize,
    writable: kept.slice(0, clients).map((s) => ({ fd: s._handle.fd, writableLength: s.writableLength })),
    handles: process._getActiveHandles().map((h) => h.constructor.name),
    requests: process._getActiveRequests().length,
    resources: process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : null,
  }) + '\n');
}
main();

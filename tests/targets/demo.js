'use strict';
// The demo app: a process whose memory is a known mixture. It measures each part itself and prints
// the truth as `READY {json}`, then waits to be killed.
//
//   live      objects that a Map holds, as a cache would
//   garbage   objects of old space that nothing holds any more and no collection has visited yet
//   hole      memory that malloc got back but cannot return: survivors pin it
//   buffers   large Buffers in mappings of their own
//   worker    a worker thread with a heap of its own
const v8 = require('v8');
const vm = require('vm');
const { Worker } = require('worker_threads');

v8.setFlagsFromString('--expose-gc');
v8.setFlagsFromString('--no-memory-reducer'); // else V8 collects the garbage after 8 idle seconds
const gc = vm.runInNewContext('gc');

const MB = 1 << 20;
const scale = Number(process.argv[2] || 1);

class Session {
  constructor(i) {
    this.id = i;
    this.user = 'user-' + i;
    this.visits = [i, i + 1, i + 2];
    this.created = { at: i * 1.5 };
  }
}

function heapUsedAfter(build) {
  const before = process.memoryUsage().heapUsed;
  const result = build();
  gc();
  return [result, process.memoryUsage().heapUsed - before];
}

function sessions(count) {
  const map = new Map();
  for (let i = 0; i < count; i++) map.set(i, new Session(i));
  return map;
}

// Buffers small enough for malloc's arena; every 64th survives and pins what lies below it.
function mallocHole(count, size) {
  let all = [];
  for (let i = 0; i < count; i++) all.push(Buffer.allocUnsafeSlow(size).fill(1));
  const survivors = all.filter((_, i) => i % 64 === 63);
  survivors.push(all[count - 1]);
  all = null;
  return survivors;
}

function largeBuffers(count, size) {
  return Array.from({ length: count }, (_, i) => Buffer.alloc(size, i + 1));
}

function startWorker(count) {
  const source = `
    const { parentPort, workerData } = require('worker_threads');
    globalThis.rows = Array.from({ length: workerData }, (_, i) => ({ i, name: 'row-' + i }));
    const own = require('v8').getHeapStatistics().used_heap_size;
    setInterval(() => {}, 1 << 30);
    parentPort.postMessage(own);`;
  const worker = new Worker(source, { eval: true, workerData: count });
  return new Promise((resolve, reject) => {
    worker.once('message', (bytes) => resolve([worker, bytes]));
    worker.once('error', reject);
  });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const truth = { pid: process.pid, node: process.versions.node, v8: process.versions.v8 };
  gc();

  const count = Math.round(6000 * scale), size = 16 << 10;
  global.survivors = mallocHole(count, size);
  gc();
  await pause(200); // the stores are freed by a thread of V8's
  gc();
  truth.hole_bytes = (count - global.survivors.length) * size;
  truth.survivor_bytes = global.survivors.length * size;

  global.buffers = largeBuffers(10, Math.round(4 * MB * scale));
  truth.buffer_bytes = global.buffers.reduce((n, b) => n + b.length, 0);

  const [worker, workerBytes] = await startWorker(Math.round(100000 * scale));
  truth.worker_heap_bytes = workerBytes;
  worker.unref();

  [global.sessions, truth.live_bytes] = heapUsedAfter(() => sessions(Math.round(200000 * scale)));
  truth.live_objects = global.sessions.size;

  // Dropped only after the collection has moved it to old space.
  let [dropped, garbage] = heapUsedAfter(() => sessions(Math.round(150000 * scale)));
  dropped = null;
  truth.garbage_bytes = garbage;

  const m = process.memoryUsage();
  Object.assign(truth, { rss: m.rss, heap_total: m.heapTotal, heap_used: m.heapUsed,
                         external: m.external, array_buffers: m.arrayBuffers });
  console.log('READY ' + JSON.stringify(truth));
  setInterval(() => {}, 1 << 30);
}

main().catch((e) => { console.error(e); process.exit(1); });

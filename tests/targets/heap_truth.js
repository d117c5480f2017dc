// A heap of every kind of object, in main and in workers, and V8's own statistics of it, taken just
// before the process stops itself: nothing runs between the figures and the stop but their printing.
// Usage: heap_truth.js OBJECTS WORKERS
'use strict';
const fs = require('fs');
const v8 = require('v8');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const n = Number(process.argv[2] || 4000), workers = Number(process.argv[3] || 0);

const statistics = () => ({ memory: process.memoryUsage(), spaces: v8.getHeapSpaceStatistics() });
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
process.on('unhandledRejection', () => {});

// Everything that comes after the statistics is done once before them, so that its code is compiled.
function rehearse() {
  const nowhere = fs.openSync('/dev/null', 'w');
  for (let i = 0; i < 3; i++) fs.writeSync(nowhere, 'READY ' + JSON.stringify({ main: statistics(), workers: [], wasm: [] }) + '\n');
  fs.closeSync(nowhere);
  process.kill(process.pid, 0);
  if (parentPort) parentPort.postMessage(null);
}

async function build() {
  globalThis.kept = await require('./heap_objects.js')(n);
  rehearse();
  await sleep(400); // background compilation ends
}

async function main() {
  const block = new SharedArrayBuffer(4), figures = [], started = [];
  for (let i = 0; i < workers; i++)
    started.push(new Promise((done) => {
      const w = new Worker(__filename, { argv: [String(n >> 1)], workerData: { block } });
      w.on('message', (m) => { if (m) { figures.push(m); done(); } });
    }));
  await build();
  await Promise.all(started);
  await sleep(100);
  rehearse();
  const mine = statistics();
  fs.writeSync(1, 'READY ' + JSON.stringify({ main: mine, workers: figures, wasm: Object.keys(kept.wasm) }) + '\n');
  process.kill(process.pid, 'SIGSTOP');
  setInterval(() => {}, 1e6);
}

async function worker() {
  await build();
  parentPort.postMessage(statistics());
  Atomics.wait(new Int32Array(workerData.block), 0, 0); // not another byte is allocated
}

(isMainThread ? main() : worker()).catch((e) => { console.error(e); process.exit(1); });

// What V8 says its heap may grow to, in the main thread and in a worker with limits of its own.
// Arguments: the worker's old generation in MiB; 0: no worker.
const v8 = require('v8');
const { Worker, isMainThread, parentPort } = require('worker_threads');

const limit = () => v8.getHeapStatistics().heap_size_limit;

if (!isMainThread) {
  parentPort.postMessage(limit());
  setInterval(() => {}, 1e6);
} else {
  const maxOldGenerationSizeMb = Number(process.argv[2] || 0);
  const ready = (worker) => console.log('READY ' + JSON.stringify({ main: limit(), worker, pid: process.pid }));
  if (!maxOldGenerationSizeMb) {
    ready();
    setInterval(() => {}, 1e6);
  } else {
    new Worker(__filename, { resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb: 12 } }).on('message', ready);
  }
}

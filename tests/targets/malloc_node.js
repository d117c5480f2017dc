// A Node process in a known state of malloc. Argument:
//   small    nothing much
//   workers  two worker threads, some Buffers, then quiet
//   holes    33,000 Buffers of 4 to 32 KB, nine of ten dropped and collected (run with --expose-gc)
const { Worker, isMainThread } = require('worker_threads');

function ready() {
  process.stdout.write('READY {}\n');
}

function buffers(count, keepEach) {
  let all = [];
  for (let i = 0; i < count; i++)
    all.push(Buffer.allocUnsafeSlow(4096 + ((i * 7919) % 28672)).fill(1));
  return all.filter((_, i) => i % keepEach === 0);
}

if (!isMainThread) {
  globalThis.kept = buffers(200, 3);
  setInterval(() => {}, 1 << 30);
} else if (process.argv[2] === 'holes') {
  globalThis.kept = buffers(33000, 10);
  globalThis.gc();
  setTimeout(() => { globalThis.gc(); setTimeout(ready, 500); }, 200);
} else if (process.argv[2] === 'workers') {
  globalThis.kept = buffers(1000, 2);
  let online = 0;
  globalThis.workers = [0, 1].map(() => new Worker(__filename).on('online', () => {
    if (++online === 2)
      setTimeout(ready, 500);
  }));
} else {
  setTimeout(ready, 100);
}
setInterval(() => {}, 1 << 30);

// A process under load that says what its memory was at each moment. sampled.js [WORKERS] works on a
// heap of some 60 MB. READY when that stands; then lines on stdin:
//   work SECONDS FILE  works for so long and notes process.memoryUsage() after every slice of work,
//                      with the monotonic clock before and after asking; READY when the notes are in
//                      FILE as JSON, one list a name
//   rest               READY {usage, spaces, limit}, as V8 has them while nothing goes on
const { Worker, isMainThread } = require('worker_threads');
const fs = require('fs');
const v8 = require('v8');

const NOTES = 400000;
const names = ['before', 'after', 'heap_used', 'heap_total', 'external', 'array_buffers'];
const kept = [];
let at = 0;

// Objects that live on replace others, which become garbage in the old space.
function work(n) {
  for (let i = 0; i < n; i++) {
    const o = { id: at, text: 'x' + at, list: [at, at + 1, at + 2] };
    if (i % 4 === 0) kept[(at * 7919) % 300000] = o;
    at++;
  }
  if (at % 40000 < n) kept[300000 + at % 8] = new Array(20000).fill(at); // a large object
  if (at % 10000 < n) kept[300008 + at % 64] = Buffer.alloc(100000); // outside the heap
}

function tell(truth) {
  fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');
}

function workFor(seconds, file) {
  const columns = names.map(() => new Float64Array(NOTES));
  const until = process.hrtime.bigint() + BigInt(seconds * 1e9);
  let n = 0;
  for (let after = 0n; n < NOTES && after < until; n++) {
    work(1000);
    const before = process.hrtime.bigint();
    const u = process.memoryUsage();
    after = process.hrtime.bigint();
    const row = [before, after, u.heapUsed, u.heapTotal, u.external, u.arrayBuffers];
    row.forEach((v, i) => { columns[i][n] = Number(v); });
  }
  const notes = names.map((name, i) => [name, Array.from(columns[i].subarray(0, n))]);
  fs.writeFileSync(file, JSON.stringify(Object.fromEntries(notes)));
  tell({});
}

if (!isMainThread) {
  while (true) work(1000);
} else {
  for (let i = 0; i < 310; i++) work(4000);
  for (let i = 0; i < Number(process.argv[2] || 0); i++) new Worker(__filename);
  require('readline').createInterface({ input: process.stdin }).on('line', line => {
    const [what, seconds, file] = line.split(' ');
    if (what === 'work') return workFor(Number(seconds), file);
    const spaces = v8.getHeapSpaceStatistics(), usage = process.memoryUsage();
    tell({ usage, spaces, limit: v8.getHeapStatistics().heap_size_limit });
  });
  tell({});
}

'use strict';
// A heap of mixed garbage, old and scattered among what lives, as `node --expose-gc` leaves it. READY
// once it stands; for every line on stdin it collects, waits so many seconds ("3") and says READY with
// the kernel's count of its memory before and after.
// Usage: given_back.js GARBAGE_MB
const fs = require('fs');
const v8 = require('v8');
const mb = Number(process.argv[2] || 135);

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
const print = (truth) => fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');

const kept = (globalThis.kept = []);
let junk = [];

class Row { constructor(i) { this.i = i; this.text = 'row ' + i; this.half = i / 2; } }

const used = () => process.memoryUsage().heapUsed;

function full() {
  if (used() < mb * 1e6) return false;
  gc(); // what it made on the way does not count
  return used() >= mb * 1e6;
}

function fill() {
  while (!full())
    for (let k = 0; k < 2000; k++) {
      const block = [];
      for (let i = 0; i < 20; i++) block.push(new Row(i));
      block.push(new Map([[k, block]]), { list: [k, k + 1], text: 'block ' + k });
      junk.push(block);
      if (junk.length % 500 === 0) kept.push(new Row(junk.length));
    }
  for (let i = 0; i < 200; i++) junk.push(Buffer.alloc(20000, 1), new Array(40000).fill(i));
}

fill();
gc();
gc();
setTimeout(() => {
  junk = null;
  print({ before: resident(), spaces: v8.getHeapSpaceStatistics() });
}, 500);

process.stdin.on('data', (line) => {
  const before = resident();
  gc();
  const at_once = resident();
  setTimeout(() => print({ before, at_once, after: resident(), spaces: v8.getHeapSpaceStatistics() }), Number(line) * 1000);
});

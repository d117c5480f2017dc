// Dies of memory in the way that is asked for. Prints its pid and its heap limit first, and stays for
// `alive` alone, which collects and ends by itself.
'use strict';
const how = process.argv[2];
const kept = [];
const ways = {
  heap() { for (let i = 0; ; i++) kept.push({ i, text: 'x' + i, list: [i, i, i] }); },
  map() { const m = new Map(); for (let i = 0; ; i++) m.set(i, i); },
  string() { for (let s = 'abcdefgh'; ; s += s); },
  length() { new Array(-1); },
  stack() { const f = () => f() + 1; f(); },
  worker() {
    const { Worker } = require('worker_threads');
    const w = new Worker('const k = []; for (;;) k.push({ a: [1, 2, 3] })',
      { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16 } });
    if (process.argv[3] === 'heard') w.on('error', (e) => console.log('heard of', e.code));
  },
  alive() { for (let i = 0; i < 6; i++) { kept.push(new Array(1e5).fill(i)); global.gc(); } },
  buffers() { for (;;) kept.push(Buffer.alloc(1 << 20, 1)); },
};
const limit = require('v8').getHeapStatistics().heap_size_limit;
console.log('READY ' + JSON.stringify({ pid: process.pid, limit }));
ways[how]();

// Collects the young generation, which is all but empty, N times for each line on stdin; says how much CPU
// time of its main thread one took. Usage: node --expose-gc --single-threaded-gc gc_trace.js N
'use strict';
const fs = require('fs');
const n = Number(process.argv[2]);
const minor = process.versions.node.split('.')[0] >= 20 ? { type: 'minor' } : true;
const cpu = () => Number(fs.readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]);
const say = (what) => console.log(`READY ${JSON.stringify(what)}`);
process.stdin.on('data', () => {
  const before = cpu();
  for (let i = 0; i < n; i++) global.gc(minor);
  say({ cpu_ns: (cpu() - before) / n });
});
say({});

// A process to be asked through its inspector. Garbage that V8 has not collected, beside what lives.
// Argument: as many small Buffers are garbage, too, in malloc's arenas. Every line on stdin: "busy MS" blocks the event loop; "say" prints what it thinks of itself.
'use strict';
const v8 = require('v8');
const kept = [];
let dropped = [];
for (let i = 0; i < 3e5; i++) {
  dropped.push({ i, text: 'dropped ' + i });
  if (i % 8 === 0) kept.push({ i });
}
let held = [];
for (let i = 0; i < 8; i++) held.push({ buffer: Buffer.alloc(4 << 20, 1) });
for (let i = 0; i < Number(process.argv[2] || 0); i++) held.push({ buffer: Buffer.alloc(20000, 1) });
for (let round = 0; round < 3; round++)
  for (let i = 0, short; i < 2e5; i++) short = { i, short };

const say = () => console.log('READY ' + JSON.stringify({
  memory: process.memoryUsage(), limit: v8.getHeapStatistics().heap_size_limit, version: process.version, kept: kept.length }));
process.stdin.on('data', (line) => {
  const [word, ms] = String(line).trim().split(' ');
  if (word === 'say') return say();
  console.log('READY {}');
  setTimeout(() => { for (const end = Date.now() + Number(ms); Date.now() < end;); }, 50);
});
setTimeout(() => { dropped = held = null; say(); }, 50);

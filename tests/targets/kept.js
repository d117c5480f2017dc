'use strict';
// kept.js ADDON: each line on stdin is done and answered by READY: "native" has the addon keep 2,000
// connections more (three blocks each), "buffers" keeps 300 Buffers of 20,000 bytes in
// global.buffers, "nothing" works and keeps nothing.
const leaky = require(process.argv[2]);
globalThis.buffers = [];

function work() {
  for (let i = 0; i < 50; i++) Buffer.from(Buffer.alloc(30000, i).toString('base64'));
}

function answer(line) {
  work();
  if (line === 'native') leaky.keep(2000);
  if (line === 'buffers') for (let i = 0; i < 300; i++) buffers.push(Buffer.alloc(20000, 1));
  globalThis.gc();
  setTimeout(() => console.log('READY {}'), 100);
}

process.stdin.on('data', (lines) => lines.toString().trim().split('\n').forEach(answer));
answer('native');

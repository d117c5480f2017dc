// Twelve scripts of a megabyte each, run once: only V8's compilation cache still holds them. For a line
// "snapshot FILE" V8 writes its heap snapshot, before which it empties that cache. Stops itself.
'use strict';
const fs = require('fs');
const v8 = require('v8');
const vm = require('vm');

const tell = () => {
  fs.writeSync(1, 'READY ' + JSON.stringify({ used: process.memoryUsage().heapUsed }) + '\n');
  process.kill(process.pid, 'SIGSTOP');
};
for (let i = 0; i < 12; i++)
  vm.runInThisContext(`globalThis.ran = ${i}; /* ${String.fromCharCode(97 + i).repeat(1 << 20)} */`);
process.stdin.on('data', (line) => {
  v8.writeHeapSnapshot(line.toString().trim().split(' ')[1]);
  gc();
  tell();
});
setTimeout(() => { gc(); gc(); tell(); }, 100);

// Sixty objects of sixty classes, each the only way to what it holds. Stops itself;
// for a line "snapshot FILE" V8 writes its heap snapshot, and it stops again.
'use strict';
const fs = require('fs');
const v8 = require('v8');
const vm = require('vm');

const ready = (truth) => fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');
const stop = () => process.kill(process.pid, 'SIGSTOP');

// What each of them holds; of every kind that holds something.
const contents = [
  (n) => Array.from({ length: n }, (_, i) => ({ i, half: i / 2 })),
  (n) => new Map(Array.from({ length: n }, (_, i) => ['key' + i, [i]])),
  (n) => new Set(Array.from({ length: n }, (_, i) => ({ i }))),
  (n) => Array.from({ length: n }, (_, i) => () => i),
  (n) => { let list = null; for (let i = 0; i < n; i++) list = { list, i }; return list; },
  (n) => ({ buffer: new Uint8Array(40 * n) }),
  (n) => { const o = {}; for (let i = 0; i < n; i++) o['p' + i] = { i }; return o; },
];
globalThis.all = [];
const names = [], nShared = 10000;
function fill() { // no closure holds what is shared: only all the holders together do
  const shared = Array.from({ length: nShared }, (_, i) => ({ shared: i }));
  for (let i = 0; i < 60; i++) {
    const Class = vm.runInThisContext(`(class Holder${i} { constructor(held, shared) { this.held = held; this.shared = shared; } })`);
    globalThis.all.push(new Class(contents[i % contents.length](300 + 10 * i), shared));
    names.push('Holder' + i);
  }
}
fill();
gc();
gc();

process.stdin.on('data', (line) => {
  const [, file] = /^snapshot (.*)/.exec(line) || [];
  v8.writeHeapSnapshot(file);
  ready({});
  stop();
});
setTimeout(() => { ready({ names, all: globalThis.all.length, shared: nShared }); stop(); }, 200);

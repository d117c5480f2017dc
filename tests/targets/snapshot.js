// A heap of known objects of many kinds, a worker with one of its own, and garbage. Stops itself;
// for a line "snapshot FILE" V8 writes its heap snapshot, and it stops again.
'use strict';
const fs = require('fs');
const v8 = require('v8');
const { Worker } = require('worker_threads');

class Leaf { constructor(i) { this.i = i; this.text = 'leaf ' + i; } }
class Tree { constructor(n) { this.leaves = Array.from({ length: n }, (_, i) => new Leaf(i)); } }
class Session extends Map {}
class Dropped { constructor(next) { this.next = next; this.leaf = globalThis.kept.tree.leaves[0]; } }
class Ring { constructor() { this.self = { ring: this }; } }

const strings = ['plain', 'gr\u00fc\u00dfe', '\u65e5\u672c', '\ud83d\ude00 pair', 'lone \ud800', 'quote " \\ \n \t \x01',
  'long ' + 'x'.repeat(5000)];
globalThis.kept = {
  tree: new Tree(700),
  sessions: Array.from({ length: 30 }, (_, i) => new Session([['user', { i }]])),
  strings: strings.map((s) => JSON.parse(JSON.stringify(s))),
  secret: ['the password ', 'is swordfish'].join(''),
  expression: /sword(fish)+/gi,
  rope: 'a rope of '.repeat(3) + process.argv[0],
  bound: function bound() {}.bind(null, 1, 2),
  closures: Array.from({ length: 20 }, (_, i) => function counted() { return i; }),
  big: 2n ** 200n,
  symbol: Symbol('marked'),
  buffer: new ArrayBuffer(300000),
  shared: new SharedArrayBuffer(70000),
  bytes: Buffer.alloc(200000, 1),
  proxy: new Proxy({}, {}),
  date: new Date(0),
  weak: new WeakMap(),
  weakref: new WeakRef(strings),
  accessor: { get computed() { return 1; }, set computed(v) { } },
  sparse: Object.assign([], { 100000: 'far' }),
};
for (const leaf of globalThis.kept.tree.leaves.slice(0, 40)) globalThis.kept.weak.set(leaf, new Leaf(-1));

const ready = (truth) => fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');
const stop = () => process.kill(process.pid, 'SIGSTOP');
function drop() {
  let dropped = null;
  for (let i = 0; i < 500; i++) dropped = new Dropped(dropped);
  for (let i = 0; i < 50; i++) new Ring();
}

process.stdin.on('data', (line) => {
  const text = line.toString().trim();
  const stands = () => { ready({}); stop(); };
  if (text.startsWith('snapshot ')) {
    v8.writeHeapSnapshot(text.slice(9));
    stands();
  } else {
    gc();
    setTimeout(() => { drop(); stands(); }, 200); // no page is being swept then
  }
});

const worker = new Worker(`
  class InWorker { constructor(i) { this.i = i; } }
  globalThis.all = Array.from({ length: 250 }, (_, i) => new InWorker(i));
  require('worker_threads').parentPort.postMessage('up');
  setInterval(() => {}, 1 << 30);
`, { eval: true });
worker.on('message', () => {
  gc();
  gc();
  setTimeout(() => { ready({ strings }); stop(); }, 300); // the worker is at rest then
});

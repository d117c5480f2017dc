// A heap with live objects, garbage and everything that holds weakly. READY once it stands; for every
// line on stdin the process collects twice, prints READY with V8's own statistics and stops itself
// ("snapshot FILE": after V8 has written its heap snapshot, which collects too);
// a worker with a heap of its own, where one is asked for, has collected before.
// Usage: liveness.js OBJECTS GARBAGE_MB [mixed|weak|let_go] [worker]
'use strict';
const fs = require('fs');
const v8 = require('v8');
const vm = require('vm');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const n = Number(process.argv[2] || 20000), garbage = Number(process.argv[3] || 0), mode = process.argv[4] || 'mixed';

const statistics = () => ({ memory: process.memoryUsage(), spaces: v8.getHeapSpaceStatistics() });
const print = (truth) => fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');
const stop = () => process.kill(process.pid, 'SIGSTOP');

const worker = isMainThread && process.argv[5] && new Worker(__filename, { argv: process.argv.slice(2, 5) });

// The first time after a collection that something is printed, V8 may open an allocation area in an
// old space. Those that are open when this process stops are to be in the truth; so it is printed
// once to nowhere, and what that left in the new space is not in it.
function settled() {
  const first = statistics();
  const nowhere = fs.openSync('/dev/null', 'w');
  fs.writeSync(nowhere, 'READY ' + JSON.stringify(first) + '\n');
  fs.closeSync(nowhere);
  const spaces = v8.getHeapSpaceStatistics();
  return { ...first, spaces: spaces.map((s, i) => s.space_name === 'new_space' ? first.spaces[i] : s) };
}

// Called for an event: no handle or weak reference of an earlier one is open.
function collect(workers) {
  gc();
  gc();
  return { ...settled(), workers };
}
const collected = (workers) => { print(collect(workers)); stop(); };

function mixed(kept) {
  class Base { constructor(i) { this.i = i; this.text = 'text' + i; } }
  class Derived extends Base { constructor(i) { super(i); this.part = { half: i / 2, list: [i, i + 1] }; } }
  for (let i = 0; i < n; i++) {
    kept.push(i % 2 ? new Base(i) : new Derived(i));
    if (i % 5 === 0) kept.push(new Map([[i, { value: i }]]), new Set([i, 'x' + i]));
    if (i % 7 === 0) kept.push(((q) => () => q + i)(i));
    if (i % 50 === 0) kept.push(Buffer.alloc(3000, i), new Float64Array(i % 40), new Promise(() => {}));
    if (i % 90 === 0) kept.push(new RegExp('a' + i), new Proxy({ i }, {}), (function* () { yield i; })());
  }
}

function references(kept) {
  const map = new WeakMap(), registry = new FinalizationRegistry(() => {}), chain = new WeakMap();
  for (let i = 0; i < n; i++) {
    const key = { key: i }, value = { value: i, text: 'held by ' + i };
    map.set(key, value);                           // the value lives as long as the key
    if (i % 2) kept.push(key);                     // every other key does
    if (i % 3 === 0) kept.push(new WeakRef({ dead: i, list: [i, i] }));
    if (i % 5 === 0) registry.register({ gone: i }, { held: i, list: [i] }, i % 2 ? { token: i } : undefined);
  }
  let link = { first: true };                      // keys that only values of other entries keep
  kept.push(link);
  for (let i = 0; i < 1000; i++) {
    const next = { link: i };
    chain.set(link, next);
    link = next;
  }
  kept.push(map, registry, chain);
}

// What V8 refers to and lets go all the same: results in its caches, and in code it optimised for
// a function that is gone the variables of that function.
function letGo(kept) {
  const each = (f) => { let s = 0; for (let i = 0; i < 1000; i++) s += f(i); return s; };
  for (let k = 0; k < 2; k++) {
    const many = new Array(300000).fill(k + 0.5);
    const once = (i) => many[i] + i;
    for (let i = 0; i < 2000; i++) each(once);
  }
  for (let i = 0; i < 60000; i++) String(i + 0.25);
  for (let i = 0; i < 2000; i++) ('a' + i + ',' + i).split(',');
  kept.push(each);
}

function litter() {
  const rows = [];
  for (let i = 0; i < garbage * 16; i++) {
    const row = [];
    for (let k = 0; k < 1000; k++) row.push({ p: k, q: i, r: null, s: k + 0.5 });
    rows.push(row);
  }
  for (let i = 0; i < 20; i++) vm.runInNewContext('var o = { i: ' + i + ' }; o');
  gc(); // makes it old
  gc();
  return rows;
}

globalThis.kept = [];
(mode === 'weak' ? references : mixed)(globalThis.kept);
let junk = litter();
if (mode === 'let_go') letGo(globalThis.kept);
function rehearse() {
  const nowhere = fs.openSync('/dev/null', 'w');
  for (let i = 0; i < 3; i++) fs.writeSync(nowhere, 'READY ' + JSON.stringify(statistics()) + '\n');
  fs.closeSync(nowhere);
}
function stands() {
  junk = null;
  print(statistics());
  stop();
}

if (!isMainThread) {
  parentPort.on('message', () => {
    parentPort.postMessage(collect());
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // not another byte is allocated
  });
  setTimeout(() => { junk = null; parentPort.postMessage('stands'); }, 300);
} else if (worker) {
  worker.once('message', () => {
    worker.on('message', (theirs) => collected([theirs]));
    setTimeout(() => { rehearse(); setTimeout(stands, 300); }, 100);
  });
  process.stdin.on('data', () => worker.postMessage('collect'));
} else {
  process.stdin.on('data', (line) => {
    const [, file] = /^snapshot (.*)/.exec(line) || [];
    if (file) v8.writeHeapSnapshot(file);
    collected([]);
  });
  setTimeout(() => { rehearse(); setTimeout(stands, 300); }, 100);
}

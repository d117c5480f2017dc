// Objects that something of every kind refers to, each with a mark of its own: {mark: "mark 17"}.
// READY with how many; then it stops itself. "snapshot FILE" on stdin: V8 writes its heap snapshot.
// Usage: referrers.js COUNT SEED
'use strict';
const fs = require('fs');
const v8 = require('v8');
const n = Number(process.argv[2] || 400);
let seed = Number(process.argv[3] || 1);

const random = (below) => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >>> 8) % below;
};

class Holder {
  #hidden;
  static kept = [];
  constructor(x) { this.#hidden = x; }
  look() { return this.#hidden; }
}
class Derived extends Holder { constructor(x) { super(null); this.own = x; } }
globalThis.kept = [];
const table = new Map(), members = new Set(), weak = new WeakMap(), registry = new FinalizationRegistry(() => {});
const keys = [], plenty = {}, sparse = [], list = [];
for (let i = 0; i < 2000; i++) plenty['name' + i] = i;
delete plenty.name3;
globalThis.module_things = [table, members, weak, registry, keys, plenty, sparse, list];

const ways = [
  (x, i) => list.push(x),
  (x, i) => { globalThis['global' + i] = x; },
  (x, i) => table.set('key' + i, x),
  (x, i) => table.set(x, i),
  (x, i) => members.add(x),
  (x, i) => { const key = { key: i }; keys.push(key); weak.set(key, x); },
  (x, i) => weak.set(x, i),
  (x, i) => kept.push(new Holder(x)),
  (x, i) => kept.push(new Derived(x)),
  (x, i) => Holder.kept.push(x),
  (x, i) => kept.push({ plain: x, other: i }),
  (x, i) => kept.push({ ['odd name ' + i]: x }),
  (x, i) => kept.push({ [Symbol('symbol ' + i)]: x }),
  (x, i) => kept.push(Object.freeze([i, x])),
  (x, i) => kept.push(() => x),
  (x, i) => { let assigned = i; kept.push(() => { assigned = x; return assigned; }); kept[kept.length - 1](); },
  (x, i) => { { const block = x; kept.push(() => block); } },
  (x, i) => { try { throw x; } catch (caught) { kept.push(() => caught); } },
  (x, i) => kept.push(function named() { return i; }.bind(x, x)),
  (x, i) => kept.push(Promise.resolve(x)),
  (x, i) => kept.push((async () => { const held = x; await new Promise((resolve) => { kept.push(resolve); }); return held; })()),
  (x, i) => { const g = (function* (a) { yield i; return a; })(x); g.next(); kept.push(g); },
  (x, i) => kept.push(Object.defineProperty({}, 'got', { get: Object.assign(() => i, { of: x }), enumerable: true })),
  (x, i) => kept.push(Object.create(x)),
  (x, i) => { plenty['more' + i] = x; },
  (x, i) => { sparse[i * 100000] = x; },
  (x, i) => kept.push(new Proxy(x, {})),
  (x, i) => kept.push(new WeakRef(x)),
  (x, i) => registry.register(x, { held: i }),
  (x, i) => registry.register(kept, x),
  (x, i) => { setTimeout(() => x, 1e8); },
  (x, i) => { setTimeout(list.push, 1e8, x).unref(); },
  (x, i) => process.on('event' + i, () => x),
  (x, i) => kept.push(Object.assign(Buffer.alloc(9), { with: x })),
  (x, i) => kept.push(Object.assign(new Error('e'), { cause: x })),
  (x, i) => kept.push(new Function('x', 'return () => x')(x)),
  (x, i) => kept.push(((...rest) => () => rest)(x, i)),
  (x, i) => { const o = {}; for (let k = 0; k < 30; k++) o['p' + k] = k === i % 30 ? x : k; kept.push(o); },
];
for (let i = 0; i < n; i++) {
  const x = { mark: 'mark ' + i };
  keys.push(x); // whatever holds it weakly
  for (let k = random(3); k >= 0; k--) ways[random(ways.length)](x, i);
}

const print = (truth) => fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');
const stop = () => process.kill(process.pid, 'SIGSTOP');
process.stdin.on('data', (line) => {
  const [, file] = /^snapshot (.*)/.exec(line) || [];
  if (file) v8.writeHeapSnapshot(file, { exposeNumericValues: true });
  print({ n });
  stop();
});
setTimeout(() => { gc(); gc(); setTimeout(() => { print({ n }); stop(); }, 100); }, 200);

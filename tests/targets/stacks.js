'use strict';
// Stands still in stacks that V8 itself prints: READY {"stack": Error().stack, "tid": N}. argv[2] names
// one of `ways`; with a third argument "worker" it happens in a worker; argv[4]: the addon's path.
const { Worker, isMainThread, workerData } = require('worker_threads');
const fs = require('fs');
Error.stackTraceLimit = Infinity;

const way = isMainThread ? process.argv[2] : workerData.way;
const addon = () => require(isMainThread ? process.argv[4] : workerData.addon);
const cell = new Int32Array(new SharedArrayBuffer(4));

function tell(stack) {
  fs.writeSync(1, 'READY ' + JSON.stringify({ stack, pid: process.pid }) + '\n');
}

function stay() {
  tell(new Error().stack); Atomics.wait(cell, 0, 0);
}

class Shop {
  constructor(how) { how(this); }
  method(how) { return how(); }
  static open(how) { return new Shop(() => how()); }
  get price() { return this.method(function named() { return stay(); }); }
}

const ways = {
  calls() {
    const shop = { __proto__: Shop.prototype };
    return Shop.open(() => shop.price);
  },
  builtins() {
    const steps = [
      (next) => [1].forEach(() => next()),
      (next) => Array.from([1], () => next()),
      (next) => [2, 1].sort(() => next()),
      (next) => JSON.parse('{"a":1}', () => next()),
      (next) => 'x'.replace(/x/, () => next()),
      (next) => new Map([[1, 2]]).forEach(() => next()),
      (next) => Reflect.apply(() => next(), null, []),
      (next) => (() => next()).bind(null)(),
      (next) => `${{ [Symbol.toPrimitive]() { return next(); } }}`,
      (next) => new Proxy({}, { get: () => next() }).anything,
      (next) => [3].reduce((a) => next(a), 1),
      (next) => new Promise(() => next()),
      (next) => [...(function* () { yield next(); })()],
    ];
    const go = (i) => (i < steps.length ? steps[i](() => go(i + 1)) : stay());
    return go(0);
  },
  async_() {
    const inner = async () => { await null; stay(); };
    const middle = async () => { await inner(); };
    return (async function outer() { await middle(); })();
  },
  timer() { setTimeout(function later() { stay(); }, 1); },
  evaluated() { return (0, eval)('(function inEval(f) { return f(); })')(new Function('f', 'return () => f()')(stay)); },
  addon() {
    const { through } = addon();
    return through(function fromNative() { through(() => stay()); });
  },
  addonStays() {
    tell(new Error().stack); addon().stay();
  },
  optimised() {
    const leaf = (f, n) => f(n) + 1;
    const hot = (f, n) => leaf(f, n) * 2;
    const quiet = (n) => n;
    const other = (n) => -n;
    let sum = 0;
    for (let i = 0; i < 3e6; i++) sum += hot(i & 1 ? quiet : other, i & 7);
    return hot(stay, sum);
  },
  deep() {
    const down = (n) => (n ? down(n - 1) + 1 : stay());
    return down(3000);
  },
  busy() {
    tell('');
    const spin = (n) => { let x = 0; for (let i = 0; i < n; i++) x = (x + Math.sqrt(i)) % 1000; return x; };
    for (;;) spin(1e6);
  },
  pool() {
    for (let i = 0; i < 2; i++) require('crypto').pbkdf2('x', 'y', 2e9, 64, 'sha512', () => {});
    setTimeout(() => tell(''), 300);
  },
  idle() { setTimeout(() => tell(''), 100); },
};

if (isMainThread && process.argv[3] === 'worker') {
  new Worker(__filename, { workerData: { way, addon: process.argv[4] } });
} else if (ways[way]) {
  ways[way]();
}
setInterval(() => {}, 1000);

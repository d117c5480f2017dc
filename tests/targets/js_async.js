// Async functions, generators and combinators that wait for the one that runs.
'use strict';
const show = require('./show.js');

const tick = () => new Promise(r => setImmediate(r));
class Service {
  async inner(tag) { await tick(); show(tag); return 1; }
  async outer(tag) { return 1 + await this.inner(tag); }
  static async make(tag) { const s = new Service(); return await s.outer(tag); }
}
const arrow = async tag => { await Service.make(tag); };
async function all(tag) { await Promise.all([tick(), arrow(tag)]); }
async function settled(tag) { await Promise.allSettled([tick(), tick(), arrow(tag)]); }
async function any(tag) { await Promise.any([arrow(tag)]); }
async function* numbers(tag) { yield 1; yield await arrow(tag); }
async function loop(tag) { for await (const n of numbers(tag)) if (n === 7) return n; }
async function chained(tag) { await arrow(tag).then(() => 1).finally(() => 2); }
async function caught(tag) {
  try { await Promise.reject(new Error('no')); } catch { await arrow(tag); }
}
async function nested(tag) {
  await (async () => { await (async function named() { await arrow(tag); })(); })();
}
async function thenable(tag) { await { then(resolve) { show(tag); resolve(); } }; }
async function begun(tag) { show(tag + ' at once'); await tick(); show(tag); }
async function both(tag) { const p = arrow(tag); p.then(() => { }); await p; }

(async function main() {
  for (const f of [arrow, all, settled, any, loop, chained, caught, nested, thenable, begun, both])
    await f(f.name);
  await new Promise(r => process.nextTick(() => { show('nextTick'); r(); }));
  await new Promise(r => queueMicrotask(() => { show('microtask'); r(); }));
  show.done();
})();

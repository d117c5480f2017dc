// Waits, and on "go" allocates for a while, on the main thread and in a worker: short-lived objects, some
// that stay for a while, collections on request. Says on stderr, since V8 writes its trace to stdout, when it
// began (CLOCK_MONOTONIC) and what Node's own observer counted; ends when its stdin does.
// Usage: node --expose-gc collected.js SECONDS
'use strict';
const { PerformanceObserver, constants } = require('perf_hooks');
const { Worker, isMainThread, workerData } = require('worker_threads');
const fs = require('fs');

const say = (what) => fs.writeSync(2, `READY ${JSON.stringify(what)}\n`);

function load(seconds, done) {
  const until = Date.now() + seconds * 1000;
  let kept = [];
  let turn = 0;
  (function some() {
    for (let i = 0; i < 30000; i++) {
      const o = { a: i, b: [i, i + 1], s: 'x' + i };
      if (i % 8 === 0) kept.push(o);
    }
    if (kept.length > 150000) kept = [];
    if (++turn % 40 === 0) global.gc(turn % 80 === 0); // a minor one and a full one in turn
    if (Date.now() < until) setTimeout(some, 2);
    else done();
  })();
}

if (!isMainThread) {
  load(workerData, () => {});
} else {
  let kinds = {};
  const { NODE_PERFORMANCE_GC_MINOR: MINOR, NODE_PERFORMANCE_GC_MAJOR: MAJOR } = constants;
  const count = (list) => {
    for (const entry of list.getEntries()) {
      const kind = entry.detail ? entry.detail.kind : entry.kind;
      kinds[kind] = (kinds[kind] || 0) + 1;
    }
  };
  new PerformanceObserver(count).observe({ entryTypes: ['gc'] });
  const go = () => {
    kinds = {};
    const began = process.hrtime.bigint();
    const seconds = Number(process.argv[2]);
    const worker = new Worker(__filename, { workerData: seconds });
    let running = 2;
    const ended = () => {
      if (--running === 0) setTimeout(() => say({ // observers are told later
        began_ns: Number(began), ended_ns: Number(process.hrtime.bigint()),
        minor: kinds[MINOR] || 0, major: kinds[MAJOR] || 0 }), 100);
    };
    worker.on('exit', ended);
    load(seconds, ended);
  };
  process.stdin.once('data', () => setTimeout(go, 50));
  process.stdin.once('end', () => process.exit());
  say({});
}

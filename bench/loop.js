'use strict';
// Preloaded into a benchmark's target (node -r): how long its event loop stood still. Lines on stdin:
// `start`; `stop` gives the longest gap that monitorEventLoopDelay and a 1 ms ticker saw, whole, and the
// sum of the ticker's gaps above 5 ms; `snapshot FILE` is V8's own.
const { monitorEventLoopDelay } = require('perf_hooks');
const v8 = require('v8');

const monitor = monitorEventLoopDelay({ resolution: 1 });
let ticker = null, last = 0, longest = 0, slow = 0;
const now = () => { const [s, ns] = process.hrtime(); return s * 1e3 + ns / 1e6; };
const say = (o) => console.log('READY ' + JSON.stringify(o));

function tick() {
  const t = now();
  longest = Math.max(longest, t - last);
  if (t - last > 5) slow += t - last;
  last = t;
}

const commands = {
  start() {
    last = now();
    longest = slow = 0;
    ticker = ticker || setInterval(tick, 1);
    monitor.enable();
    // What the loop was busy with before is not counted.
    setTimeout(() => { monitor.reset(); longest = slow = 0; say({}); }, 100);
  },
  stop() {
    setTimeout(() => {
      monitor.disable();
      clearInterval(ticker);
      ticker = null;
      say({ loop_ms: monitor.max / 1e6, ticker_ms: longest, slow_ms: slow, rss: process.memoryUsage().rss });
    }, 100);
  },
  snapshot(file) {
    v8.writeHeapSnapshot(file);
    say({});
  },
};

let rest = '';
process.stdin.on('data', (data) => {
  const lines = (rest + data).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    const [name, ...args] = line.split(' ');
    commands[name](...args);
  }
});

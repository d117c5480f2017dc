// What process.memoryUsage() and v8.getHeapSpaceStatistics() say, and how many collections there
// were, whenever a line comes in. "gc MB" makes that much garbage first; "hold MB" keeps it.
'use strict';
const v8 = require('v8');
const { PerformanceObserver, constants } = require('perf_hooks');

const kinds = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
};
const collections = { major: 0, minor: 0, incremental: 0 };
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) {
    const kind = kinds[e.detail ? e.detail.kind : e.kind];
    if (kind) collections[kind]++;
  }
}).observe({ entryTypes: ['gc'] });

const held = [Buffer.alloc(5 << 20, 1)];
const make = (mb) => Array.from({ length: mb * 8 }, (_, i) => new Array(16384).fill(i));
held.push(make(20));

function say() {
  const spaces = {};
  const usage = process.memoryUsage();
  for (const s of v8.getHeapSpaceStatistics()) spaces[s.space_name.replace('_space', '')] = s.space_used_size;
  process.stdout.write(`READY ${JSON.stringify({
    usage, spaces, collections, limit: v8.getHeapStatistics().heap_size_limit,
    fds: require('fs').readdirSync('/proc/self/fd').length - 1, cpu: process.cpuUsage(),
    started: Date.now() / 1000 - process.uptime(), version: process.version,
  })}\n`);
}

process.stdin.on('data', (text) => {
  const [what, mb] = text.toString().trim().split(' ');
  if (what === 'gc') for (let i = 0; i < +mb; i++) make(1);
  if (what === 'hold') held.push(make(+mb));
  setTimeout(say, 50); // the observer hears of collections later
});
if (global.gc) global.gc();
setTimeout(say, 50);

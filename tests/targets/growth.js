// Says what it holds, and for every line "grow" on stdin holds more of some, less of others. Stops itself.
'use strict';
const fs = require('fs');
const vm = require('vm');
const define = (name, file, lines) => vm.runInThisContext('\n'.repeat(lines) +
  `(class ${name} { constructor(i) { this.id = i; this.text = 'text' + i; } })`, { filename: file });
const Grows = define('Grows', '/srv/app/grows.js', 4), Stays = define('Stays', '/srv/app/stays.js', 0);
const Shrinks = define('Shrinks', '/srv/app/stays.js', 9);
const kept = { grows: [], stays: [], shrinks: [], buffers: [], two: [] };
globalThis.kept = kept;

const add = (list, n, Class) => { for (let i = 0; i < n; i++) list.push(new Class(i)); };
function say() {
  gc();
  gc();
  fs.writeSync(1, 'READY ' + JSON.stringify({ Grows: kept.grows.length, Stays: kept.stays.length,
    Shrinks: kept.shrinks.length, buffers: kept.buffers.length, two: kept.two.length }) + '\n');
  process.kill(process.pid, 'SIGSTOP');
}
process.stdin.on('data', () => {
  add(kept.grows, 3000, Grows);
  kept.shrinks.length = 100;
  for (let i = 0; i < 4; i++) kept.buffers.push(new Uint8Array(500000));
  setTimeout(say, 50);
});
add(kept.grows, 1000, Grows);
add(kept.stays, 700, Stays);
add(kept.shrinks, 900, Shrinks);
for (let i = 0; i < 300; i++) { // one class of two shapes
  const one = new Stays(i);
  one.later = i;
  kept.two.push(one);
}
setTimeout(say, 200);

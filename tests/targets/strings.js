// Strings of all forms whose numbers and lengths it prints. Stops itself.
'use strict';
const fs = require('fs');
const N = Number(process.argv[2] || 500);
const kept = { copies: [], wide: [], unique: [], slices: [], cons: [], all: null };
globalThis.kept = kept;

// A string of its own each time: made of bytes, as what comes from a socket or a file is.
const latin = (text) => Buffer.from(text, 'latin1').toString('latin1');
const wide = (text) => Buffer.from(text, 'utf16le').toString('utf16le');

const copied = 'the same text again, of a row or a header';   // 41 characters
const copiedWide = 'снова и снова один и тот же текст';       // Cyrillic: two bytes each
for (let i = 0; i < N; i++) kept.copies.push(latin(copied));
for (let i = 0; i < N / 2; i++) kept.wide.push(wide(copiedWide));
for (let i = 0; i < N; i++) kept.unique.push(latin('there is only one of number ' + String(i).padStart(8, '0')));
const long = latin('L'.repeat(777777));
kept.long = long;
(function cut() { // only the slice is left of a long text
  for (let i = 0; i < 5; i++) kept.slices.push(latin('parent ' + i + ' ' + 'p'.repeat(100000 + i)).slice(10, 60));
  const shared = latin('held otherwise ' + 'q'.repeat(50000));
  kept.shared = shared;
  kept.slices.push(shared.slice(5, 40));
})();
gc();
gc();
setTimeout(() => {
  fs.writeSync(1, 'READY ' + JSON.stringify({ copied, copies: N, copiedWide, wide: N / 2, unique: N, long: long.length,
    parents: 5, parent: 100000, slice: 50 }) + '\n');
  process.kill(process.pid, 'SIGSTOP');
}, 200);

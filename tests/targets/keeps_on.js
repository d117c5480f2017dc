'use strict';
// Keeps a small object every millisecond or so, and a Buffer of 3 MiB every second, in a Map that
// grows by the clock; "kept?" asks how many.
class Visit {
  constructor(i) { this.number = i; }
}
const kept = new Map();
globalThis.visitsKept = kept;
setInterval(() => {
  for (let i = 0; i < 20; i++) kept.set(kept.size, new Visit(kept.size));
}, 20);
const buffers = [];
globalThis.buffersKept = buffers;
setInterval(() => buffers.push(Buffer.alloc(3 << 20, 1)), 1000);
for (let i = 0; i < 1000; i++) kept.set(kept.size, new Visit(kept.size));
process.stdin.on('data', () => console.log(`READY {"kept":${kept.size},"buffers":${buffers.length}}`));
console.log('READY {}');

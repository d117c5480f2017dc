// Allocates hard, on every space, and starts and ends workers all the time. Prints READY and goes on.
'use strict';
const { Worker, isMainThread } = require('worker_threads');
class Node3 { constructor(i) { this.a = i; this.b = 'n' + i; this.c = [i, i * 1.5, null]; } }
const keep = new Map();
let n = 0;
function burst() {
  for (let k = 0; k < 20000; k++) {
    const o = new Node3(n++);
    keep.set(n % 50000, o);
    if (n % 64 === 0) o.buf = Buffer.alloc(n % 3000);
    if (n % 512 === 0) o.big = new Array(20000).fill(n);
    if (n % 128 === 0) o.fn = new Function('x', 'return x + ' + (n % 4000) + '; // ' + 'pad'.repeat(n % 7));
    if (n % 128 === 0) o.fn(n);
    if (n % 256 === 0) o.text = JSON.parse(JSON.stringify({ list: [n, 'x'.repeat(n % 900)], re: '' + /a+b/.exec('aab') }));
    if (n % 1000 === 0) o.s = ('left ' + n).padEnd(60, 'z') + ('right ' + n).padEnd(60, 'y');
  }
  setImmediate(burst);
}
burst();
if (isMainThread) {
  const spawn = () => {
    const w = new Worker(__filename);
    w.on('error', () => {});
    w.on('exit', () => setTimeout(spawn, 50));
    setTimeout(() => w.terminate(), 400 + Math.random() * 600);
  };
  spawn();
  setTimeout(spawn, 300);
  setTimeout(() => console.log('READY ' + JSON.stringify({ pid: process.pid })), 1000);
}

// What a watcher is to notice. Usage: watched.js leak|saw|idle|server [SIZE [LEAK]]
//   leak    keeps SIZE KiB more every 20 ms, until the heap is full; waits for a line on stdin first
//   saw     fills SIZE MiB and drops them, again and again, collecting in between; keeps LEAK KiB each 20 ms
//   server  answers after as many ms as the last line on stdin said
'use strict';
const http = require('http');
const fs = require('fs');
const v8 = require('v8');
const size = Number(process.argv[3] || 0);
const ready = (more) => fs.writeSync(1, 'READY ' + JSON.stringify({ pid: process.pid, ...more }) + '\n');

class Leaked { constructor(i) { this.i = i; this.text = 'leaked ' + i; this.row = new Array(110).fill(i); } } // ~1 KiB

const modes = {
  leak() {
    const kept = global.kept = [];
    const begin = () => setInterval(() => { for (let i = 0; i < size; i++) kept.push(new Leaked(kept.length)); }, 20);
    process.stdin.once('data', begin);
    ready({ limit: v8.getHeapStatistics().heap_size_limit });
  },
  saw() {
    const kept = global.kept = [], leak = Number(process.argv[4] || 0);
    let held = [];
    setInterval(() => {
      for (let i = 0; i < size * 1024 / 10; i++) held.push(new Leaked(i));
      for (let i = 0; i < leak; i++) kept.push(new Leaked(i));
      if (held.length >= size * 1024) { held = []; gc(); }
    }, 20);
    ready();
  },
  idle() {
    setInterval(() => {}, 1e6);
    ready();
  },
  server() {
    let delay = 0;
    process.stdin.on('data', (d) => { delay = Number(String(d)); });
    const server = http.createServer((q, s) => setTimeout(() => s.end('well'), delay));
    server.listen(0, '127.0.0.1', () => ready({ url: `http://127.0.0.1:${server.address().port}/health` }));
  },
};
if (process.env.TITLE) process.title = process.env.TITLE;
modes[process.argv[2]]();

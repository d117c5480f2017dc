'use strict';
// Timers, children that exit with known codes, and an HTTP server: what a freeze must not disturb.
// `spawn`: children all the time; else idle. Answers on stdin: a line gives a READY with the counts.
const { spawn } = require('child_process');
const http = require('http');

const seen = { started: 0, exited: 0, wrong: 0, sigchld: 0, ticks: 0 };
let stopping = false;
const keep = [];
for (let i = 0; i < 100000; i++) keep.push({ id: i, name: `object ${i}` });
const buffers = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1000 + 97 * i, 1));
globalThis.keep = [keep, buffers];

function child() {
  if (stopping) return;
  const code = seen.started++ % 200;
  const c = spawn('/bin/sh', ['-c', `exit ${code}`], { stdio: 'ignore' });
  c.on('error', () => seen.wrong++);
  c.on('exit', (got, signal) => {
    seen.exited++;
    if (got !== code || signal) seen.wrong++;
    setImmediate(child);
  });
}

process.on('SIGCHLD', () => seen.sigchld++);
const server = http.createServer((_, res) => res.end('fine')).listen(0, '127.0.0.1', () => {
  if (process.argv[2] === 'spawn') {
    setInterval(() => seen.ticks++, 1);
    setInterval(() => keep.push({ more: 'x'.repeat(100) }), 1);
    child();
    child();
  }
  const ready = () => console.log('READY ' + JSON.stringify({ ...seen, port: server.address().port }));
  process.stdin.on('data', (line) => {
    if (!String(line).startsWith('end')) return ready();
    stopping = true;
    const wait = () => (seen.exited === seen.started ? ready() : setTimeout(wait, 10));
    wait();
  });
  setTimeout(ready, 300);
});

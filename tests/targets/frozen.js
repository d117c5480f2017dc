'use strict';
// An idle HTTP server with objects and Buffers. A line on stdin gives a READY with its port.
const http = require('http');

const keep = [];
for (let i = 0; i < 100000; i++) keep.push({ id: i, name: `object ${i}` });
const buffers = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1000 + 97 * i, 1));
globalThis.keep = [keep, buffers];

const server = http.createServer((_, res) => res.end('fine')).listen(0, '127.0.0.1', () => {
  const ready = () => console.log('READY ' + JSON.stringify({ port: server.address().port }));
  process.stdin.on('data', ready);
  setTimeout(ready, 300);
});

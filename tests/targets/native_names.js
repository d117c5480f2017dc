'use strict';
// Makes known native things on demand: a line "more" on stdin makes 300 Buffers, 50 zlib streams and
// 20 secure contexts more; READY is printed when they stand.
const zlib = require('zlib');
const tls = require('tls');
const fs = require('fs');
const path = require('path');
const pem = fs.readFileSync(path.join(__dirname, 'localhost.pem'));

const kept = [];
globalThis.kept = kept;

function more() {
  for (let i = 0; i < 300; i++) kept.push(Buffer.alloc(30000, i));
  for (let i = 0; i < 50; i++) {
    kept.push(zlib.createDeflate());
    kept[kept.length - 1].write('x'); // its windows are made when they are needed
  }
  for (let i = 0; i < 20; i++) kept.push(tls.createSecureContext({ key: pem, cert: pem }));
}

function settle() {
  globalThis.gc();
  setTimeout(() => {
    globalThis.gc();
    console.log('READY ' + JSON.stringify(process.memoryUsage()));
  }, 300);
}

more();
settle();
process.stdin.on('data', () => { more(); settle(); });

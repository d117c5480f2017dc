'use strict';
// Makes known native things, and on demand, by lines on stdin: "more", all of more() once more; "certificates",
// 30 of them; "requests", those of the addon that is its argument (addon/requests.c). READY is printed when
// they stand, with what Node counts of memory and, from Node 24 on, the pages of its databases.
const crypto = require('crypto');
const fs = require('fs');
const http2 = require('http2');
const path = require('path');
const tls = require('tls');
const zlib = require('zlib');
const pem = fs.readFileSync(path.join(__dirname, 'localhost.pem'));
const [major] = process.versions.node.split('.').map(Number);

const kept = [];
globalThis.kept = kept;
let pages = 0;

function compressors() {
  const packed = zlib.deflateSync(crypto.randomBytes(100000));
  for (let i = 0; i < 50; i++) {
    kept.push(zlib.createDeflate());
    kept[kept.length - 1].write('x'); // its windows are made when they are needed
  }
  for (let i = 0; i < 10; i++) {
    kept.push(zlib.createInflate());
    kept[kept.length - 1].resume().write(packed.subarray(0, 50000)); // in the middle: the window is needed
  }
}

// One session of HTTP/2 with 5 streams that wait for their answers: two ends, both here.
function streams() {
  return new Promise((ready) => {
    const server = http2.createServer();
    let seen = 0;
    server.on('stream', (s) => { kept.push(s); if (++seen === 5) ready(); });
    server.listen(0, '127.0.0.1', () => {
      const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
      kept.push(server, client);
      for (let i = 0; i < 5; i++) kept.push(client.request({ ':path': `/${i}` }));
    });
  });
}

// 4 connections, both ends here.
function connections() {
  return new Promise((ready) => {
    let open = 0;
    const server = tls.createServer({ key: pem, cert: pem }, (s) => { kept.push(s); if (++open === 4) ready(); });
    server.listen(0, '127.0.0.1', () => {
      for (let i = 0; i < 4; i++) kept.push(tls.connect({ port: server.address().port, rejectUnauthorized: false }));
    });
    kept.push(server);
  });
}

function database() {
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t(a TEXT)');
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  for (let i = 0; i < 500; i++) insert.run('x'.repeat(2000)); // a page holds one or two: a MB in all
  kept.push(db);
  pages += db.prepare('PRAGMA page_count').get().page_count;
}

// 40 buffers on their way: nobody reads the port, and no object knows them any more.
function transfers() {
  const { port1, port2 } = new MessageChannel();
  kept.push(port1, port2);
  for (let i = 0; i < 40; i++) {
    const b = new ArrayBuffer(20000);
    port1.postMessage(b, [b]);
  }
}

async function more() {
  for (let i = 0; i < 300; i++) kept.push(Buffer.alloc(30000, i));
  compressors();
  transfers();
  for (let i = 0; i < 30; i++) kept.push(new Intl.Collator(['de', 'fr', 'ja'][i % 3]), new Intl.DateTimeFormat('de'));
  for (let i = 0; i < 20; i++) kept.push(tls.createSecureContext({ key: pem, cert: pem }));
  await streams();
  await connections();
  if (major >= 24) database();
}

function certificates() {
  for (let i = 0; i < 30; i++) kept.push(new crypto.X509Certificate(pem));
}

const requests = () => require(path.resolve(process.argv[2])).more();

function settle() {
  globalThis.gc();
  setTimeout(() => {
    globalThis.gc();
    console.log('READY ' + JSON.stringify({ ...process.memoryUsage(), pages }));
  }, 300);
}

const commands = { more, certificates, requests };
more().then(settle);
process.stdin.on('data', (line) => Promise.resolve(commands[String(line).trim()]()).then(settle));

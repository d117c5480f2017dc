'use strict';
// One kind of memory at a time, by the first argument; READY tells process.memoryUsage().
// Run with --expose-gc, so that what is left over does not depend on when V8 collects.
const fs = require('fs');
const os = require('os');
const path = require('path');
const zlib = require('zlib');
const crypto = require('crypto');
const worker = require('worker_threads');

const MB = 1 << 20;
const keep = (globalThis.keep = []);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function times(n, make) {
  for (let i = 0; i < n; i++) keep.push(make(i));
}

// An addition of two numbers and a memory of `pages` pages, assembled by hand.
function wasmModule(pages) {
  const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)]);
  const section = (id, ...body) => [id, ...leb(body.length), ...body];
  return new WebAssembly.Module(Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f),
    ...section(3, 1, 0),
    ...section(5, 1, 0, ...leb(pages)),
    ...section(7, 2, 1, 0x6d, 2, 0, 1, 0x61, 0, 0),
    ...section(10, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b),
  ]));
}

// Runs in a worker too: half of the pages of 4 MB.
function touchedBuffer() {
  const b = new Uint8Array(4 * MB);
  for (let i = 0; i < b.length; i += 8192) b[i] = 1;
  return b;
}

const kinds = {
  idle() {},
  objects() {
    times(200000, (i) => ({ id: i, name: `object ${i}`, list: [i, i + 1] }));
    for (let i = 0; i < 3e5; i++) ({ id: i, text: `garbage ${i}` }).toString();
  },
  buffers() {
    times(3000, (i) => Buffer.alloc(1 + (i * 37) % 20000, 1)); // arenas
    times(200, (i) => Buffer.alloc(200000 + i * 1111, 2)); // mappings
    times(500, (i) => Buffer.from(`pooled ${i}`));
    times(20, () => new ArrayBuffer(MB)); // never touched
    for (let i = 0; i < keep.length; i += 3) keep[i] = null; // holes
  },
  shared() {
    times(20, () => new Uint8Array(new SharedArrayBuffer(MB)).fill(3));
    times(40, () => new Uint8Array(new SharedArrayBuffer(3000)).fill(3));
  },
  strings() {
    times(30, (i) => String.fromCharCode(97 + (i % 26)).repeat(MB).split('').reverse().join(''));
    times(20, (i) => Buffer.alloc(MB + i, 0x61).toString('latin1')); // external, one byte
    times(20, (i) => Buffer.alloc(2 * MB, 0x61).toString('ucs2')); // external, two bytes
    times(20000, (i) => `string number ${i}`);
  },
  wasm() {
    const module = wasmModule(64);
    times(6, () => {
      const instance = new WebAssembly.Instance(module);
      const bytes = new Uint8Array(instance.exports.m.buffer);
      for (let i = 0; i < bytes.length; i += 4096) bytes[i] = 1;
      for (let i = 0; i < 1e5; i++) instance.exports.a(i, i);
      return instance;
    });
    times(3, () => new WebAssembly.Memory({ initial: 32 }));
    const shared = new WebAssembly.Memory({ initial: 8, maximum: 64, shared: true });
    new Uint8Array(shared.buffer).fill(1);
    keep.push(shared);
  },
  async pool() {
    const inputs = Array.from({ length: 40 }, (_, i) => crypto.randomBytes(300000 + i * 1000));
    const deflate = (b) => new Promise((done) => zlib.deflate(b, { memLevel: 9 }, (_, r) => done(r)));
    const derive = (i) => new Promise((done) => crypto.scrypt('word', `salt${i}`, 64, { N: 4096 }, (_, k) => done(k)));
    keep.push(...await Promise.all([...inputs.map(deflate), ...Array.from({ length: 12 }, (_, i) => derive(i))]));
    times(30, () => zlib.createGzip()); // stay open
  },
  async workers() {
    const start = () => new Promise((done) => {
      const w = new worker.Worker(__filename, { argv: ['in-worker'] });
      w.once('message', () => done(w));
    });
    const all = await Promise.all([start(), start(), start(), start()]);
    await all[1].terminate();
    await all[3].terminate();
    keep.push(all[0], all[2]);
  },
  async files() {
    const file = path.join(os.tmpdir(), `memwhy-account-${process.pid}`);
    fs.writeFileSync(file, Buffer.alloc(16 * MB, 5));
    times(2, () => fs.readFileSync(file));
    const handle = fs.openSync(file, 'r');
    fs.unlinkSync(file);
    await new Promise((done) => fs.read(handle, Buffer.alloc(MB), 0, MB, 0, done));
  },
};

async function main() {
  await kinds[process.argv[2] || 'idle']();
  for (let i = 0; i < 3; i++) {
    if (globalThis.gc) gc();
    await sleep(100); // helper threads free what the collection found
  }
  console.log('READY ' + JSON.stringify(process.memoryUsage()));
  process.stdin.on('data', () => console.log('READY ' + JSON.stringify({ answer: process.uptime() })));
}

if (worker.isMainThread) {
  main();
} else {
  globalThis.mine = [touchedBuffer(), Array.from({ length: 50000 }, (_, i) => ({ i }))];
  worker.parentPort.postMessage('up');
  setInterval(() => {}, 1e6);
}

// Work that leaves malloc in a state where the usual advice helps or hurts. Arguments: what, how much.
//   burst N   N compressions at once, each with its own state, allocated by pool threads
//   hashes N  N password hashes one after another, 8 MB each, on pool threads in turn
//   churn N   N times 9,000 Buffers of 6 to 46 KB, dropped; a tiny one stays between each 60
//   holes N   N Buffers of 3,000 bytes, dropped; a tiny one stays behind each
//   stay N    N compressors at once, of which each 32nd stays (run all with --expose-gc)
const crypto = require('crypto');
const zlib = require('zlib');
const [what, amount] = [process.argv[2], Number(process.argv[3])];
const kept = [];

function done() {
  setTimeout(() => {
    globalThis.gc();
    setTimeout(() => { globalThis.gc(); setTimeout(() => console.log('READY {}'), 300); }, 300);
  }, 200);
}

const work = {
  burst() {
    const text = Buffer.from('some data of a message '.repeat(40));
    let left = amount;
    for (let i = 0; i < amount; i++) zlib.deflate(text, () => { if (--left === 0) done(); });
  },
  hashes() {
    let left = amount;
    const next = () => (left-- ? crypto.scrypt('secret', 'salt', 32, { N: 8192, r: 8, p: 1, maxmem: 1 << 28 }, next) : done());
    next();
  },
  churn() {
    let seed = 42;
    const random = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
    for (let k = 0; k < amount; k++) {
      const all = [];
      for (let i = 0; i < 9000; i++) {
        all.push(Buffer.allocUnsafeSlow(6000 + random(40000)).fill(i));
        if (i % 60 === 0) kept.push(Buffer.allocUnsafeSlow(700).fill(1));
      }
      all.length = 0;
      globalThis.gc();
    }
    done();
  },
  holes() {
    const all = [];
    for (let i = 0; i < amount; i++) {
      all.push(Buffer.allocUnsafeSlow(3000).fill(i));
      kept.push(Buffer.allocUnsafeSlow(100).fill(1));
    }
    all.length = 0;
    done();
  },
  stay() {
    const text = Buffer.from(JSON.stringify(Array.from({ length: 600 }, (_, i) => ({ i, t: 'tick ' + i * 31 }))));
    const streams = [];
    let started = 0, ready = 0;
    const one = () => {
      if (started === amount) return;
      started++;
      const z = zlib.createDeflateRaw({ level: 9, memLevel: 9 });
      streams.push(z);
      z.resume();
      z.write(text);
      z.flush(() => { one(); if (++ready === amount) leave(); });
    };
    const leave = () => {
      streams.forEach((z, i) => (i % 32 ? z.destroy() : kept.push(z)));
      streams.length = 0;
      done();
    };
    for (let i = 0; i < 48; i++) one();
  },
};
work[what]();
setInterval(() => kept.length, 1 << 30);

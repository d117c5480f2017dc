'use strict';
// Programs that forget nothing: healthy.js KIND... [loaded]. Each kind works in rounds; READY comes
// after some, then nothing more happens, or with "loaded" the rounds go on.
const fs = require('fs');
const http = require('http');
const https = require('https');
const os = require('os');
const path = require('path');
const crypto = require('crypto');
const zlib = require('zlib');
const { promisify } = require('util');
const stream = require('stream');
const child = require('child_process');
const { Worker, isMainThread, parentPort } = require('worker_threads');

const pem = fs.readFileSync(path.join(__dirname, 'localhost.pem'));
const some = crypto.randomBytes(64 << 10);
const many = (n, f) => Promise.all(Array.from({ length: n }, (_, i) => f(i)));

function fetch(module, options) {
  return new Promise((resolve, reject) => {
    module.get(options, (res) => {
      let n = 0;
      res.on('data', (c) => { n += c.length; }).on('end', () => resolve(n)).on('error', reject);
    }).on('error', reject);
  });
}

async function server(module, options, answer) {
  const s = module.createServer(options, answer);
  await new Promise((up) => s.listen(0, '127.0.0.1', up));
  const agent = new module.Agent({ keepAlive: true, maxSockets: 20, rejectUnauthorized: false });
  const to = { agent, port: s.address().port, host: '127.0.0.1', servername: 'localhost' };
  return () => many(50, (i) => fetch(module, { ...to, path: `/${i}` }));
}

const kinds = {
  http: () => server(http, {}, (q, s) => s.end(`you asked for ${q.url}`)),
  tls: () => server(https, { key: pem, cert: pem }, (q, s) => s.end(some)),
  gzip: () => server(http, {}, (q, s) => stream.pipeline(stream.Readable.from([some, some]), zlib.createGzip(), s,
                                                         () => {})),
  zlib: () => () => many(10, async () => {
    const packed = await promisify(zlib.deflate)(some);
    await promisify(zlib.inflate)(packed);
    await promisify(zlib.brotliCompress)(some.slice(0, 512));
  }),
  workers: () => {
    const w = [0, 1].map(() => new Worker(__filename));
    const waiting = new Map(); // one for each message, so that no more are sent than are answered
    for (const one of w) {
      one.on('message', ({ i }) => {
        waiting.get(i)();
        waiting.delete(i);
      });
    }
    return () => many(20, (i) => new Promise((done) => {
      waiting.set(i, done);
      w[i % 2].postMessage({ i, some: some.slice(0, 1000) });
    }));
  },
  fs: () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'memwhy-healthy-'));
    process.on('exit', () => fs.rmdirSync(dir, { recursive: true }));
    fs.watch(dir, () => {});
    return () => many(20, async (i) => {
      const file = path.join(dir, `${i}`);
      await fs.promises.writeFile(file, some);
      await fs.promises.readFile(file);
      await fs.promises.readdir(dir);
      await promisify(stream.pipeline)(fs.createReadStream(file), fs.createWriteStream(`${file}.copy`));
      await fs.promises.unlink(file);
    });
  },
  streams: () => () => many(10, () => promisify(stream.pipeline)(
    stream.Readable.from(Array.from({ length: 50 }, (_, i) => ({ i }))),
    new stream.Transform({ objectMode: true, transform(x, _, done) { done(null, JSON.stringify(x)); } }),
    new stream.PassThrough(), new stream.Writable({ write(c, _, done) { setImmediate(done); } }))),
  crypto: () => {
    const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return () => many(10, async () => {
      crypto.createHash('sha256').update(some).digest('hex');
      crypto.createHmac('sha1', 'key').update(some).digest();
      const c = crypto.createCipheriv('aes-256-gcm', some.slice(0, 32), some.slice(0, 12));
      c.update(some);
      c.final();
      crypto.createSign('sha256').update(some).sign(pair.privateKey);
      await promisify(crypto.pbkdf2)('secret', 'salt', 100, 32, 'sha256');
      await promisify(crypto.randomBytes)(100);
    });
  },
  children: () => () => many(2, () => promisify(child.execFile)('/bin/echo', ['hello'])),
  timers: () => {
    setInterval(() => {}, 10);
    return () => many(1000, (i) => new Promise((done) => setTimeout(done, i % 20)));
  },
  wasm: () => {
    // (module (memory (export "m") 2) (func (export "f") (param i32) (result i32) local.get 0))
    const bytes = Buffer.from('0061736d0100000001060160017f017f03020100050301000207090201660000016d0200' +
                              '0a0601040020000b', 'hex');
    return () => many(5, async () => (await WebAssembly.instantiate(bytes)).instance.exports.f(7));
  },
};

async function main() {
  const names = process.argv.slice(2).filter((a) => a !== 'loaded');
  const loaded = process.argv.includes('loaded');
  const rounds = [];
  for (const name of names) rounds.push(await kinds[name]());
  for (let i = 0; i < 2; i++) for (const round of rounds) await round();
  if (loaded) {
    const forever = (round) => round().then(() => setImmediate(forever, round));
    for (const round of rounds) forever(round);
  } else {
    setInterval(() => {}, 1000);
  }
  setTimeout(() => console.log('READY {}'), 300);
}

if (isMainThread) main();
else parentPort.on('message', (m) => parentPort.postMessage(m));

'use strict';
// A server at work with everything a freeze could disturb: HTTP, children with known exit codes,
// SIGCHLD, signals, timers, the thread pool, worker threads, Atomics.wait, a pipe to a child. It checks
// its own results. Lines on stdin: `mark` gives a READY with the counts; `end` stops all and gives the
// last one.
const { isMainThread, parentPort, workerData, Worker } = require('worker_threads');

if (!isMainThread) {
  // `sum`: work whose result is known. `wait`: waits that nobody ends. `ping`, `pong`: one after the other.
  const cells = new Int32Array(workerData.cells);
  const STOP = 2, TURN = 0, COUNTS = { sum: 3, wait: 4, ping: 5, pong: 6 }, WRONG = 7;
  const count = () => Atomics.add(cells, COUNTS[workerData.role], 1);
  const work = {
    sum() {
      const list = [];
      for (let i = 0; i < 20000; i++) list.push({ i, text: 'n' + i });
      return list.reduce((sum, o) => sum + o.i + o.text.length, 0) === 199990000 + 108890;
    },
    wait() {
      const began = process.hrtime();
      const how = Atomics.wait(cells, 1, 0, 10);
      const [s, ns] = process.hrtime(began);
      return how === 'timed-out' && s * 1e3 + ns / 1e6 >= 9.9;
    },
    ping: () => turn(0),
    pong: () => turn(1),
  };
  function turn(mine) {
    while (Atomics.load(cells, TURN) !== mine) {
      const how = Atomics.wait(cells, TURN, 1 - mine, 20000);
      if (how === 'timed-out') return Atomics.load(cells, STOP) === 1;
    }
    Atomics.store(cells, TURN, 1 - mine);
    Atomics.notify(cells, TURN, 1);
    return true;
  }
  while (!Atomics.load(cells, STOP)) {
    if (workerData.role !== 'ping') Atomics.wait(cells, 1, 0, 1); // leaves the processors to others
    if (!work[workerData.role]()) Atomics.add(cells, WRONG, 1);
    count();
  }
  // The other one may still wait for its turn.
  Atomics.store(cells, TURN, 1 - Atomics.load(cells, TURN));
  Atomics.notify(cells, TURN, 2);
  parentPort.close();
  return;
}

const { spawn } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const zlib = require('zlib');

const done = { requests: 0, exits: 0, sigchld: 0, usr2: 0, ticks: 0, timeouts: 0, zlib: 0, pbkdf2: 0, files: 0, echoes: 0 };
const wrong = [];
let stopping = false, busy = 0, latest_ms = 0;
const fault = (what) => wrong.length < 20 && wrong.push(what);

// An activity: step(next) does one thing, next() goes on until the end. Little pauses leave room for
// others: what takes all processors is held up by everything.
function activity(step) {
  busy++;
  const next = () => setTimeout(() => (stopping ? busy-- : step(next)), 3);
  next();
}

// ---- children: one after the other, so that every SIGCHLD is one of its own
process.on('SIGCHLD', () => done.sigchld++);
const SIGNALS = ['SIGTERM', 'SIGKILL', 'SIGUSR1', 'SIGINT', 'SIGQUIT', 'SIGHUP'];
let children = 0;
function child(next) {
  const n = children++, signal = n % 8 === 7 ? SIGNALS[(n >> 3) % SIGNALS.length] : null, code = signal ? null : n % 256;
  const c = spawn('/bin/sh', ['-c', signal ? `ulimit -c 0; kill -${signal.slice(3)} $$` : `exit ${code}`], { stdio: 'ignore' });
  c.on('error', (e) => { fault('spawn: ' + e); next(); });
  c.on('exit', (got, by) => {
    done.exits++;
    if (got !== code || by !== signal) fault(`child ${n} ended ${got} ${by}, not ${code} ${signal}`);
    const until = Date.now() + 10000;
    const look = () => {
      if (done.sigchld > done.exits) fault(`${done.sigchld} SIGCHLD of ${done.exits} children`);
      else if (done.sigchld < done.exits && Date.now() < until) return setImmediate(look);
      else if (done.sigchld < done.exits) fault(`${done.exits - done.sigchld} SIGCHLD lost`);
      done.sigchld = done.exits;
      setImmediate(next);
    };
    look();
  });
}

// ---- a child that echoes
function echo() {
  const cat = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  let rest = '', resume;
  cat.stdout.on('data', (data) => {
    rest += data;
    if (!rest.endsWith('\n')) return;
    if (rest !== `line ${done.echoes} ${'x'.repeat(done.echoes % 9000)}\n`) fault(`echo ${done.echoes}: ${rest.slice(0, 40)}`);
    rest = '';
    done.echoes++;
    setImmediate(resume);
  });
  activity((next) => {
    resume = next;
    cat.stdin.write(`line ${done.echoes} ${'x'.repeat(done.echoes % 9000)}\n`);
  });
  return cat;
}

// ---- the thread pool
const noise = crypto.randomBytes(40000), key = crypto.pbkdf2Sync('a', 'b', 200, 32, 'sha256');
const file = path.join(os.tmpdir(), `memwhy-harm-${process.pid}`);
fs.writeFileSync(file, noise);
const pool = {
  zlib(next) {
    zlib.gzip(noise, { level: 1 }, (e, packed) => {
      if (e) { fault('gzip: ' + e); return next(); }
      zlib.gunzip(packed, (e2, back) => {
        if (e2 || !back.equals(noise)) fault('gunzip: ' + e2);
        done.zlib++;
        next();
      });
    });
  },
  pbkdf2(next) {
    crypto.pbkdf2('a', 'b', 200, 32, 'sha256', (e, got) => {
      if (e || !got.equals(key)) fault('pbkdf2: ' + e);
      done.pbkdf2++;
      next();
    });
  },
  files(next) {
    fs.readFile(file, (e, got) => {
      if (e || !got.equals(noise)) fault('readFile: ' + e);
      done.files++;
      next();
    });
  },
};

// ---- timers
const now = () => { const [s, ns] = process.hrtime(); return s * 1e3 + ns / 1e6; };
let due = now() + 1;
const interval = setInterval(() => {
  const t = now();
  latest_ms = Math.max(latest_ms, t - due);
  due = t + 1;
  done.ticks++;
}, 1);
function timeout(next) {
  const wait = 1 + done.timeouts % 20, began = now();
  setTimeout(() => {
    if (now() - began < wait - 1.1) fault(`a timer of ${wait} ms fired after ${now() - began}`);
    done.timeouts++;
    next();
  }, wait);
}

// ---- HTTP, and a signal that is waited for: /usr2/N is answered when N have come
const waiting = new Map();
process.on('SIGUSR2', () => {
  done.usr2++;
  const res = waiting.get(done.usr2);
  if (res) res.end(String(done.usr2));
  waiting.delete(done.usr2);
});
const server = http.createServer((req, res) => {
  const [, what, n] = req.url.split('/');
  if (what === 'usr2') {
    if (done.usr2 >= Number(n)) res.end(String(done.usr2));
    else waiting.set(Number(n), res);
    return;
  }
  done.requests++;
  if (what === 'close') res.setHeader('Connection', 'close');
  res.end(`answer ${n} ${'y'.repeat(n % 3000)}`);
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;

// ---- threads
const cells = new SharedArrayBuffer(64), seen = new Int32Array(cells);
const workers = ['sum', 'wait', 'ping', 'pong'].map((role) => {
  const w = new Worker(__filename, { workerData: { role, cells } });
  w.on('error', (e) => fault(`worker ${role}: ${e}`));
  busy++;
  w.on('exit', () => busy--);
  return w;
});

const keep = [];
for (let i = 0; i < 20000; i++) keep.push({ id: i, name: `object ${i}` });
globalThis.keep = keep;

server.listen(0, '127.0.0.1', () => {
  activity(child);
  const cat = echo();
  for (const step of Object.values(pool)) activity(step);
  activity(timeout);
  const ready = () => {
    const [sum, wait, ping, pong] = seen.slice(3, 7);
    if (seen[7]) fault(`${seen[7]} results of workers`);
    const counts = Object.assign({}, done, { sum, wait, ping, pong });
    console.log('READY ' + JSON.stringify({ port: server.address().port, done: counts, wrong, children, latest_ms }));
    latest_ms = 0;
  };
  process.stdin.on('data', (line) => {
    if (!String(line).startsWith('end')) return ready();
    stopping = true;
    Atomics.store(seen, 2, 1);
    const wait = () => {
      if (busy) return setTimeout(wait, 10);
      clearInterval(interval);
      cat.on('exit', () => setTimeout(ready, 50));
      cat.stdin.end();
      fs.unlinkSync(file);
    };
    wait();
  });
  setTimeout(ready, 500);
});

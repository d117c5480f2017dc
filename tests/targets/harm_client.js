'use strict';
// Puts load on harm.js and checks every answer: harm_client.js PORT PID. Keep-alive connections that must
// stay, connections that end after one answer, and signals of which each is waited for. `end` on stdin
// gives the counts.
const http = require('http');
const [port, pid] = process.argv.slice(2).map(Number);
const LIMIT_MS = 10000;
const done = { kept: 0, closed: 0, usr2: 0, sockets: 0, longest_ms: 0 };
const wrong = [];
let stopping = false, busy = 0;
const fault = (what) => wrong.length < 20 && wrong.push(what);

function get(agent, url, want, then) {
  const began = Date.now();
  const req = http.get({ port, host: '127.0.0.1', path: url, agent }, (res) => {
    let body = '';
    res.setEncoding('utf8');
    res.on('data', (text) => (body += text));
    res.on('end', () => {
      done.longest_ms = Math.max(done.longest_ms, Date.now() - began);
      if (res.statusCode !== 200 || body !== want) fault(`${url}: ${res.statusCode} ${body.slice(0, 30)}`);
      then();
    });
  });
  req.setTimeout(LIMIT_MS, () => { fault(`${url}: no answer in ${LIMIT_MS} ms`); req.abort(); });
  req.on('socket', (s) => { if (!s.seen) { s.seen = true; if (agent) done.sockets++; } });
  req.on('error', (e) => { fault(`${url}: ${e}`); then(); });
}

function repeat(step) {
  busy++;
  const next = () => (stopping ? busy-- : step(() => setTimeout(next, 4)));
  next();
}

let n = 0;
const answer = (k) => `answer ${k} ${'y'.repeat(k % 3000)}`;
for (let i = 0; i < 8; i++) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  repeat((next) => { const k = n++; get(agent, `/keep/${k}`, answer(k), () => { done.kept++; next(); }); });
}
repeat((next) => { const k = n++; get(false, `/close/${k}`, answer(k), () => { done.closed++; next(); }); });
const signals = new http.Agent({ keepAlive: true, maxSockets: 1 });
repeat((next) => {
  const k = done.usr2 + 1;
  process.kill(pid, 'SIGUSR2');
  get(signals, `/usr2/${k}`, String(k), () => { done.usr2 = k; next(); });
});

process.stdin.on('data', () => {
  stopping = true;
  const wait = () => (busy ? setTimeout(wait, 5) : console.log('READY ' + JSON.stringify({ done, wrong })));
  wait();
});
console.log('READY {}');

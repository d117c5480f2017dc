// node serve_load.js PORT PER_SECOND SECONDS: requests at a fixed rate over kept connections. Prints
// the latencies' percentiles in ms, each counted from when the request was due.
'use strict';
const http = require('http');
const [port, rate, seconds] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const took = [];
const began = performance.now();
let sent = 0;
const total = rate * seconds;
function one() {
  const due = began + (sent++ * 1000) / rate;
  http.get({ port, host: '127.0.0.1', agent }, (r) => {
    r.resume().on('end', () => {
      took.push(performance.now() - due);
      if (took.length === total) finish();
    });
  }).on('error', (e) => { throw e; });
}
const timer = setInterval(() => {
  while (sent < total && began + (sent * 1000) / rate <= performance.now()) one();
  if (sent === total) clearInterval(timer);
}, 1);
function finish() {
  took.sort((a, b) => a - b);
  const at = (q) => took[Math.min(took.length - 1, Math.floor(took.length * q))];
  console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99), max: took[took.length - 1] }));
  process.exit(0);
}

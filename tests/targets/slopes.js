'use strict';
// Memory over minutes, of programs whose truth is known: `slopes.js KIND [SEED]`. Kinds that leak do so at
// RATE (bytes a second, 100 KB unless the environment says otherwise) from the beginning, most under the saw that
// garbage makes; the healthy ones have a bound that they reach, or have reached, within the first 90 seconds.
// READY says {grows: owner or null, rate}. With RECORD=FILE it keeps what process.memoryUsage() says every 100 ms
// and the count of full collections, writes that after SECONDS (120) and ends.
const fs = require('fs');
const { PerformanceObserver } = require('perf_hooks');
const RATE = +process.env.RATE || 100e3;
const MB = 1e6;

// Numbers that are the same in every run of a seed.
let state = (+process.argv[3] || 1) * 2654435761 >>> 0;
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ state >>> 15, state | 1);
  t ^= t + Math.imul(t ^ t >>> 7, t | 61);
  return ((t ^ t >>> 14) >>> 0) / 4294967296;
};

const seconds = () => Number(process.hrtime.bigint()) / 1e9;

// Objects of about so many bytes together: 56 each without pointer compression, and the slot.
function stuff(bytes) {
  const list = new Array(Math.max(1, bytes / 64 | 0));
  for (let i = 0; i < list.length; i++) list[i] = { a: i, b: i + 1, c: null, d: null };
  return list;
}
// f(0), f(1), ... every so many milliseconds; what is late on a busy machine is made up for, so that rates are kept.
function every(ms, f) {
  const began = seconds();
  let n = 0;
  setInterval(() => { while (n * ms < 1000 * (seconds() - began)) f(n++); }, ms);
}
const kept = {}; // what a kind keeps hangs here

// Garbage that lives for a while, as that of requests: so it is promoted and only a full collection takes it away.
function saw(perSecond = 5 * MB, lives = 1) {
  const recent = [];
  every(20, () => {
    recent.push(stuff(perSecond / 50));
    if (recent.length > lives * 50) recent.shift();
  });
}
// f(bytes) ten times a second, RATE in all.
const leak = (f, rate = RATE) => every(100, () => f(rate / 10));
const pages = (bytes) => Buffer.alloc(bytes, 1);

function cache(entries, perSecond, bytes) {
  const map = kept.cache = new Map();
  let next = 0;
  every(50, () => {
    for (let i = 0; i < perSecond / 20; i++) {
      if (map.size >= entries) map.delete(map.keys().next().value);
      map.set(next++, stuff(bytes));
    }
  });
}

const LEAKS = {
  // owner, what it does
  array: ['heap', () => { kept.list = []; saw(); leak((n) => kept.list.push(stuff(n))); }],
  map: ['heap', () => { kept.map = new Map(); kept.base = stuff(30 * MB); saw(8 * MB); leak((n) => kept.map.set({}, stuff(n))); }],
  strings: ['heap', () => {
    kept.texts = []; saw();
    leak((n) => kept.texts.push(Buffer.alloc(n, 97 + random() * 26).toString('latin1')));
  }],
  closures: ['heap', () => {
    const emitter = new (require('events'))().setMaxListeners(0); saw();
    kept.emitter = emitter;
    leak((n) => { const big = stuff(n); emitter.on('x', () => big); });
  }],
  timers: ['heap', () => { saw(4 * MB); leak((n) => { const big = stuff(n); setTimeout(() => big, 1e8).unref(); }); }],
  promises: ['heap', () => {
    kept.resolves = []; saw();
    leak((n) => { const big = stuff(n); (async () => { await new Promise((f) => kept.resolves.push(f)); return big; })(); });
  }],
  large: ['heap', () => { kept.large = []; saw(); every(5000, () => kept.large.push(new Array(5 * RATE / 8).fill(1))); }],
  bursts: ['heap', () => { kept.list = []; saw(); every(8000, () => kept.list.push(stuff(8 * RATE))); }],
  warm: ['heap', () => { // beside a warm-up that ends
    kept.list = []; saw();
    let n = 0;
    const t = setInterval(() => { kept['w' + n] = stuff(2 * MB); if (++n === 20) clearInterval(t); }, 1000);
    leak((b) => kept.list.push(stuff(b)));
  }],
  beside_cache: ['heap', () => { cache(4000, 100, 5000); kept.list = []; saw(); leak((b) => kept.list.push(stuff(b))); }],
  waves: ['heap', () => { // the load goes up and down with a period of half a minute
    kept.list = []; const recent = []; let n = 0;
    every(20, () => {
      recent.push(stuff(MB / 10 * (1 + Math.sin(n++ / 240)))); if (recent.length > 60) recent.shift();
    });
    leak((b) => kept.list.push(stuff(b)));
  }],
  expiry: ['heap', () => { // expires less than it takes
    const map = kept.sessions = new Map(); let next = 0, old = 0; saw();
    every(20, () => { map.set(next++, stuff(RATE / 25)); if (next % 2) map.delete(old++); });
  }],
  buffers: ['array_buffers', () => { kept.buffers = []; saw(); leak((n) => kept.buffers.push(pages(n))); }],
  big_buffers: ['array_buffers', () => { kept.buffers = []; saw(); every(4000, () => kept.buffers.push(pages(4 * RATE))); }],
  buffers_churn: ['array_buffers', () => {
    kept.buffers = []; const recent = [];
    every(20, () => { recent.push(pages(30000 + random() * 60000)); if (recent.length > 100) recent.shift(); });
    leak((n) => kept.buffers.push(pages(n)));
  }],
  compressors: ['native', () => { // brotli's state is in no number of process.memoryUsage() but rss
    kept.streams = []; saw(2 * MB);
    const zlib = require('zlib');
    const one = () => { const b = zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_LGWIN]: 18 } }); b.write(Buffer.alloc(4096, random() * 256)); b.flush(); return b; };
    every(Math.round(2000 * 100e3 / RATE), () => kept.streams.push(one()));
  }],
  worker: ['workers', () => { inWorker('array'); }],
  requests: ['heap', () => { kept.seen = []; serve((n) => kept.seen.push(stuff(n))); }],
  // no verdict was tuned on these
  linked: ['heap', () => { saw(3 * MB); leak((n) => { kept.head = { next: kept.head, data: stuff(n) }; }); }],
  backlog: ['heap', () => { // three come for two that are done
    const queue = kept.queue = []; saw(4 * MB);
    leak((n) => { for (let i = 0; i < 3; i++) queue.push(stuff(n)); queue.splice(0, 2); });
  }],
  log: ['heap', () => { saw(); kept.log = ''; leak((n) => { kept.log += Buffer.alloc(n, 97 + random() * 26).toString('latin1'); }); }],
  connections: ['heap', () => {
    const net = require('net'); saw(4 * MB); kept.open = [];
    const server = net.createServer((c) => { c.session = stuff(RATE / 2); }).listen(0, '127.0.0.1', () => {
      every(500, () => kept.open.push(net.connect(server.address().port, '127.0.0.1')));
    });
  }],
};

const HEALTHY = {
  saw: () => saw(),
  saw_large: () => { kept.base = stuff(50 * MB); saw(10 * MB, 3); },
  idle: () => every(1000, () => {}),
  quiet: () => every(100, () => stuff(3000)), // so little garbage that no full collection comes
  drizzle: () => { const recent = []; every(100, () => { recent.push(stuff(20e3)); if (recent.length > 50) recent.shift(); }); },
  cache_30: () => { saw(3 * MB); cache(3000, 100, 5000); },
  cache_60: () => { saw(5 * MB); cache(6000, 100, 5000); },
  cache_90: () => { saw(5 * MB); cache(9000, 100, 1500); },
  ttl: () => { // each entry lives 45 seconds
    saw(); const queue = kept.queue = [];
    every(100, () => { queue.push(stuff(20e3)); if (queue.length > 450) queue.shift(); });
  },
  keys: () => { // a cache of a population of keys: ever fewer are new
    saw(); const map = kept.map = new Map();
    every(50, () => { for (let i = 0; i < 10; i++) { const k = random() * 4000 | 0; if (!map.has(k)) map.set(k, stuff(4000)); } });
  },
  keys_skewed: () => { // some keys are asked for more often: it slows down, and long
    saw(); const map = kept.map = new Map();
    every(50, () => { for (let i = 0; i < 20; i++) { const k = Math.pow(random(), 3) * 3000 | 0; if (!map.has(k)) map.set(k, stuff(4000)); } });
  },
  warm_up: () => {
    saw(); let n = 0;
    const t = setInterval(() => { kept['w' + n] = stuff(MB); if (++n === 40) clearInterval(t); }, 500);
  },
  batches: () => { // fills for 15 seconds, then lets go
    saw(2 * MB); let list = kept.list = [];
    every(100, (n) => { list.push(stuff(200e3)); if (n % 150 === 149) list = kept.list = []; });
  },
  job: () => { // a long job that ends
    saw(); const list = kept.list = [];
    every(100, (n) => { if (n < 600) list.push(stuff(50e3)); if (n === 600) list.length = 0; });
  },
  waves: () => {
    const recent = []; let n = 0;
    every(20, () => { recent.push(stuff(MB / 10 * (1 + Math.sin(n++ / 240)))); if (recent.length > 60) recent.shift(); });
  },
  pool: () => { // of buffers, its size wanders about
    saw(); const pool = kept.pool = [];
    every(50, () => { if (random() * 200 > pool.length) pool.push(pages(100e3)); else pool.splice(random() * pool.length | 0, 1); });
  },
  buffers: () => { const recent = []; every(20, () => { recent.push(pages(20000 + random() * 80000)); if (recent.length > 200) recent.shift(); }); },
  step: () => { every(1000, (n) => { if (n === 40) kept.step = stuff(30 * MB); }); saw(); },
  worker: () => inWorker('saw'),
  requests: () => { const recent = []; serve((n) => { recent.push(stuff(n * 20)); if (recent.length > 100) recent.shift(); }); },
  // no verdict was tuned on these
  sessions: () => { // each ends after 20 seconds on average
    saw(4 * MB); const map = kept.sessions = new Map(); let next = 0;
    every(50, () => { const id = next++; map.set(id, stuff(40e3)); setTimeout(() => map.delete(id), -20e3 * Math.log(random())); });
  },
  timeouts: () => { saw(); every(100, () => { const big = stuff(20e3); setTimeout(() => big.length, 30e3); }); },
  lru: () => {
    saw(4 * MB); const map = kept.lru = new Map();
    every(20, () => {
      for (let i = 0; i < 10; i++) {
        const k = Math.pow(random(), 2) * 20000 | 0, v = map.get(k) || stuff(2000);
        map.delete(k); map.set(k, v);
        if (map.size > 4000) map.delete(map.keys().next().value);
      }
    });
  },
  gzip: () => {
    const zlib = require('zlib'), text = Buffer.from('memory '.repeat(10000)); let busy = 0;
    every(50, () => { if (busy < 8) { busy++; zlib.gzip(text, () => busy--); } });
  },
  cluster: () => { // a large result is made anew every 20 seconds, the old one stays until then
    saw(3 * MB); every(20e3, () => { kept.result = stuff(25 * MB); });
  },
};

function inWorker(kind) {
  const { Worker } = require('worker_threads');
  new Worker(__filename, { argv: [kind, process.argv[3] || '1'], env: { ...process.env, RECORD: '' } });
}

// An HTTP server that asks itself; `each` gets what one request is to keep.
function serve(each) {
  const http = require('http');
  const server = http.createServer((q, s) => {
    const rows = stuff(100e3);
    each(RATE / 40);
    s.end(String(rows.length));
  });
  server.listen(0, '127.0.0.1', () => {
    const agent = new http.Agent({ keepAlive: true });
    every(25, () => http.get({ port: server.address().port, host: '127.0.0.1', agent }, (r) => r.resume()).on('error', () => {}));
  });
}

function record(file, length) {
  const rows = new Float64Array((length * 10 + 100) * 7);
  let n = 0, major = 0, began = 0;
  new PerformanceObserver((l) => {
    for (const e of l.getEntries()) if ((e.detail ? e.detail.kind : e.kind) === 4) major++;
  }).observe({ entryTypes: ['gc'] });
  const t = setInterval(() => {
    const now = seconds();
    began = began || now;
    const m = process.memoryUsage();
    rows.set([now - began, m.rss, m.heapUsed, m.heapTotal, m.external, m.arrayBuffers, major], 7 * n++);
    if (now - began < length && 7 * n < rows.length) return;
    clearInterval(t);
    let text = 'time,rss,heap_used,heap_total,external,array_buffers,gc_major\n';
    for (let i = 0; i < n; i++) text += Array.from(rows.subarray(7 * i, 7 * i + 7), (x, c) => c ? x : x.toFixed(3)).join(',') + '\n';
    fs.writeFileSync(file, text);
    process.exit(0);
  }, 100);
}

const [set, name] = (process.argv[2] || '').split('/');
const { isMainThread } = require('worker_threads');
if (!isMainThread) {
  (LEAKS[process.argv[2]] ? LEAKS[process.argv[2]][1] : HEALTHY[process.argv[2]])();
} else if (!name) {
  console.log(JSON.stringify({ leak: Object.keys(LEAKS), healthy: Object.keys(HEALTHY) }));
} else {
  const grows = set === 'leak' ? LEAKS[name][0] : null;
  (set === 'leak' ? LEAKS[name][1] : HEALTHY[name])();
  console.log('READY ' + JSON.stringify({ grows, rate: grows ? RATE : 0 }));
  if (process.env.RECORD) record(process.env.RECORD, +process.env.SECONDS || 120);
}

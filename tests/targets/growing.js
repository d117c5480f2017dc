// Things that grow, or things that do not, all at once and all the time; says which and how it keeps them.
// Usage: growing.js leaks|healthy|filling
'use strict';
const EventEmitter = require('events');
const { Writable } = require('stream');

const truth = {};
const tell = (name, path, more) => { truth[name] = { path, ...more }; };
const every = (ms, f) => setInterval(f, ms);
let turn = 0;
const litter = (n) => { for (let i = 0, rows = []; i < n; i++) rows.push({ i, s: 'row ' + i }); }; // for the collector

class Order { constructor(i) { this.id = i; this.lines = [i, i + 1]; } }
class Quote { constructor(i) { this.key = 'quote ' + i; } }
class Hook { constructor(i) { this.n = i; } }
class Link { constructor(next) { this.next = next; } }

function leaks() {
  global.orders = [];
  tell('array', 'global.orders', { kind: 'array', class: 'Order' });
  const quotes = new Map();
  tell('map', 'quotes', { kind: 'collection', class: 'Quote' });
  const pages = {};
  tell('dictionary', 'pages', { kind: 'dictionary' });
  const undo = new Set();
  tell('closures', 'undo', { kind: 'collection', class: 'Function' });
  const bus = new EventEmitter().setMaxListeners(0);
  tell('listeners', 'bus._events.change', { kind: 'array', class: 'Function' });
  const images = [];
  tell('buffers', 'images', { kind: 'array', off_heap: true });
  const stack = { head: null };
  tell('linked', 'stack.head', { kind: 'linked', class: 'Link' });
  tell('timers', '', { kind: 'owner', class: 'Timeout' });
  const stuck = new Writable({ decodeStrings: false, write() {} });
  tell('stream', 'stuck._writableState', { kind: 'array' });
  const times = [];
  tell('numbers', 'times', { kind: 'array' });
  const some = () => {
    litter(4000);
    for (let k = 0; k < 8; k++) {
      const i = turn++;
      times.push(i / 7);
      orders.push(new Order(i));
      quotes.set('key ' + i, new Quote(i));
      pages['/page/' + i] = { i, text: 'page ' + i };
      undo.add(function undoOne() { return i; });
      bus.on('change', function onChange() { return i; });
      stack.head = new Link(stack.head);
      setTimeout(function later() { return i; }, 1e7);
      stuck.write('line ' + i);
      if (k === 0) images.push(new Uint8Array(20000));
    }
  };
  for (let i = 0; i < 20; i++) some();
  every(10, some);
  global.keeps = () => [quotes, pages, undo, bus, images, stack, stuck, times];
}

function healthy() {
  const lru = new Map(), ring = [], pool = [], flying = new Map(), batch = [], hooks = new WeakMap();
  for (let i = 0; i < 500; i++) pool.push(Buffer.alloc(1000));
  const settings = new Map();
  for (let i = 0; i < 20000; i++) settings.set('name ' + i, { i });
  const some = () => {
    for (let k = 0; k < 20; k++) {
      const i = turn++;
      lru.set('key ' + i, new Quote(i));
      if (lru.size > 1000) lru.delete(lru.keys().next().value);
      ring.push(new Order(i));
      if (ring.length > 300) ring.shift();
      const b = pool.pop();
      setTimeout(() => pool.push(b), 3);
      flying.set(i, { started: i, rows: new Array(50).fill(i) });
      setTimeout(() => flying.delete(i), 20 + 40 * Math.random());
      batch.push({ line: 'line ' + i });
      if (batch.length >= 700) batch.length = 0;
      hooks.set(new Hook(i), i);
      litter(200);
    }
  };
  for (let i = 0; i < 100; i++) some();
  every(10, some);
  global.keeps = () => [lru, ring, pool, flying, batch, hooks, settings];
}

class Memo {
  constructor(max) { this.max = max; this.seen = new Map(); }
  get(i) {
    if (this.seen.size >= this.max) this.seen.delete(this.seen.keys().next().value);
    this.seen.set('key ' + i, new Quote(i));
  }
}

function filling() {
  const memo = new Memo(1e6);
  const slowing = new Set();
  tell('bounded', 'memo.seen', { verdict: 'bounded' });
  every(10, () => {
    for (let k = 0; k < 8; k++) memo.get(turn++);
    for (let k = 0; k < 100; k++) slowing.add('name ' + Math.floor(Math.random() * 3000));
  });
  global.keeps = () => [memo, slowing];
}

({ leaks, healthy, filling })[process.argv[2]]();
setTimeout(() => console.log('READY ' + JSON.stringify(truth)), 600);

'use strict';
// The standard heap of the benchmarks: MB of live, ordinary application state. Many small objects
// of a few classes, strings, Maps, Sets, closures, JSON trees; no large Buffers. 500 MB of it are
// about 12.9 million objects.    node --expose-gc --max-old-space-size=4096 bench/heap.js MB
const target = Number(process.argv[2] || 100) * (1 << 20);

let seed = 12345;
function random(n) {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return seed % n;
}

class Address {
  constructor(i) {
    this.street = 'No ' + i + ' High Street';
    this.zip = 10000 + (i % 89999);
    this.geo = { lat: i * 0.001 + 0.5, lon: -i * 0.002 - 0.25 };
  }
}

class User {
  constructor(i) {
    this.id = i;
    this.name = 'user-' + i;
    this.email = 'user' + i + '@example' + (i % 97) + '.com';
    this.address = new Address(i);
    this.tags = ['t' + (i % 13), 't' + (i % 17)];
    this.created = new Date(i * 1000);
    this.score = i * 1.5;
    this.friend = null;
  }
}

class Order {
  constructor(i, user) {
    this.id = 'o-' + i;
    this.user = user;
    this.lines = [];
    for (let k = 0; k < 3; k++)
      this.lines.push({ sku: 'sku' + ((i * 7 + k) % 5000), qty: k + 1, price: (i % 100) + 0.99 });
    this.state = i & 1 ? 'open' : 'closed';
  }
}

class Session {
  constructor(id, user) {
    this.sid = id;
    this.user = user;
    this.data = new Map([['csrf', 'tok' + id], ['cart', []], ['seen', id]]);
    this.listeners = [];
  }
}

function tree(depth, i) {
  const node = { type: 'node', depth, label: 'n' + i + '.' + depth, attrs: { a: i, b: 'v' + (i & 1023), c: null } };
  if (depth > 0) node.children = [0, 1, 2].map((k) => tree(depth - 1, i * 3 + k));
  return node;
}

function handlerOf(user, i) {
  const context = { seq: i, label: 'h' + i };
  let calls = 0;
  return function handler(request) {
    calls++;
    return context.seq + calls + user.id + (request | 0);
  };
}

const state = { users: [], orders: [], sessions: new Map(), handlers: [], docs: [], cache: Object.create(null), sets: [] };
global.appState = state;

function addUser(i) {
  const user = new User(i);
  state.users.push(user);
  if (i > 10) user.friend = state.users[random(i)];
  const order = new Order(i, user);
  state.orders.push(order);
  if (i % 4 === 0) {
    const session = new Session('s' + i.toString(36), user);
    state.sessions.set(session.sid, session);
    session.listeners.push(handlerOf(user, i));
  }
  if (i % 5 === 0) state.handlers.push(handlerOf(user, i));
  if (i % 20 === 0) state.docs.push(JSON.parse(JSON.stringify(tree(3, i))));
  if (i % 10 === 0) state.cache['k:' + i.toString(16)] = { v: i, body: 'payload '.repeat(3) + i };
  if (i % 50 === 0) state.sets.push(new Set([user, order, i, 's' + i]));
}

function full() {
  if (process.memoryUsage().heapUsed < target) return false;
  if (global.gc) global.gc();
  return process.memoryUsage().heapUsed >= target;
}

function build() {
  const from = state.users.length;
  for (let i = from; i < from + 10000; i++) addUser(i);
  if (!full()) return setImmediate(build);
  const m = process.memoryUsage();
  console.log('READY ' + JSON.stringify({ users: state.users.length, rss: m.rss, heap_used: m.heapUsed }));
  setInterval(() => {}, 1 << 30);
}
build();

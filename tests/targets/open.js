// A heap with things that hold much, some held in one way only, in a snapshot that V8 writes.
//   node open.js FILE
'use strict';
const v8 = require('v8');

class Session { constructor(i) { this.id = i; this.user = { name: 'user ' + i, tags: ['a' + i, 'b' + i] }; } }
class Key { constructor(i) { this.i = i; } }
class Secret { constructor(i) { this.text = 'secret ' + i + ' '.repeat(50); } }
class Link { constructor(next) { this.next = next; this.load = new Array(10).fill(0.5); } }

const pending = []; // held by a variable alone
for (let i = 0; i < 3000; i++) pending.push({ at: i, again: () => pending.length + i });
globalThis.later = () => pending;

globalThis.sessions = new Map();
for (let i = 0; i < 5000; i++) globalThis.sessions.set('session ' + i, new Session(i));

const weak = new WeakMap();
globalThis.keys = Array.from({ length: 40 }, (_, i) => new Key(i));
for (const key of globalThis.keys) weak.set(key, new Secret(key.i));
globalThis.weak = weak;

let head = null;
for (let i = 0; i < 4000; i++) head = new Link(head);
globalThis.chain = head;

globalThis.bound = ((a) => a).bind(null, new Secret(-1));
globalThis['odd name'] = 'x'.repeat(10) + process.pid;
globalThis.buffer = Buffer.alloc(1 << 20, 1);

v8.writeHeapSnapshot(process.argv[2]);
console.log('READY ' + JSON.stringify({ sessions: 5000, pending: 3000, links: 4000, keys: 40 }));
setInterval(() => {}, 1 << 30);

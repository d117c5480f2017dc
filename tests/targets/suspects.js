// One thing that holds much, of the kind that is asked for, and prints how much of it there is.
// Usage: suspects.js KIND
'use strict';
const { AsyncLocalStorage, AsyncResource } = require('async_hooks');
const EventEmitter = require('events');
const { once } = EventEmitter;
const fs = require('fs');
const os = require('os');
const path = require('path');
const { Writable } = require('stream');
const vm = require('vm');
const { Worker } = require('worker_threads');


const kept = [];                                      // a variable of the module, for what needs a holder
const load = (i) => new Array(400).fill(i);           // 3.2 KB each

class Session { constructor(i) { this.id = i; this.data = load(i); } }

const kinds = {
  map() {
    const sessions = new Map();
    for (let i = 0; i < 5000; i++) sessions.set('key ' + i, new Session(i));
    kept.push(sessions);
    return { count: 5000, class: 'Session', path: 'kept[0]' };
  },
  array() {
    global.list = [];
    for (let i = 0; i < 4290; i++) global.list.push({ name: 'hi', arr: load(i) });
    return { count: 4290, class: 'Object', path: 'global.list' };
  },
  dictionary() {
    const cache = Object.create(null);
    for (let i = 0; i < 5000; i++) cache['/page/' + i] = new Session(i);
    kept.push(cache);
    return { count: 5000, class: 'Session', path: 'kept[0]' };
  },
  large() {
    kept.push(new Array(3e6).fill(0.5));
    return { count: 1, path: 'kept[0]' };
  },
  listeners() {
    const source = new EventEmitter().setMaxListeners(0);
    for (let i = 0; i < 3000; i++) {
      const big = load(i);
      source.on('change', function onChange() { return big; });
    }
    kept.push(source);
    return { count: 3000, function: 'onChange', path: 'kept[0]._events.change' };
  },
  timers() {
    for (let i = 0; i < 3000; i++) {
      const big = load(i);
      setTimeout(function later() { return big; }, 1e6);
    }
    return { count: 3000, function: 'later' };
  },
  waiting() {
    async function waiter(i) {
      const big = load(i);
      await new Promise((resolve) => kept.push(resolve));
      return big;
    }
    for (let i = 0; i < 3000; i++) waiter(i);
    return { count: 3000, function: 'waiter', path: 'kept' };
  },
  chain() {
    let last = null;
    const replace = () => {
      const before = last;
      const unused = () => before;
      last = { data: load(1), method() {} };
      return unused;
    };
    for (let i = 0; i < 4000; i++) replace();
    kept.push(() => last);
    return { count: 4000, function: 'method' };
  },
  slices() {
    for (let i = 0; i < 300; i++) kept.push((Buffer.alloc(40000, 97 + i % 26).toString('latin1') + i).slice(5, 40));
    return { count: 300 };
  },
  pool() {
    for (let i = 0; i < 30000; i++) {
      Buffer.allocUnsafe(3000);
      if (i % 3 === 0) kept.push(Buffer.allocUnsafe(20));
    }
    return {};
  },
  contexts() {
    for (let i = 0; i < 40; i++) kept.push(vm.runInContext('this', vm.createContext({ data: load(i) })));
    return { count: 40 };
  },
  modules() {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'suspects-')), 'plugin.js');
    fs.writeFileSync(file, 'module.exports = new Array(20000).fill(1.5);');
    for (let i = 0; i < 200; i++) {
      require(file);
      delete require.cache[file];
    }
    fs.rmSync(path.dirname(file), { recursive: true });
    return { count: 200 };
  },
  stores() {
    const storage = new AsyncLocalStorage();
    for (let i = 0; i < 3000; i++) storage.run({ request: load(i) }, () => kept.push(new AsyncResource('REQUEST')));
    return { count: 3000 };
  },
  finalizers() {
    const registry = new FinalizationRegistry(() => {});
    for (let i = 0; i < 3000; i++) {
      const target = new Session(i);
      registry.register(target, { close: () => target });
    }
    kept.push(registry);
    return { count: 3000 };
  },
  symbols() {
    for (let i = 0; i < 30000; i++) Symbol.for('session of ' + i + ' ' + '-'.repeat(60).split('').join(i % 10));
    return {};
  },
  streams() {                                         // the other side takes nothing
    const stuck = new Writable({ write() {} });
    for (let i = 0; i < 200; i++) stuck.write(Buffer.alloc(32768, i));
    kept.push(stuck);
    return { count: 1, path: 'kept[0]' };
  },
  workers() {
    for (let i = 0; i < 6; i++) {
      kept.push(new Worker('const a = []; for (let i = 0; i < 300; i++) a.push(new Array(400).fill(i));' +
                           'setInterval(() => a.length, 1e6);', { eval: true }));
    }
    return { count: 6, wait: kept.map((w) => once(w, 'online')) };
  },
  scripts() {                                         // nothing keeps them but the compilation cache
    for (let i = 0; i < 60; i++) {
      const text = i + '; /*' + '*'.repeat(100000) + '*/';
      new vm.Script(text).runInThisContext();
    }
    return {};
  },
  nothing() { return {}; },
};

const { wait, ...truth } = kinds[process.argv[2]]();
Promise.all(wait || []).then(() => setTimeout(() => {
  gc();
  console.log('READY ' + JSON.stringify(truth));
}, wait ? 500 : 0));
setInterval(() => kept.length, 1e6);

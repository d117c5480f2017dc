// Every kind of object the language and Node's own modules can make, `n` of the common ones. What a
// version does not know is left out.
'use strict';
const vm = require('vm');
const util = require('util');

const attempt = (f) => { try { return f(); } catch { return undefined; } };
const code = (source) => attempt(() => vm.runInThisContext(source));

class Point {
  #secret = 1;
  static count = 0;
  static #hidden = [1, 2];
  constructor(x, y) { this.x = x; this.y = y; this.label = 'pt' + x; Point.count++; }
  get sum() { return this.x + this.y; }
  set sum(v) { this.x = v; }
  #inner() { return this.#secret; }
  peek() { return this.#inner() + Point.#hidden.length; }
  static { this.made = new Map(); }
}
class Point3 extends Point { constructor(x, y, z) { super(x, y); this.z = z; this.d = x / 3; } peek() { return super.peek() + 1; } }
class MyArray extends Array {}
class MyMap extends Map { constructor() { super(); this.extra = 1; } }
class MyError extends Error { constructor(m, cause) { super(m, { cause }); this.code = 'E'; } }
class MyPromise extends Promise {}
class MyFunction extends Function {}
class MyBytes extends Uint8Array {}

function plain(n) {
  const out = { objects: [], points: [], json: [], doubles: [] };
  for (let i = 0; i < n; i++) {
    out.objects.push({ a: i, b: 'v' + i, c: { d: i * 1.5, e: [i, i + 1, 'x'], f: null, g: undefined, h: true } });
    out.points.push(i & 1 ? new Point(i, -i) : new Point3(i, 1, 2));
    out.doubles.push(i / 7, { v: i / 3 });
    if (i % 20 === 0) out.json.push(JSON.parse(`{"id":${i},"k${i % 50}":[1,2.5,"s"],"o":{"p":${i}},"0":1,"big":1e99}`));
  }
  out.points.forEach((p) => p.peek());
  return out;
}

function strings(n) {
  const out = { one: [], two: [], cons: [], sliced: [], thin: [], nested: '' };
  for (let i = 0; i < n; i++) {
    out.one.push('one-' + i);
    out.two.push('\u4e2d\u6587'.repeat(i % 9) + i);
    out.cons.push(('left part of a cons string ' + i) + ('right part, long enough \u4e2d' + i));
    if (i % 3 === 0) out.sliced.push(('the parent of a sliced string ' + i).substring(5, 30));
    if (i % 50 === 0) { out.nested += 'some more of it ' + i; out.thin.push(out.cons[i]); }
  }
  for (const s of out.thin) ({})[s] = 1; // internalized: the cons becomes thin
  out.external = [Buffer.alloc(2 << 20, 'e').toString('latin1'), Buffer.alloc(2 << 20, 'u').toString('ucs2')];
  out.large = ['ab'.repeat(400000).split('').join(''), '\u00e9\u4e2d'.repeat(200000).split('').join('')];
  out.internalized = Array.from({ length: 500 }, (_, i) => Symbol.for('registered ' + i));
  out.template = ((s) => s)`a ${n} b`;
  return out;
}

function collections(n) {
  const out = { maps: [], sets: [], weak: [], records: new MyMap(), iterators: [] };
  for (let i = 0; i < n / 10; i++) {
    const m = new Map(), s = new Set();
    for (let k = 0; k < i % 60; k++) { m.set(k & 1 ? k : 'k' + k, { k }); s.add('s' + (k * i)); }
    if (i % 7 === 0) { m.delete('k0'); s.delete('s0'); }
    out.maps.push(m);
    out.sets.push(s);
    out.iterators.push(m.entries(), s.values(), [i][Symbol.iterator](), 'str'[Symbol.iterator](), /a/g[Symbol.matchAll]('aa'));
  }
  const keys = out.maps, wm = new WeakMap(), ws = new WeakSet();
  for (const k of keys) { wm.set(k, { of: k }); ws.add(k); }
  const registry = new FinalizationRegistry(() => {});
  for (const k of keys) registry.register(k, { held: 1 }, k);
  out.weak.push(wm, ws, registry, ...keys.map((k) => new WeakRef(k)), ...keys.slice(0, 50).map(() => new WeakRef({})));
  out.biggest = new Map(Array.from({ length: 30000 }, (_, i) => [i, i]));
  return out;
}

function arrays(n) {
  const out = { holey: [], sparse: [], frozen: [], args: [] };
  for (let i = 0; i < n / 20; i++) {
    const h = [1, , 2.5, , 'x'];
    const sparse = [];
    sparse[1e7 + i] = 1;
    sparse[3] = { i };
    out.holey.push(h, [1.5, , 2.5], [, ,], new Array(i % 30), MyArray.from([i, 2]));
    out.sparse.push(sparse);
    out.frozen.push(Object.freeze([i, 's']), Object.freeze({ i }), Object.seal({ a: i }), Object.preventExtensions([1, i]));
    out.args.push((function () { return arguments; })(1, 2, i), (function (a, b) { 'use strict'; return [arguments, a, b]; })(1, i));
    out.args.push(new Function('a', 'b', 'a = 5; return [arguments, function () { return a + b; }]')(1, 2));
    out.args.push(new Function('a', 'arguments[0] = 3; arguments[20] = 1; delete arguments[0]; return arguments')(1));
  }
  out.large = [new Array(200000).fill(1.5), Array.from({ length: 300000 }, (_, i) => i), new Array(70000).fill({})];
  const grown = [];
  for (let i = 0; i < 40000; i++) grown.push(i % 3 ? i : 'x');
  out.large.push(grown, grown.concat([{}]), Object.assign([], { named: 1 }));
  return out;
}

function dictionaries(n) {
  const out = [], proto = Object.create(null);
  for (let i = 0; i < n / 50; i++) {
    const d = {};
    for (let k = 0; k < 40 + (i % 5) * 60; k++) d['k' + ((i * 7 + k) % 3000)] = k;
    delete d['k' + ((i * 7 + 3) % 3000)];
    out.push(d, Object.assign(Object.create(null), { i }), Object.create(d), { ['c' + i]: 1, get x() { return 1; } });
    const numbers = {};
    for (let k = 0; k < 30; k++) numbers[k * 100003] = k;
    Object.defineProperty(numbers, 5, { get() { return 1; }, enumerable: false, configurable: true });
    out.push(numbers);
    const many = {};
    for (let k = 0; k < i % 140; k++) many['p' + k] = k; // out-of-object properties of every length
    out.push(many);
    proto['m' + i] = () => i;
  }
  out.push(proto, Object.create(proto), globalThis);
  return out;
}

function buffers(n) {
  const out = [];
  const types = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array,
    Float64Array, BigInt64Array, BigUint64Array, globalThis.Float16Array].filter(Boolean);
  for (let i = 0; i < n / 20; i++) {
    for (const T of types) out.push(new T(i % 40), new T(new ArrayBuffer(400), 8, 10));
    out.push(Buffer.alloc(5000, i & 255), Buffer.from('small' + i), new DataView(new ArrayBuffer(64), 8), new MyBytes(9));
  }
  const sab = new SharedArrayBuffer(8192);
  Atomics.store(new Int32Array(sab), 0, 5);
  out.push(sab, new Int32Array(sab), new ArrayBuffer(0), Buffer.alloc(8 << 20, 1), Buffer.allocUnsafeSlow(300000));
  out.push(attempt(() => new ArrayBuffer(1000, { maxByteLength: 100000 })));
  out.push(attempt(() => new Uint8Array(new ArrayBuffer(1000, { maxByteLength: 5000 }), 4)));
  out.push(attempt(() => new DataView(new ArrayBuffer(1000, { maxByteLength: 5000 }))));
  out.push(attempt(() => new SharedArrayBuffer(1000, { maxByteLength: 100000 })));
  out.push(attempt(() => { const a = new ArrayBuffer(5000); structuredClone(a, { transfer: [a] }); return a; })); // detached
  return out;
}

function numbers(n) {
  const out = [];
  for (let i = 0; i < n / 5; i++) out.push(BigInt(i) ** BigInt(i % 40), -BigInt(i), Object(i), Object('s' + i), Object(Symbol('wrapped')));
  for (let i = 0; i < 60; i++) out.push(Symbol('sym' + i), Symbol(), Object(true), Object(5n), new Date(i * 1e6), new Date(NaN));
  out.push(7n ** 90000n);
  return out;
}

function regexps() {
  const out = [];
  for (let i = 0; i < 120; i++) {
    const r = new RegExp('(?<name>z' + i + ')(b+)c?', i & 1 ? 'gd'.replace('d', i % 3 ? 'd' : '') : 'iu');
    const s = 'z' + i + 'bbbc and more of \u4e2d'.repeat(i & 1);
    for (let k = 0; k < 4; k++) out.push(r.exec(s));
    r.lastIndex = 0;
    out.push(r, s.replace(r, (m) => m + '!'), s.split(/b/), [...s.matchAll(/[a-z]/g)].length);
  }
  out.push(/^(?:a|b)*?(?=c)(?<!d)\p{L}$/u, /\u4e2d/y, code('/[\\p{L}--[a-z]]/v'));
  return out;
}

function functions(n) {
  const out = [];
  const shared = new Function('q', 'return () => () => q++');
  for (let i = 0; i < n / 10; i++) out.push(shared(i), ((q) => () => q + i)(i), Math.max.bind(null, i), { m() { return super.toString; } }.m);
  for (let i = 0; i < 300; i++) {
    const f = new Function('a', 'b', `/* ${i} */ let t = 0; for (let k = 0; k < b; k++) { t += a * k + ${i}; } return t;`);
    out.push(f, f(i, 30));
    out.push(new MyFunction('x', 'return x + ' + i), new Function('with (this) { return typeof x' + i + ' }'), eval(`(a${i}) => eval("a${i} + 1")`));
    if (i < 40) for (let k = 0; k < 300; k++) f(k, 100); // optimised
  }
  const hot = (o, k) => { let s = 0; for (let i = 0; i < 60; i++) s += o.x * i + o.y[i % 3] + k; return s; };
  for (let i = 0; i < 30000; i++) hot(i % 5000 ? { x: i, y: [1, 2, 3] } : { y: [1, 2, 3], x: 1.5, z: 1 }, i); // and deoptimised
  // Properties of many shapes at one place: feedback becomes megamorphic, hashes and dictionaries grow.
  const shapes = Array.from({ length: 60 }, (_, i) => ({ ['k' + i]: 1, x: i, ['l' + i]: 2 }));
  let sum = 0;
  for (let i = 0; i < 20000; i++) sum += shapes[i % 60].x;
  const lots = 'let ' + Array.from({ length: 120 }, (_, i) => `v${i} = ${i}`).join() + '; return () => [' +
    Array.from({ length: 120 }, (_, i) => 'v' + i).join() + ', eval("1")]';
  out.push(hot, shapes, sum, new Function(lots)(), code('(function () { try { throw 1 } catch ({ a, ...rest }) { return () => [a, rest] } finally { } })()'));
  out.push(code('(class A { static #p = 1; static s = () => A.#p; static async *g() { yield* [1]; } accessor = 1; })'));
  out.push(code('(a, b = () => a, ...[c, d]) => { { let x = 1; function f() { return x; } return [f, b]; } }'));
  out.push(code('({ __proto__: null, async *m() {}, get [Symbol.iterator]() { return 1; } })'));
  out.push(code('label: for (const x of [1, 2, 3]) { switch (x) { case 1: continue label; default: break label; } }'));
  return out;
}

function suspended(n) {
  const out = [];
  async function waits(x) { const y = await new Promise(() => {}); return x + y; }
  async function* pours() { let i = 0; for (;;) { yield i++; await null; } }
  function* counts() { let z = 1; while (true) { const got = yield z++; if (got) return got; } }
  for (let i = 0; i < n / 20; i++) {
    const g = counts(), a = pours();
    g.next();
    a.next();
    out.push(g, a, waits(i), Promise.resolve(i).then((x) => x + 1), new Promise(() => {}), MyPromise.resolve(i));
    out.push(Promise.all([1, new Promise(() => {})]), Promise.any([new Promise(() => {})]), Promise.allSettled([Promise.reject(i)]),
      Promise.race([new Promise(() => {})]), Promise.resolve(1).finally(() => {}));
  }
  out.push(attempt(() => Promise.withResolvers()), attempt(() => [1, 2].values().map((x) => x)), attempt(() => Array.fromAsync([1])));
  out.push(code('(async () => { for await (const x of [new Promise(() => {})]) x; })()'));
  out.push(code('(() => { using x = { [Symbol.dispose]() {} }; return () => x; })()'), code('new DisposableStack()'));
  out.push(code('(() => { const d = new DisposableStack(); d.defer(() => {}); return d; })()'), code('new AsyncDisposableStack()'));
  return out;
}

function oddities(n) {
  const out = [];
  for (let i = 0; i < n / 20; i++) {
    out.push(new Proxy({ i }, { get() { return 1; } }), Proxy.revocable(() => 1, {}), new Proxy(class {}, {}));
    if (i % 10 === 0) out.push(new Error('err ' + i), new MyError('with a cause', new TypeError('x')), new AggregateError([new Error('y')]));
  }
  for (const e of out) if (e instanceof Error) void e.stack;
  for (const [name, of] of [['NumberFormat', 5.5], ['DateTimeFormat', 0], ['Collator', 0], ['PluralRules', 0], ['ListFormat', 0], ['RelativeTimeFormat', 0],
    ['DisplayNames', 0], ['Segmenter', 0], ['Locale', 0], ['DurationFormat', 0]])
    out.push(attempt(() => name === 'Locale' ? new Intl.Locale('de-AT') : new Intl[name]('de', name === 'DisplayNames' ? { type: 'region' } : {})), of);
  out.push(attempt(() => new Intl.DateTimeFormat('ja').formatToParts(0)), (1e6).toLocaleString('fr'), 'a'.localeCompare('b'));
  out.push(attempt(() => [...new Intl.Segmenter('en', { granularity: 'word' }).segment('words and words')]));
  out.push(attempt(() => [Temporal.Now.instant(), Temporal.PlainDate.from('2020-01-01'), new Temporal.Duration(1)]));
  out.push(new AbortController(), new EventTarget(), new URL('http://x/y?z=1'), new TextDecoder(), util.inspect({ a: [1] }));
  out.push(attempt(() => structuredClone(new Map([[{ a: 1 }, new Set([new Date(), /x/])]]))));
  out.push(new (require('async_hooks').AsyncLocalStorage)(), attempt(() => new (code('ShadowRealm'))()));
  return out;
}

function contexts() {
  const out = [vm.createContext({ a: 1, f() { return 1; } }), vm.createContext({})];
  for (const c of out.slice()) out.push(vm.runInContext('globalThis.kept = [class X { #p = 1 }, new Map([[1, {}]]), /x/]; (() => kept)', c));
  out.push(new vm.Script('var fromScript = 1; let lexical = 2; const fixed = () => lexical; fromScript', { filename: 'some script' }).runInThisContext());
  for (let i = 0; i < 20; i++) vm.runInThisContext(`let lexical${i} = ${i}; class Lexical${i} {}`);
  return out;
}

// Modules: with cells, indirect exports, namespaces, cycles, top-level await. Gives a promise.
async function modules() {
  const data = (s) => import('data:text/javascript,' + encodeURIComponent(s));
  const out = [await data('export let a = 1, b = () => a; export default class { static x = 1 }; export * as fs from "fs"; await 0; import.meta.url'),
    await data('import * as os from "os"; import { join as j, sep } from "path"; let unused; export { j, sep, os }; export const f = () => [unused, os, j]')];
  if (vm.SourceTextModule) {
    const m = new vm.SourceTextModule('import { x } from "dep"; export const y = x + 1; export function g() { return y; } export { x as z } from "dep"');
    await m.link(() => new vm.SyntheticModule(['x'], function () { this.setExport('x', 41); }));
    await m.evaluate();
    out.push(m, m.namespace);
  }
  return out;
}

module.exports = async function objects(n) {
  const kept = { plain: plain(n), strings: strings(n), collections: collections(n), arrays: arrays(n), dictionaries: dictionaries(n),
    buffers: buffers(n), numbers: numbers(n), regexps: regexps(), functions: functions(n), suspended: suspended(n),
    oddities: oddities(n), contexts: contexts(), wasm: require('./heap_wasm.js')() };
  kept.modules = await modules();
  return kept;
};

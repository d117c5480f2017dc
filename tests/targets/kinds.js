// One object of every kind there is, each with what it consists of as the program itself sees it:
// its summary, own properties and elements by reflection, entries and inner state as it was made.
// Kinds that this version of Node does not have are left out.
'use strict';
const async_hooks = require('async_hooks');
const fs = require('fs');
const http = require('http');
const net = require('net');
const path = require('path');
const vm = require('vm');
const zlib = require('zlib');
const { MessageChannel, Worker } = require('worker_threads');

class Kinds { }
const kinds = new Kinds();
const truth = {};
const summaries = new Map();

const is_class = f => typeof f === 'function' && /^class\b/.test(Function.prototype.toString.call(f));

// A value in one line, classes named as V8 names them in its heap snapshots, where it is none of the kinds that were added with a summary of their own.
function brief(v) {
  if (summaries.has(v) && typeof v !== 'string')
    return summaries.get(v);
  switch (typeof v) {
    case 'string': return `"${v}"`;
    case 'bigint': return `${v}n`;
    case 'number': return Object.is(v, -0) ? '-0' : String(v);
    case 'function': return `${is_class(v) ? 'class' : 'function'}${v.name ? ` ${v.name}` : ''}`;
    case 'object':
      if (v === null)
        return 'null';
      if (Array.isArray(v))
        return `${v.constructor.name}(${v.length})`;
      if (v instanceof Map || v instanceof Set)
        return `${v.constructor.name}(${v.size})`;
      return v.constructor ? v.constructor.name : 'Object';
    default: return String(v);
  }
}

const is_index = key => typeof key === 'string' && /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;

// Own properties and elements: name -> summary, or the getter and setter.
function reflect(value) {
  const properties = {}, elements = {};
  for (const key of Reflect.ownKeys(value)) {
    const d = Object.getOwnPropertyDescriptor(value, key);
    const what = 'value' in d ? brief(d.value) : { get: d.get ? brief(d.get) : null, set: d.set ? brief(d.set) : null };
    if (is_index(key))
      elements[key] = what;
    else
      properties[String(key)] = what;
  }
  return { properties, elements };
}

// more: entries [[key, value] or [value]], slots, variables, privates; inside: false where its
// properties are not to be compared.
function kind(name, value, summary, more = {}) {
  const object = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (object && !summaries.has(value))
    summaries.set(value, summary || brief(value));
  kinds[name] = value;
  truth[name] = { summary: summary || brief(value) };
  const t = truth[name];
  if (object && more.inside !== false)
    Object.assign(t, reflect(value));
  if (more.privates)
    Object.assign(t.properties, more.privates);
  if (object)
    t.entries = (more.entries || []).map(entry => entry.map(brief));
  t.slots = more.slots || {};
  t.details = more.details;
  t.frames = more.frames;
  t.variables = more.variables || {};
}

// A kind that not every version has.
function maybe(make) {
  try {
    make();
  } catch (e) {
    if (process.env.KINDS_DEBUG)
      console.error(e);
  }
}

// Where a text stands first in this file.
const own_text = fs.readFileSync(__filename, 'utf8');
function place(text) {
  const before = own_text.slice(0, own_text.indexOf(text)).split('\n');
  return `${__filename}:${before.length}:${before[before.length - 1].length + 1}`;
}

// --- primitives

kind('smi', 42);
kind('smi negative', -7);
kind('smi least', -(2 ** 31));
kind('number over smi', 2 ** 31);
kind('number fraction', 0.1);
kind('number large', 1e21);
kind('number below 1e21', 123456789012345680000);
kind('number small', 1.5e-7);
kind('number 1e-6', 0.000001);
kind('number max', Number.MAX_VALUE);
kind('number denormal', 5e-324);
kind('number -0', -0);
kind('number NaN', NaN);
kind('number Infinity', Infinity);
kind('number -Infinity', -Infinity);
kind('undefined', undefined);
kind('null', null);
kind('true', true);
kind('false', false);
kind('bigint 0', 0n);
kind('bigint', 123n);
kind('bigint negative', -(2n ** 64n));
kind('bigint two words', 2n ** 100n);
kind('symbol', Symbol('mark'));
kind('symbol bare', Symbol());
kind('symbol registered', Symbol.for('registered'));
kind('symbol well known', Symbol.iterator);

// --- strings of every representation

const thirteen = 'thirteen char';
const made = n => 'abcdefghijklmnopqrstuvwxyz'.repeat(Math.ceil(n / 26)).slice(0, n);
kind('string empty', '');
kind('string', 'text');
kind('string two-byte', 'naïve \u2603');
kind('string pair', 'a\u{1f600}b');
kind('string one-byte of latin', 'caf\u00e9');
kind('string cons', thirteen + process.pid + thirteen);
kind('string sliced', made(100).substring(7, 60));
{
  const flat = (thirteen + process.title + thirteen + thirteen);
  const keys = {};
  keys[flat] = 1; // what was flattened becomes a thin string
  kind('string thin', flat);
}
kind('string from a buffer', Buffer.from('x'.repeat(30)).toString('latin1'));

// --- objects

kind('object empty', {});
kind('object fast', { name: 'hi', n: 1, half: 0.5, list: [1, 2] }, null, {
  details: 'Object {name: "hi", n: 1, half: 0.5, list: Array(2)}',
});
kind('object nested', { a: { b: { c: 1 } } });
{
  const o = { self: null };
  o.self = o;
  summaries.set(o, 'Object');
  kind('object cyclic', o);
}
{
  const o = {};
  for (let i = 0; i < 40; i++)
    o[`p${i}`] = i;
  kind('object out-of-object properties', o, null, { details: 'Object {p0: 0, p1: 1, p2: 2, p3: 3, p4: 4, ...}' });
}
{
  const o = { a: 1, b: 2, c: 3 };
  delete o.a;
  o.d = 4;
  kind('object dictionary', o);
}
{
  const o = Object.create(null);
  o.x = 1;
  o['with space'] = 'y';
  kind('object null prototype', o, 'Object');
}
kind('object symbol keys', { [Symbol('key')]: 1, [Symbol.for('shared')]: 'two' });
kind('object getter', { get answer() { return 42; } }, null, { details: 'Object {answer: (...)}' });
kind('object setter', { set answer(v) { } });
kind('object getter and setter', { get both() { return 1; }, set both(v) { } });
kind('object hidden property', Object.defineProperty({ seen: 1 }, 'hidden', { value: 2, enumerable: false }));
kind('object constant', Object.defineProperty({}, 'constant', { value: 5, writable: false }));
kind('object frozen', Object.freeze({ a: 1 }));
kind('object sealed', Object.seal({ a: 1, b: 'x' }));
kind('object not extensible', Object.preventExtensions({ a: undefined }));
kind('object elements', { 0: 'zero', 1: 'one', 5: 'five', name: 'x' });
kind('object sparse elements', { 1000000: 'far', 7: 'near' });
{
  const o = {};
  Object.defineProperty(o, 3, { get() { return 3; }, enumerable: true, configurable: true });
  o[1] = 'plain';
  kind('object element accessor', o);
}
kind('object double field', { x: 1.25, y: -0.5 });
{
  const o = { x: 1.5 };
  o.x = 2.75;
  kind('object changed double', o);
}
kind('object created', Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }), 'Object');
kind('global', globalThis, 'globalThis', { inside: false });

// --- classes

class Base { constructor() { this.id = 1; } }
class Derived extends Base { constructor() { super(); this.more = 'x'; } }
class Privates {
  #secret = 'hidden';
  #count = 3;
  shown = true;
  reveal() { return [this.#secret, this.#count]; }
}
class WithStatic { static shared = 7; static #inner = 8; static get() { return WithStatic.#inner; } }
const Anonymous = (() => class { constructor() { this.a = 1; } })();
function Old(x) { this.x = x; }
class Both { #p = 1; constructor() { for (let i = 0; i < 30; i++) this[`q${i}`] = i; } get() { return this.#p; } }
kind('instance', new Base());
kind('instance of derived', new Derived());
kind('instance of function', new Old(5));
kind('instance with privates', new Privates(), null, { privates: { '#secret': '"hidden"', '#count': '3' } });
kind('instance with many', new Both(), null, { privates: { '#p': '1' } });
kind('instance of anonymous', new Anonymous(), 'Object');
kind('class', Base, 'class Base', {
  inside: false, slots: { '[[FunctionKind]]': 'class', '[[FunctionLocation]]': place('class Base'), '[[Source]]': Base.toString() },
});
kind('class derived', Derived, 'class Derived', { inside: false });
kind('class with statics', WithStatic, 'class WithStatic', { inside: false, slots: { '[[Source]]': WithStatic.toString() } });
kind('class anonymous', Anonymous, 'class', { inside: false });
maybe(() => {
  // In a text of its own, because Node 12 cannot even read it.
  const Methods = new Function(`return class Methods {
    #hidden() { return 1; } get #half() { return 0.5; } call() { return [this.#hidden(), this.#half]; } }`)();
  kind('instance with private methods', new Methods(), null, { inside: false });
});
class Accessors { static get now() { return 1; } get later() { return 2; } set later(v) { } }
kind('prototype with accessors', Accessors.prototype, 'Object');
kind('prototype', Base.prototype, 'Object', { inside: false });
class Tagged { get [Symbol.toStringTag]() { return 'Label'; } }
kind('instance with tag', new Tagged());

// --- functions and closures

function named(a, b) { return a + b; }
kind('function', named, 'function named', {
  inside: false, slots: {
    '[[FunctionKind]]': 'function', '[[FunctionLocation]]': place('function named'), '[[Source]]': named.toString(),
  },
});
kind('function length', { f: named, n: named.length });
const arrow = (a, b) => a * b, async_arrow = async () => 1;
kind('arrow', arrow, 'function arrow', { inside: false, slots: { '[[FunctionKind]]': 'arrow function' } });
kind('async arrow', async_arrow, 'function async_arrow', { inside: false, slots: { '[[FunctionKind]]': 'async arrow function' } });
kind('async function', async function later() { }, 'function later', {
  inside: false, slots: { '[[FunctionKind]]': 'async function' },
});
kind('generator function', function* steps() { }, 'function steps', {
  inside: false, slots: { '[[FunctionKind]]': 'generator function' },
});
kind('async generator function', async function* flow() { }, 'function flow', {
  inside: false, slots: { '[[FunctionKind]]': 'async generator function' },
});
kind('builtin', Math.max, 'function max', { inside: false, slots: { '[[FunctionKind]]': 'function (native)' } });
kind('builtin constructor', Map, 'function Map', { inside: false });
kind('method', { method() { } }.method, 'function method', { inside: false, slots: { '[[FunctionKind]]': 'method' } });
kind('async method', { async method() { } }.method, 'function method', { inside: false, slots: { '[[FunctionKind]]': 'async method' } });
kind('generator method', { *method() { } }.method, 'function method', { inside: false, slots: { '[[FunctionKind]]': 'generator method' } });
kind('setter function', Object.getOwnPropertyDescriptor({ set x(v) { } }, 'x').set, 'function set x', {
  inside: false, slots: { '[[FunctionKind]]': 'setter' },
});
kind('getter function', Object.getOwnPropertyDescriptor({ get x() { return 1; } }, 'x').get, 'function get x', { inside: false });
function make(first, list) {
  const text = 'kept';
  let count = 1.5;
  return function closure() { return [first, list, text, count++]; };
}
const closure = make({ a: 1 }, [1, 2, 3]);
closure();
kind('closure', closure, 'function closure', {
  inside: false, variables: { first: 'Object', list: 'Array(3)', text: '"kept"', count: '2.5' },
});
const nested = (outer => { const middle = outer + 1; return inner => () => [outer, middle, inner]; })(10)(12);
kind('closure nested', nested, 'function', { inside: false, variables: { outer: '10', middle: '11', inner: '12' } });
const many = (() => {
  const names = Array.from({ length: 90 }, (_, i) => `v${i}`);
  return new Function(`${names.map((n, i) => `let ${n} = ${i};`).join('')} return () => [${names}];`)();
})();
kind('closure of many', many, 'function', { inside: false, variables: { v0: '0', v37: '37', v89: '89' } });
{
  const fs = [];
  for (let i = 0; i < 3; i++)
    fs.push(() => i);
  kind('closure in a loop', fs[2], 'function', { inside: false, variables: { i: '2' } });
}
try {
  throw new Error('caught');
} catch (problem) {
  summaries.set(problem, 'Error: caught');
  const blame = () => problem;
  kind('closure of catch', blame, 'function blame', { inside: false, variables: { problem: 'Error: caught' } });
}
kind('function eval', new Function('a', 'return a'), 'function', { // "anonymous" stands in its text only
  inside: false });
kind('bound', named.bind({ self: 1 }, 5, 'six'), 'function bound named', {
  inside: false, slots: { '[[TargetFunction]]': 'function named', '[[BoundThis]]': 'Object' },
});
kind('bound twice', named.bind(null).bind(null, 1), 'function bound bound named', { inside: false });
{
  const tool = Object.assign(function tool() { }, { version: 2 });
  summaries.set(tool.prototype, 'Object');
  kind('function with properties', tool, 'function tool');
}
kind('function renamed', Object.defineProperty(function before() { }, 'name', { value: 'after' }), 'function after', { inside: false });

// --- arrays of every elements kind

kind('array empty', []);
kind('array smi', [1, 2, 3]);
kind('array smi holey', [1, , 3], null, { details: 'Array(3) [1, <1 empty>, 3]' });
kind('array double', [1.5, 2.5, 1e100], null, { details: 'Array(3) [1.5, 2.5, 1e+100]' });
kind('array double holey', [1.5, , -0]);
kind('array elements', ['a', {}, 3]);
kind('array elements holey', ['a', , null]);
kind('array undefined', [undefined, undefined]);
kind('array holes only', new Array(5));
{
  const a = [];
  a[5000000] = 'far';
  a[3] = 'near';
  kind('array dictionary', a);
}
kind('array frozen', Object.freeze([1, 'b', , 3]));
kind('array sealed', Object.seal(['a', 2]));
kind('array not extensible', Object.preventExtensions(['x', 'y']));
kind('array with properties', Object.assign([1, 2], { extra: 'yes' }));
class List extends Array { }
kind('array subclass', List.of(1, 2, 3), 'List(3)');
{
  const a = [1, 2, 3, 4, 5];
  a.length = 2;
  kind('array shortened', a);
}
{
  const a = [];
  for (let i = 0; i < 20; i++)
    a.push(i);
  for (let i = 0; i < 15; i++)
    a.shift();
  kind('array shifted', a);
}
kind('array nested', [[1], [[2]]]);
kind('array of matches', 'a-b'.match(/(?<left>.)-(.)/), 'Array(3)');
kind('array literal copied on write', [10, 20, 30]);
(function sloppy_caller() {
  // eslint-disable-next-line no-new-func
  const sloppy = new Function('a', 'b', 'a = "changed"; const f = () => a; arguments[2] = "set"; return [arguments, f];');
  const [args] = sloppy(1, 2, 3, 4);
  kind('arguments sloppy', args, 'Arguments(4)', { inside: false });
  truth['arguments sloppy'].elements = reflect(args).elements;
  const bare = new Function('return arguments')('x', 'y');
  kind('arguments sloppy without names', bare, 'Arguments(2)', { inside: false });
  truth['arguments sloppy without names'].elements = reflect(bare).elements;
  const slow = new Function('a', 'b', 'delete arguments[0]; const f = () => b; return arguments;')(1, 2, 3);
  kind('arguments sloppy with a hole', slow, 'Arguments(3)', { inside: false });
  truth['arguments sloppy with a hole'].elements = reflect(slow).elements;
})();
(function strict() { kind('arguments strict', arguments, 'Arguments(2)', { inside: false }); })('one', 2);

// --- wrappers

kind('wrapper number', Object(5), 'Number {5}', { slots: { '[[PrimitiveValue]]': '5' } });
kind('wrapper string', new String('abc'), 'String {"abc"}', { slots: { '[[PrimitiveValue]]': '"abc"' } });
kind('wrapper string with more', Object.assign(new String('ab'), { 5: 'five', x: 1 }), 'String {"ab"}');
kind('wrapper boolean', Object(true), 'Boolean {true}', { slots: { '[[PrimitiveValue]]': 'true' } });
kind('wrapper symbol', Object(Symbol('s')), 'Symbol {Symbol(s)}');
kind('wrapper bigint', Object(9n), 'BigInt {9n}');

// --- collections

kind('map', new Map([['a', 1], ['b', { x: 1 }], [{}, null]]), 'Map(3)', {
  entries: [['a', 1], ['b', {}], [{}, null]], details: 'Map(3) {"a" => 1, "b" => Object, Object => null}',
});
kind('map empty', new Map(), 'Map(0)');
{
  const m = new Map();
  for (let i = 0; i < 40; i++)
    m.set(i, `v${i}`);
  for (let i = 0; i < 38; i++)
    m.delete(i);
  m.set('last', 0.5);
  kind('map with deletions', m, 'Map(3)', { entries: [[38, 'v38'], [39, 'v39'], ['last', 0.5]] });
}
kind('map of odd keys', new Map([[NaN, 1], [undefined, 2], [null, 3], [1.5, 4]]), 'Map(4)', {
  entries: [[NaN, 1], [undefined, 2], [null, 3], [1.5, 4]],
});
class Cache extends Map { constructor() { super(); this.name = 'cache'; } }
{
  const m = new Cache();
  m.set('k', 'v');
  kind('map subclass', m, 'Cache(1)', { entries: [['k', 'v']] });
}
kind('set', new Set([3, 'x', 1.5]), 'Set(3)', { entries: [[3], ['x'], [1.5]], details: 'Set(3) {3, "x", 1.5}' });
{
  const s = new Set([1, 2, 3, 4]);
  s.delete(2);
  kind('set with deletions', s, 'Set(3)', { entries: [[1], [3], [4]] });
}
kind('set empty', new Set(), 'Set(0)');
const key = { key: true };
kind('weak map', new WeakMap([[key, 'of key']]), 'WeakMap(1)', { entries: [[key, 'of key']] });
kind('weak set', new WeakSet([key]), 'WeakSet(1)', { entries: [[key]] });
maybe(() => kind('weak ref', new WeakRef(key), 'WeakRef', { slots: { '[[WeakRefTarget]]': 'Object' } }));
maybe(() => {
  const r = new FinalizationRegistry(function cleanup() { });
  r.register(key, 'held');
  kind('finalization registry', r, 'FinalizationRegistry', {
    entries: [[key, 'held']], slots: { '[[CleanupCallback]]': 'function cleanup' },
  });
});

// --- iterators

const partly = new Map([['one', 1], ['two', 2], ['three', 3]]);
{
  const i = partly.entries();
  i.next();
  kind('map iterator', i, 'MapIterator', { entries: [['two', 2], ['three', 3]] });
  const k = partly.keys();
  kind('map key iterator', k, 'MapIterator', { entries: [['one', 1], ['two', 2], ['three', 3]] });
  const v = partly.values();
  v.next();
  v.next();
  kind('map value iterator', v, 'MapIterator', { entries: [['three', 3]] });
  const s = new Set([1, 2]).values();
  s.next();
  kind('set iterator', s, 'SetIterator', { entries: [[2]] });
  kind('set entry iterator', new Set(['x']).entries(), 'SetIterator', { entries: [['x']] });
  const gone = new Map([[1, 1], [2, 2]]), it = gone.keys();
  it.next();
  for (let n = 3; n < 100; n++)
    gone.set(n, n);
  for (let n = 3; n < 98; n++)
    gone.delete(n);
  gone.delete(1);
  kind('map iterator of a table replaced', it, 'MapIterator', { entries: [[2, 2], [98, 98], [99, 99]] });
  const ended = new Map().keys();
  ended.next();
  kind('map iterator at its end', ended, 'MapIterator');
}
{
  const i = ['x', 'y', 'z'][Symbol.iterator]();
  i.next();
  kind('array iterator', i, 'Array Iterator', {
    slots: { '[[IteratedObject]]': 'Array(3)', '[[NextIndex]]': '1', '[[IterationKind]]': 'values' },
  });
  kind('array key iterator', [1].keys(), 'Array Iterator', { slots: { '[[IterationKind]]': 'keys' } });
  kind('array entry iterator', [1].entries(), 'Array Iterator', { slots: { '[[IterationKind]]': 'entries' } });
  const s = 'text'[Symbol.iterator]();
  s.next();
  kind('string iterator', s, 'StringIterator', { slots: { '[[IteratedString]]': '"text"', '[[NextIndex]]': '1' } });
  kind('regexp iterator', 'aXbX'.matchAll(/X/g), 'RegExpStringIterator', { slots: { '[[IteratedString]]': '"aXbX"' } });
}
maybe(() => {
  kind('iterator helper map', [1, 2].values().map(function twice(x) { return 2 * x; }), 'Iterator', {
    slots: { '[[UnderlyingIterator]]': 'Array Iterator', '[[Mapper]]': 'function twice' },
  });
  kind('iterator helper filter', [1, 2].values().filter(function odd(x) { return x & 1; }), 'Iterator', {
    slots: { '[[Predicate]]': 'function odd' },
  });
  kind('iterator helper take', [1, 2, 3].values().take(2), 'Iterator', { slots: { '[[Remaining]]': '2' } });
  kind('iterator helper drop', [1, 2, 3].values().drop(1), 'Iterator', { slots: { '[[Remaining]]': '1' } });
  kind('iterator helper flatMap', [1].values().flatMap(function spread(x) { return [x]; }), 'Iterator', {
    slots: { '[[Mapper]]': 'function spread' },
  });
});
maybe(() => kind('iterator wrapped', Iterator.from({ next() { return { done: true }; } }), 'Iterator', { inside: false }));

// --- dates, regular expressions, errors

kind('date', new Date(Date.UTC(2026, 0, 1)), 'Date 2026-01-01T00:00:00.000Z');
kind('date with milliseconds', new Date(1234567890123), `Date ${new Date(1234567890123).toISOString()}`);
kind('date before 1970', new Date(-1), `Date ${new Date(-1).toISOString()}`);
kind('date of year 0', new Date(-62167219200001), `Date ${new Date(-62167219200001).toISOString()}`);
kind('date far', new Date(8.64e15), `Date ${new Date(8.64e15).toISOString()}`);
kind('date leap', new Date('2024-02-29T23:59:59.999Z'), 'Date 2024-02-29T23:59:59.999Z');
kind('date invalid', new Date(NaN), 'Date Invalid Date');
kind('regexp', /ab+c/gi, '/ab+c/gi', { slots: { '[[OriginalFlags]]': '"gi"' } });
kind('regexp plain', /x/, '/x/', { details: '/x/' });
kind('regexp all flags', new RegExp('y', 'gimsuy'), '/y/gimsuy');
maybe(() => kind('regexp with indices', new RegExp('y', 'dy'), '/y/dy'));
maybe(() => kind('regexp with sets', new RegExp('[a&&b]', 'v'), '/[a&&b]/v'));
{
  const r = /./g;
  r.exec('ab');
  kind('regexp in use', r, '/./g');
}
kind('regexp long', new RegExp('(?:a|b|c){2,3}(?<year>\\d{4})'), '/(?:a|b|c){2,3}(?<year>\\d{4})/');
function thrower() { return new Error('not looked at'); }
const formatted = new Error('looked at');
String(formatted.stack);
class OwnError extends TypeError { constructor(m) { super(m); this.code = 'E_OWN'; } }
const no_stack = { inside: false };
kind('error', thrower(), 'Error: not looked at', {
  inside: false, slots: { '[[StackFrame]]': `thrower (${place("new Error('not looked at')")})` },
});
kind('error looked at', formatted, 'Error: looked at', { inside: false, slots: { '[[Stack]]': formatted.stack.slice(0, 1000) } });
class Thrower {
  constructor() { this.errors = this.make(); }
  make() { return [1, 2].map(() => new Error('pair')); }
}
const pair = new Thrower().errors; // made at one place: the text of one is that of the other
kind('error with frames', pair[0], 'Error: pair', {
  inside: false, frames: pair[1].stack.split('\n').slice(1).map(line => line.trim().replace(/^at /, '')),
});
kind('error without message', new RangeError(), 'RangeError', no_stack);
kind('error derived', new OwnError('mine'), 'OwnError: mine', no_stack);
kind('error with cause', new Error('outer', { cause: 'inner' }), 'Error: outer', no_stack);
kind('error syntax', (() => { try { JSON.parse('{'); } catch (e) { return e; } })(), null, no_stack);
truth['error syntax'].summary = `SyntaxError: ${kinds['error syntax'].message}`;
kind('error type', (() => { try { null.x; } catch (e) { return e; } })(), null, no_stack);
truth['error type'].summary = `TypeError: ${kinds['error type'].message}`;
maybe(() => kind('error aggregate', new AggregateError([1, 2], 'several'), 'AggregateError: several', no_stack));
kind('error of node', (() => { try { fs.readFileSync('/none'); } catch (e) { return e; } })(), null, no_stack);
truth['error of node'].summary = `Error: ${kinds['error of node'].message}`;

// --- promises, generators, async functions

const settle = {};
kind('promise pending', new Promise(() => { }), 'Promise {<pending>}', { slots: { '[[PromiseState]]': 'pending' } });
kind('promise fulfilled', Promise.resolve(42), 'Promise {<fulfilled>: 42}', {
  slots: { '[[PromiseState]]': 'fulfilled', '[[PromiseResult]]': '42' },
});
const rejected = Promise.reject(new Error('no'));
rejected.catch(() => { });
kind('promise rejected', rejected, 'Promise {<rejected>: Error: no}', {
  slots: { '[[PromiseState]]': 'rejected', '[[PromiseResult]]': 'Error: no' },
});
const awaited = new Promise(resolve => { settle.awaited = resolve; });
async function waiter() {
  const kept = 'across';
  await awaited; // the place of waiting
  return kept;
}
const waiting = waiter();
kind('promise with then', (() => {
  const p = new Promise(() => { });
  p.then(function done() { }, function failed() { });
  return p;
})(), 'Promise {<pending>}', { slots: { '[[OnFulfilled]]': 'function done', '[[OnRejected]]': 'function failed' } });
kind('promise awaited', awaited, 'Promise {<pending>}', {
  slots: {
    '[[Awaiter]]': 'AsyncFunction {<suspended>}',
    '[[AwaitedBy]]': `async function waiter at ${place('await awaited; // the place of waiting')}`,
  },
});
kind('promise of async function', waiting, 'Promise {<pending>}');
class Later extends Promise { }
kind('promise subclass', Later.resolve('soon'), 'Later {<fulfilled>: "soon"}');
kind('promise all', Promise.all([awaited]), 'Promise {<pending>}');
function* counter(from) {
  let at = from;
  yield at; // first
  at++;
  yield at; // second
}
const generators = [counter(1), counter(5), counter(9), counter(20)];
generators[1].next();
generators[2].next();
generators[2].next();
for (let i = 0; i < 3; i++)
  generators[3].next();
kind('generator not begun', generators[0], 'counter {<suspended>}', { slots: { '[[GeneratorState]]': 'suspended' } });
kind('generator at first', generators[1], 'counter {<suspended>}', {
  slots: { '[[GeneratorFunction]]': 'function counter', '[[GeneratorLocation]]': place('yield at; // first') },
});
kind('generator at second', generators[2], 'counter {<suspended>}', { slots: { '[[GeneratorLocation]]': place('yield at; // second') } });
kind('generator ended', generators[3], 'counter {<closed>}', { slots: { '[[GeneratorState]]': 'closed' } });
async function* stream() { yield 1; }
const flowing = stream();
flowing.next();
kind('async generator', flowing, 'stream {<suspended>}', { slots: { '[[GeneratorFunction]]': 'function stream' } });

// --- proxies

kind('proxy', new Proxy({ hidden: 1 }, { get() { return 1; } }), 'Proxy(Object)', {
  inside: false, slots: { '[[Target]]': 'Object', '[[Handler]]': 'Object' },
});
kind('proxy of function', new Proxy(named, {}), 'Proxy(function named)', { inside: false });
kind('proxy of array', new Proxy([1, 2], {}), 'Proxy(Array(2))', { inside: false });
{
  const { proxy, revoke } = Proxy.revocable({}, {});
  summaries.set(proxy, 'Proxy');
  revoke();
  kind('proxy revoked', proxy, 'Proxy', { inside: false });
}

// --- buffers and views

const length_of = n => ({ '[[ArrayBufferByteLength]]': String(n) });
kind('array buffer', new ArrayBuffer(1024), 'ArrayBuffer(1024)', { slots: length_of(1024) });
kind('array buffer empty', new ArrayBuffer(0), 'ArrayBuffer(0)', { slots: length_of(0) });
kind('shared array buffer', new SharedArrayBuffer(64), 'SharedArrayBuffer(64)', { slots: { '[[IsShared]]': 'true', ...length_of(64) } });
{
  const b = new ArrayBuffer(16);
  new MessageChannel().port1.postMessage(b, [b]);
  kind('array buffer detached', b, 'ArrayBuffer(0)', { slots: { '[[IsDetached]]': 'true' } });
}
let resizable;
maybe(() => {
  const b = new ArrayBuffer(8, { maxByteLength: 64 });
  if (!b.resizable)
    return;
  resizable = b;
  kind('array buffer resizable', b, 'ArrayBuffer(8)', { slots: { '[[ArrayBufferMaxByteLength]]': '64', ...length_of(8) } });
  const view = new Uint8Array(b);
  b.resize(12);
  truth['array buffer resizable'].summary = 'ArrayBuffer(12)';
  truth['array buffer resizable'].slots['[[ArrayBufferByteLength]]'] = '12';
  view[11] = 7;
  kind('typed array that tracks', view, 'Uint8Array(12)', { slots: { '[[IsLengthTracking]]': 'true', '[[ByteLength]]': '12' } });
  const part = new Uint16Array(b, 2, 3);
  kind('typed array of a part that may shrink', part, 'Uint16Array(3)', { slots: { '[[ByteOffset]]': '2' } });
  kind('data view that tracks', new DataView(b), 'DataView(12)', { slots: { '[[ByteLength]]': '12' } });
});
const numbers = [0, 1, 127, 200, 255];
for (const Type of [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Uint8ClampedArray, Float32Array,
  Float64Array, globalThis.Float16Array].filter(Boolean)) {
  const a = Type.from([...numbers, -1, 1.5, 70000]);
  kind(`typed array ${Type.name}`, a, `${Type.name}(8)`, { slots: { '[[ByteLength]]': String(a.byteLength), '[[ByteOffset]]': '0' } });
}
kind('typed array BigInt64Array', BigInt64Array.of(1n, -(2n ** 63n)), 'BigInt64Array(2)');
kind('typed array BigUint64Array', BigUint64Array.of(1n, 2n ** 64n - 1n), 'BigUint64Array(2)');
kind('typed array off heap', new Uint32Array(100).fill(7), 'Uint32Array(100)', { slots: { '[[ArrayLength]]': '100' } });
kind('typed array part', new Uint8Array(new ArrayBuffer(16), 4, 8), 'Uint8Array(8)', { slots: { '[[ByteOffset]]': '4', '[[ViewedArrayBuffer]]': 'ArrayBuffer(16)' } });
kind('typed array shared', new Int32Array(new SharedArrayBuffer(8)), 'Int32Array(2)', { slots: { '[[ViewedArrayBuffer]]': 'SharedArrayBuffer(8)' } });
class Samples extends Float32Array { }
kind('typed array subclass', Samples.of(0.5), 'Samples(1)');
kind('typed array special numbers', Float64Array.of(NaN, -0, Infinity, 1e-7), 'Float64Array(4)');
{
  const a = new Uint8Array(8);
  new MessageChannel().port1.postMessage(a.buffer, [a.buffer]);
  kind('typed array detached', a, 'Uint8Array(0)');
}
kind('data view', new DataView(new ArrayBuffer(20), 4, 12), 'DataView(12)', { slots: { '[[ByteOffset]]': '4', '[[ByteLength]]': '12' } });
kind('buffer', Buffer.from('hello'), 'Buffer(5)');
kind('buffer large', Buffer.alloc(100000), 'Buffer(100000)', { inside: false });

// --- WebAssembly

const wasm = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 7, 1, 3, 0x69,
  0x6e, 0x63, 0, 0, 0x0a, 9, 1, 7, 0, 0x20, 0, 0x41, 1, 0x6a, 0x0b]);
const wasm_module = new WebAssembly.Module(wasm);
const wasm_instance = new WebAssembly.Instance(wasm_module);
kind('wasm module', wasm_module, 'Module');
kind('wasm instance', wasm_instance, 'Instance', { inside: false });
kind('wasm exported function', wasm_instance.exports.inc, 'function 0', {
  inside: false, slots: { '[[FunctionKind]]': 'function (WebAssembly)' },
});
const wasm_memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
summaries.set(wasm_memory.buffer, 'ArrayBuffer(65536)');
kind('wasm memory', wasm_memory, 'Memory', { slots: { '[[Buffer]]': 'ArrayBuffer(65536)', '[[MaximumPages]]': '4' } });
kind('wasm table', new WebAssembly.Table({ initial: 3, element: 'anyfunc', maximum: 9 }), 'Table', { slots: { '[[Length]]': '3' } });
kind('wasm global', new WebAssembly.Global({ value: 'i32', mutable: true }, 42), 'Global', { slots: { '[[Value]]': '42' } });
maybe(() => kind('wasm global i64', new WebAssembly.Global({ value: 'i64' }, -5n), 'Global', { slots: { '[[Value]]': '-5n' } }));
kind('wasm global f64', new WebAssembly.Global({ value: 'f64' }, 2.5), 'Global', { slots: { '[[Value]]': '2.5' } });
maybe(() => kind('wasm global externref', new WebAssembly.Global({ value: 'externref' }, 'held'), 'Global', { slots: { '[[Value]]': '"held"' } }));
maybe(() => kind('wasm tag', new WebAssembly.Tag({ parameters: ['i32'] }), 'Tag'));

maybe(() => {
  // (type (struct i32 f64)) (type (array (mut i32))), and functions s and a that make one of each
  const made = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    1, 0x14, 4, 0x5f, 2, 0x7f, 0, 0x7c, 0, 0x5e, 0x7f, 1, 0x60, 0, 1, 0x64, 0, 0x60, 0, 1, 0x64, 1, 3, 3, 2, 2, 3,
    7, 9, 2, 1, 0x73, 0, 0, 1, 0x61, 0, 1, 10, 0x1f, 2, 0x10, 0, 0x41, 7, 0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0xfb, 0, 0, 0x0b,
    12, 0, 0x41, 1, 0x41, 2, 0x41, 3, 0xfb, 8, 1, 3, 0x0b]))).exports;
  kind('wasm struct', made.s(), '(WasmStruct)');
  kind('wasm array', made.a(), '(WasmArray)', { slots: { '[[Length]]': '3' } });
});

// --- Intl, URL and other classes of Node and the platform

kind('intl collator', new Intl.Collator('de'), 'Collator', { inside: false });
kind('intl number format', new Intl.NumberFormat('en'), 'NumberFormat', { inside: false });
kind('intl date time format', new Intl.DateTimeFormat('en'), 'DateTimeFormat', { inside: false });
kind('intl plural rules', new Intl.PluralRules('en'), 'PluralRules', { inside: false });
kind('intl locale', new Intl.Locale('de-AT'), 'Locale', { inside: false });
kind('intl list format', new Intl.ListFormat('en'), 'ListFormat', { inside: false });
kind('intl relative time format', new Intl.RelativeTimeFormat('en'), 'RelativeTimeFormat', { inside: false });
maybe(() => kind('intl segmenter', new Intl.Segmenter('en'), 'Segmenter', { inside: false }));
maybe(() => kind('temporal instant', Temporal.Instant.from('2026-01-01T00:00:00Z'), 'Instant', { inside: false }));
maybe(() => kind('temporal date', Temporal.PlainDate.from('2026-01-01'), 'PlainDate', { inside: false }));
kind('url', new URL('http://example.org/a?b=c'), 'URL', { inside: false });
kind('text decoder', new TextDecoder(), 'TextDecoder', { inside: false });
kind('event emitter', new (require('events'))(), 'EventEmitter');
maybe(() => kind('abort controller', new AbortController(), 'AbortController', { inside: false }));

// --- objects that wrap one of C++

const server = net.createServer().listen(0);
kind('native tcp server', server._handle, 'TCP', { inside: false, slots: { '[[NativeClass]]': 'node::TCPWrap' } });
kind('server', server, 'Server', { inside: false });
kind('native zlib', zlib.createGzip()._handle, 'Zlib', { inside: false });
const channel = new MessageChannel();
kind('native message port', channel.port1, 'MessagePort', { inside: false, slots: { '[[NativeClass]]': 'node::worker::MessagePort' } });
channel.port1.unref();
const hash = require('crypto').createHash('sha256');
const hash_handle = hash[Object.getOwnPropertySymbols(hash).find(s => String(s) === 'Symbol(kHandle)')];
if (hash_handle.constructor.name) // Node 12 gives it none
  kind('native hash', hash_handle, 'Hash', { inside: false, slots: { '[[NativeClass]]': 'node::crypto::Hash' } });
kind('timer', setInterval(() => { }, 1e6), 'Timeout', { inside: false });
kind('vm script', new vm.Script('1'), 'Script', { inside: false });
kind('vm context', vm.createContext({ a: 1 }), 'Object', { inside: false });
kind('async resource', new async_hooks.AsyncResource('KIND'), 'AsyncResource', { inside: false });

// --- modules

const folder = fs.mkdtempSync(path.join(require('os').tmpdir(), 'kinds-'));
const file = path.join(folder, 'm.mjs');
fs.writeFileSync(file, 'export const answer = 42; export default function main() {} export let text = "exported";');
kind('module of CommonJS', module, 'Module', { inside: false });

import(file).then(namespace => {
  kind('module namespace', namespace, 'Module', { inside: false });
  truth['module namespace'].exports = { answer: '42', default: 'function main', text: '"exported"' };
  fs.unlinkSync(file);
  fs.rmdirSync(folder);
  setTimeout(() => console.log(`READY ${JSON.stringify({ node: process.version, kinds: truth })}`), 300);
});

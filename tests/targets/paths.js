// Objects that are kept in one way each, and how a program's author would write it. READY {class:
// line}: FILE stands for this file's
// name; null: no matter how.
'use strict';
const fs = require('fs');
const net = require('net');
const lines = {};
const make = (name, line) => {
  lines['Kept' + name] = line;
  return new (new Function(`return class Kept${name} {}`)())();
};

globalThis.list = [0, 1, make('Global', 'global.list[2]')];
const modules = [make('Module', 'variable modules of FILE: modules[0]')];
globalThis.useModules = () => modules;
globalThis.map = new Map([['a', make('MapValue', 'global.map.get("a")')], [make('MapKey', 'global.map <key 1>'), 1]]);
globalThis.set = new Set([0, make('SetMember', 'global.set <member 1>')]);
globalThis.key = { key: 1 };
globalThis.weak = new WeakMap([[key, make('WeakValue', 'global.key <value in a WeakMap, by this key>')]]);

function outer() {
  const captured = make('Closure', 'variable captured of outer() in FILE');
  return () => captured;
}
globalThis.closure = outer();
const many = (first) => {
  let text = '';
  for (let i = 0; i < 100; i++) text += `const v${i} = ${i === 77 ? 'first' : `'${i}'`};`;
  for (let i = 0; i < 100; i++) text += i ? `+ v${i}` : 'return () => v0';
  return new Function('first', text)(first);
};
globalThis.hundred = many(make('OfMany', null)); // found by `first` or by `v77`, whichever
{
  const block = make('Block', 'variable block of FILE');
  globalThis.useBlock = () => block;
}
try { throw make('Caught', 'variable caught of FILE'); } catch (caught) { globalThis.useCaught = () => caught; }
let assigned = 1;
globalThis.assign = () => { assigned = make('Assigned', 'variable assigned of FILE'); return assigned; };
globalThis.assign();

class Owner {
  static shown = make('Static', 'global.Owner.shown');
  static #hidden = make('StaticPrivate', 'global.Owner.#hidden');
  #own = make('Private', 'global.owner.#own');
  look() { return [this.#own, Owner.#hidden]; }
}
globalThis.Owner = Owner;
globalThis.owner = new Owner();
class Instance extends Array { constructor() { super(); this.part = make('Field', 'global.instance.part'); } }
globalThis.instance = new Instance();
globalThis.bag = {
  [Symbol('tag')]: make('Symbol', 'global.bag[Symbol(tag)]'),
  'odd name': make('OddName', 'global.bag["odd name"]'),
};
Object.defineProperty(bag, 'got', { get: Object.assign(() => 1, { of: make('Getter', 'global.bag <get got>.of') }) });
globalThis.table = {};
for (let i = 0; i < 2000; i++) table['name' + i] = i;
delete table.name3;
table.here = make('Dictionary', 'global.table.here');
globalThis.sparse = [];
sparse[3e6] = make('Sparse', 'global.sparse[3000000]');
globalThis.frozen = Object.freeze([make('Frozen', 'global.frozen[0]')]);
globalThis.bound = function () {}.bind(make('This', 'global.bound <bound_this>'), make('Argument', 'global.bound <bound_argument_0>'));
globalThis.settled = Promise.resolve(make('Result', 'global.settled <reactions_or_result>'));
globalThis.generator = (function* () { const held = make('Yielded', 'global.generator <parameters_and_registers> <1>'); yield 1; return held; })();
globalThis.generator.next();

const timers = (late) => setTimeout(() => late, 1e8);
timers(make('Timer', 'variable late of timers() in FILE'));
const server = net.createServer();
server.of = make('Server', '(handle of Server) TCP[Symbol(owner_symbol)].of');
server.listen(0, '127.0.0.1');
server.once('listening', () => setTimeout(() => {
  gc();
  fs.writeSync(1, 'READY ' + JSON.stringify({ lines, file: __filename }) + '\n');
}, 100));

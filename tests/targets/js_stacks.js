// Calls of every sort, each of which shows its stack.
'use strict';
const show = require('./show.js');

const o = {
  method() { show('method'); },
  property: function () { show('property'); },
  arrow: () => show('arrow'),
  ['x' + 'y']() { show('computed'); },
  get getter() { show('getter'); return 1; },
  set setter(v) { show('setter'); },
  '.js': function () { show('dot'); },
};
o.method(); o.property(); o.arrow(); o.xy(); o.getter; o.setter = 1; o['.js']();
o.late = function () { show('late'); }; o.late();
o.deep = {}; o.deep.er = function () { show('deep.er'); }; o.deep.er();

class Base {
  constructor() { show('Base'); }
  meth() { show('meth'); }
  static st() { show('static'); }
  get gg() { show('class getter'); return 1; }
  static { show('static block'); }
  #p() { show('private'); }
  callp() { this.#p(); }
  field = (() => { show('field'); })();
}
class Derived extends Base {
  constructor() { super(); show('Derived'); }
  meth() { super.meth(); show('super'); }
  static st() { super.st(); }
}
const d = new Derived();
d.meth(); Derived.st(); d.gg; d.callp();
new (class { constructor() { show('anonymous class'); } })();

function Old() { show('Old'); }
Old.prototype.proto = function () { show('proto'); };
Old.stat = function () { show('stat'); };
new Old().proto(); Old.stat(); Old.call(undefined);
o.method.bind(o)(); Old.prototype.proto.bind(3)();
new Proxy(o, { get(t, k) { show('trap'); return t[k]; } }).zz;
new Proxy(function () { show('apply'); }, {})();
eval("function ev(){ show('eval') } ev(); (function(){ show('eval anonymous') })()");
eval("eval(\"show('eval in eval')\")");
new Function('show', "show('Function')")(show);
(0, eval)("globalThis.gev = function gev(s) {\n  s('indirect eval') }"); gev(show);
function* gen() { show('generator'); yield 1; show('generator again'); }
for (const x of gen()) { }
const alias = { alias: Old.prototype.proto, other: o.method };
alias.alias(); alias.other();

[3].forEach(x => show('forEach'));
[3].map(x => show('map'));
[1, 2].sort((a, b) => { show('sort'); return 0; });
'x'.replace(/x/, () => { show('replace'); return ''; });
JSON.parse('[1]', function (k, v) { if (k === '0') show('reviver'); return v; });
JSON.stringify({ toJSON() { show('toJSON'); return 1; } });
Array.from([1], () => show('from'));
Reflect.apply(o.method, o, []);
Reflect.construct(Old, []);
new Map([[1, 2]]).forEach(() => show('Map.forEach'));
new Set([1]).forEach(function named() { show('Set.forEach'); });
[1].reduce(() => show('reduce'), 0);
Object.defineProperty({}, 'x', { get() { show('defined getter'); } }).x;
new Promise(() => show('executor'));
`${{ toString() { show('toString'); return ''; } }}`;
+{ valueOf() { show('valueOf'); return 1; } };
for (const q of { [Symbol.iterator]() { show('iterator'); return [][Symbol.iterator](); } });
new Uint8Array(2).map(() => show('typed map'));
o.method.call(o); o.method.apply(o, [1, 2, 3]);

Object.defineProperty(o.property, 'name', { value: 'renamed' }); o.property();
class Named { static name() { } static x() { show('static name'); } }
Named.x();
(function () { show('this is a string'); }).call('str');
(function pn() { show('this is a number'); }).call(5);
Symbol.prototype.zz = function () { show('this is a symbol'); }; Symbol('q').zz();
Object.create(null, { n: { value() { show('null prototype'); } } }).n();
({ [Symbol.toStringTag]: 'Tagged', t() { show('tagged'); } }).t();
(() => { (() => { show('nested arrows'); })(); })();
try { null.x; } catch { show('catch'); } finally { show('finally'); }
[[1]].forEach(([a], i) => { switch (a) { case 1: for (;;) { show('deep in blocks'); break; } } });
setTimeout(() => {
  show('timer');
  show.done();
}, 1);

// One chain of calls, run by each tier in turn, with functions inlined into others: constructors,
// callbacks of builtins, methods, closures. Wants --allow-natives-syntax.
'use strict';
const tell = require('./show.js');
let blocked = null;

function show() {
  if (blocked) tell(blocked);
  return 1;
}

class Point {
  constructor(x) { this.x = x; this.y = show() + 1; }
  norm(n) { return this.x + leaf(n) + this.y; }
  get size() { return leaf(2) * 2; }
  static of(x) { return new Point(x); }
}
function leaf(n) { return n > 0 ? leaf2(n - 1) + 1 : 0; }
function leaf2(n) { return n + show(); }
const points = [new Point(1), new Point(2)];

function constructs(n) { return 1 + new Point(n).x; }
function factory(n) { return 1 + Point.of(n).x; }
function methods(n) { return points[0].norm(n) + 1; }
function getter(n) { return points[1].size + n; }
function callbacks(n) {
  let sum = 0;
  points.forEach(p => { sum += p.norm(n); });
  return sum;
}
function mapped(n) { return points.map(p => leaf(n) + p.x).length; }
function applied(n) { return leaf.apply(null, [n]) + leaf.call(undefined, n); }
function closure(n) { const f = m => leaf(m) + n; return f(n) + f(n); }
function spread(...args) { return leaf(...args); }
function loop(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += i % 2 ? leaf(i) : 1;
  return sum;
}
function rested(n) { return spread(n, 2, 3) + 1; }
function fewer(n) { return ((a, b, c) => leaf(a) + (b === c ? 1 : 2))(n); }

const all = [constructs, factory, methods, getter, callbacks, mapped, applied, closure, loop, rested, fewer];
const tier = process.argv[2];
const inlined = [leaf, leaf2, spread, show, Point.prototype.norm, Point.of];
for (const f of all) {
  if (tier === 'maglev' || tier === 'turbofan')
    for (const g of [f, ...inlined])
      %PrepareFunctionForOptimization(g);
  for (let i = 0; i < 30; i++) f(3);
  if (tier === 'maglev') eval('%OptimizeMaglevOnNextCall(f)');
  if (tier === 'turbofan') %OptimizeFunctionOnNextCall(f);
  f(3);
  blocked = tier + ' ' + f.name;
  f(3);
  blocked = null;
}
if (tier === 'hot') { // left to V8: whatever tier it takes
  for (let i = 0; i < 200000; i++) for (const f of all) f(3);
  for (const f of all) { blocked = 'hot ' + f.name; f(3); blocked = null; }
}
tell.done();

// A function called with values of every sort.
'use strict';
const show = require('./show.js');

class Order { }
function many(...args) { if (args.length) show('arguments'); }
function named() { }
const list = [1, 2, 3];
many(42, 1.5, NaN, -Infinity, 'text', 'a longer text than is worth its place in a line of a stack', true, null,
  undefined, { a: 1 }, list, new Order(), named, Order, Symbol('mark'), new Map(), 'one', 'too many');
show.done();

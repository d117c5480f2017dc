'use strict';
// Lets an addon forget 13,500 blocks: leaks.js ADDON. Prints {"lost": where, "numbers": where 1,000
// blocks are whose addresses only JavaScript knows, as numbers}. Addresses are printed as they come,
// and as text, so that nothing keeps them.
const leaky = require(process.argv[2]);
const CALLS = 60, EACH = 100; // of 100, 75 are forgotten, 3 blocks each

const numbers = leaky.number(1000);
let lost = '';
function make(calls) {
  if (!calls) return finish();
  lost += leaky.make(EACH);
  setImmediate(make, calls - 1);
}

function finish() {
  const held = { array: numbers.slice(0, 400), each: numbers.slice(400).map((at) => ({ at })) };
  globalThis.held = held;
  // a while of other work covers what calls have left on the stack
  const rows = [];
  for (let i = 0; i < 20000; i++) rows.push({ i, key: 'k' + i });
  globalThis.rows = rows;
  require('http').createServer((q, s) => s.end('x')).listen(0, '127.0.0.1', () => {
    let ticks = 0;
    setInterval(() => { // what compilers left behind is taken up and freed meanwhile
      if (++ticks === 10)
        console.log('READY ' + JSON.stringify({ lost: lost.trim().split(' '), numbers: numbers.length }));
    }, 100);
  });
}

make(CALLS);

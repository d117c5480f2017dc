// A loop that the interpreter runs (--no-opt --no-sparkplug): where the thread stands differs from
// moment to moment, and is on the lines of the loop.
'use strict';
const fs = require('fs');

function spin(n) {
  let sum = new Error('here').stack.length; // V8 has positions of it from now on
  fs.writeSync(1, 'READY {"first": 10, "last": 14}\n');
  let i = 0;
  for (;;) {
    sum = sum + i;
    i = (i + 1) % n;
    if (sum > 1e9)
      sum = sum - 1e9;
  }
}

spin(1000);

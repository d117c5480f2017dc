// An object that a live one and a dead one refer to. READY after a collection that let neither go.
'use strict';
const fs = require('fs');
globalThis.keeper = { kept: { mark: 'kept by two' } };
let second = { dead: keeper.kept };
gc();
gc(); // both are old now
setTimeout(() => {
  second = null;
  fs.writeSync(1, 'READY {}\n');
}, 200);
setInterval(() => {}, 1e8);

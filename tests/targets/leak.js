// A leak as people write it: a module's list that every request adds to. READY once it has 4,290.
'use strict';
const fs = require('fs');
const list = [];
function Leak(i) { this.name = 'hi'; this.number = 770000.25 + i; this.arr = new Array(10); }
const handle = (i) => list.push(new Leak(i));
for (let i = 0; i < 4290; i++) handle(i);
setTimeout(handle, 1e8);
list[988].name = 'the 988th';
list[989].only = 'here';
list[989]['naïve'] = 'Grüße';
list[989][Symbol('tagged')] = 989;
list[990].number = 987654321;
fs.writeSync(1, 'READY ' + JSON.stringify({ file: __filename }) + '\n');

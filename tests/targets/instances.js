// Objects of known classes, numbers and sizes. Prints what it made; collects and stops itself.
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

class Session { constructor(i) { this.id = i; this.user = { name: 'user' + i }; } }
class SessionStore { constructor() { this.sessions = []; } }
class Gone { constructor(i) { this.i = i; } }
const made = path.join('/srv', 'app', 'made.js'); // a script of another name
const Made = vm.runInThisContext('\n\n(class Made { constructor(i) { this.made = i; } })', { filename: made });

const store = new SessionStore();
for (let i = 0; i < 4290; i++) store.sessions.push(new Session(i));
const kept = {
  store,
  made: Array.from({ length: 77 }, (_, i) => new Made(i)),
  long: Array.from({ length: 12345 }, (_, i) => i),
  map: new Map(Array.from({ length: 321 }, (_, i) => ['k' + i, i])),
  set: new Set(Array.from({ length: 123 }, (_, i) => i)),
  text: 'x'.repeat(54321),
  buffer: new Uint8Array(3000000),
};
kept.text.charCodeAt(0); // flattens it
globalThis.kept = kept;

let gone = Array.from({ length: 500 }, (_, i) => new Gone(i));
gc();
gc();
gone = null;
setTimeout(() => {
  fs.writeSync(1, 'READY ' + JSON.stringify({ Session: 4290, Made: 77, Gone: 500, long: 12345, map: 321, set: 123,
    text: 54321, buffer: 3000000, made: { script: made, line: 3 } }) + '\n');
  process.kill(process.pid, 'SIGSTOP');
}, 200);

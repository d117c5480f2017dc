// 10,000 objects that bear a number each, which V8 moves. For a line "churn" a tenth of them goes and as
// many others come, some are made anew with the number they had, what holds them is filled in another
// order ("order"), and some change; "remade" are those with the number of another. "scavenge" moves young objects, "move" old ones, too; "churn move" does both.
// For "snapshot FILE" V8 writes its own. Tells after each which numbers are held in which order, and
// stops itself.
'use strict';
const fs = require('fs');
const v8 = require('v8');

class Point { constructor(n) { this.n = n; } }
class Record { constructor(n) { this.n = n; this.name = 'name ' + n % 10; this.tags = [n % 3, 'tag']; } }
class Link { constructor(n) { this.n = n; this.next = links[links.length - 1]; links.push(this); } }
class Holder { constructor(n) { this.n = n; this.nested = { deep: { m: n } }; } }
class Counter { constructor(n) { this.n = n; this.count = 0; this.last = null; } }
const kinds = [Point, Record, Link, Holder, Counter];
const links = [];
const make = (n) => new kinds[n % kinds.length](n);

const N = 10000;
let next = N, seed = 1, remade = [];
const random = (n) => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % n;
globalThis.moving = { list: Array.from({ length: N }, (_, n) => make(n)), map: new Map(), set: new Set() };

function keep(o) {
  moving.map.set(o.n, o);
  if (o.n % 2) moving.set.add(o); // what is in a Set has an identity hash
}
moving.list.forEach(keep);

function replace(i, n) {
  const old = moving.list[i], o = make(n);
  moving.map.delete(old.n);
  moving.set.delete(old);
  moving.list[i] = o;
  keep(o);
}

function churn() {
  for (let i = 0; i < N / 10; i++) replace(random(N), next++);
  remade = Array.from({ length: N / 50 }, () => moving.list[random(N)].n);
  const at = new Map(moving.list.map((o, i) => [o.n, i]));
  for (const n of remade) replace(at.get(n), n);
  for (let i = N - 1; i > 0; i--) {
    const k = random(i + 1), o = moving.list[i];
    moving.list[i] = moving.list[k];
    moving.list[k] = o;
  }
  links.length = 0;
  for (const o of moving.list) {
    if (o instanceof Link) links.push(o);
    if (o instanceof Counter) { o.count++; o.last = { at: o.count }; }
  }
}

function scavenge() {
  for (let i = 0; i < 400000; i++) moving.dropped = { i, text: ['x'] };
}

function tell() {
  fs.writeSync(1, 'READY ' + JSON.stringify({ order: moving.list.map((o) => o.n), remade }) + '\n');
  process.kill(process.pid, 'SIGSTOP');
}

process.stdin.on('data', (line) => {
  const words = line.toString().trim().split(' ');
  if (words[0] === 'snapshot') v8.writeHeapSnapshot(words[1]);
  if (words.includes('churn')) churn();
  if (words.includes('scavenge') || words.includes('move')) scavenge();
  if (words.includes('move')) { gc(); gc(); }
  tell();
});
setTimeout(tell, 100);

'use strict';
// A few objects of every kind, and no garbage: a small heap for tests/hostile.
// node --expose-gc --experimental-vm-modules hostile.js
require('./heap_objects.js')(2).then((kept) => {
  globalThis.kept = kept;
  const text = ['a', 'list', 'of', 'names'];
  kept.cyclic = { text, join: text.join('-'.repeat(20)) + text, list: [text] };
  kept.cyclic.self = kept.cyclic;
  for (let i = 0; i < 3; i++) gc();
  setTimeout(() => { gc(); console.log('READY {}'); }, 300);
  setInterval(() => {}, 1e6);
});

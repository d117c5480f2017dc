// show(tag) tells the stack that V8 prints here, without itself, and waits until a line comes in:
// what stands on the thread's stack must be that. Of V8's own code its stack has only the name.
'use strict';
const fs = require('fs');
const { isMainThread } = require('worker_threads');
Error.stackTraceLimit = Infinity;
const line = Buffer.alloc(64);

function tell(truth) {
  fs.writeSync(1, 'READY ' + JSON.stringify({ worker: !isMainThread, ...truth }) + '\n');
  fs.readSync(0, line);
}

function show(tag) {
  tell({ tag, stack: new Error('here').stack.split('\n').slice(2).map(l => l.replace(/^ +at /, '')) });
}

// The same, after a wait in which nothing has asked for a stack yet.
show.late = function showLate(tag) {
  tell({ tag: tag + ', before' });
  tell({ tag, stack: new Error('here').stack.split('\n').slice(2).map(l => l.replace(/^ +at /, '')) });
};
show.done = () => tell({ done: true });
module.exports = show;

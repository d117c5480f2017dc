// Stacks of ES modules, of a worker, and of code that is not JavaScript's own.
import { Worker, isMainThread, workerData } from 'worker_threads';
import { fileURLToPath } from 'url';
import vm from 'vm';
import show from './show.js';

export class Thing {
  run(tag) { return [tag].map(t => this.shown(t)); }
  shown(tag) { show(tag); return 1; }
}

async function start() {
  new Thing().run('module');
  await null;
  new Thing().run('module after await');
  vm.runInThisContext('(function inVm(f) {\n  f("vm"); })', { filename: 'made.js', lineOffset: 10 })(show);
  vm.runInNewContext('f("new context")', { f: show }, 'other.js');
  process.emit('shown');
}
process.on('shown', function listener() { show('listener'); });

if (isMainThread) {
  await start();
  const wasm = new WebAssembly.Module(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 97, 1, 102, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 103, 0, 1,
    10, 6, 1, 4, 0, 16, 0, 11]));
  new WebAssembly.Instance(wasm, { a: { f() { show('webassembly'); } } }).exports.g();
  new Worker(fileURLToPath(import.meta.url)).on('exit', () => show.done());
} else {
  await start();
}

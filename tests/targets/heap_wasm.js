// WebAssembly modules put together by hand, and everything their API makes. Kinds this V8 does not
// know are left out; `made` says which were there.
'use strict';
const FUNC = 0x60, STRUCT = 0x5f, ARRAY = 0x5e, SUB = 0x50, MUT = 1;
const I8 = 0x78, I16 = 0x77, I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, V128 = 0x7b;
const FUNCREF = 0x70, EXTERNREF = 0x6f, ANYREF = 0x6e;
const END = 0x0b;

const text = (s) => [s.length, ...Buffer.from(s)];
const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)]);
const list = (items) => [...leb(items.length), ...items.flat()];
const section = (id, items) => [id, ...leb(list(items).length), ...list(items)];
const body = (...code) => [...leb(code.length + 2), 0, ...code, END]; // no locals
const bytes = (...sections) => new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
const field = (type) => [type, MUT];

// Two functions, a table of them, a memory with data, globals; `references`: one of them holds one.
function classic(references) {
  return bytes(
    section(1, [[FUNC, 2, I32, I32, 1, I32], [FUNC, 1, I32, 1, I32], [FUNC, 0, 0]]),
    section(2, [[...text('env'), ...text('tick'), 0, 2]]),
    section(3, [[0], [1]]),
    section(4, [[FUNCREF, 0, 40]]),
    section(5, [[0, 2]]),
    section(6, [[I32, MUT, 0x41, 7, END], [F64, 0, 0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, END], ...(references ? [[FUNCREF, MUT, 0xd0, FUNCREF, END]] : [])]),
    section(7, [[...text('add'), 0, 1], [...text('twice'), 0, 2], [...text('table'), 1, 0], [...text('memory'), 2, 0],
      [...text('global'), 3, 0], [...text('real'), 3, 1]]),
    section(9, [[0, 0x41, 0, END, ...list([[1], [2], [0]])]]),
    section(10, [body(0x20, 0, 0x20, 1, 0x6a), body(0x10, 0, 0x20, 0, 0x20, 0, 0x6a)]),
    section(11, [[0, 0x41, 8, END, ...text('data of the module')]]));
}

// Structs of growing size and arrays of every element; each function makes one and returns it.
const structs = [[], [I8], [I32, I64], [F64, ANYREF, EXTERNREF, FUNCREF], [I16, I8, F32], [V128, I32],
  Array(90).fill(I64), Array(300).fill(ANYREF)];
const arrays = [I8, I16, I32, I64, F32, F64, V128, ANYREF];

function garbageCollected() {
  const types = [];
  for (const s of structs) types.push([STRUCT, ...list(s.map(field))]);
  for (const a of arrays) types.push([ARRAY, ...field(a)]);
  types.push([SUB, 0, STRUCT, ...list([field(I32)])], [SUB, 1, types.length, STRUCT, ...list([field(I32), field(I64)])]);
  const makes = types.length, array = (i) => i >= structs.length && i < structs.length + arrays.length;
  const code = types.map((_, i) => (array(i) ? body(0x20, 0, 0xfb, 0x07, ...leb(i)) : body(0xfb, 0x01, ...leb(i))));
  types.push([FUNC, 1, I32, 1, ANYREF]);
  return bytes(section(1, types), section(3, code.map(() => leb(makes))),
    section(7, code.map((_, i) => [...text('make' + i), 0, ...leb(i)])), section(10, code));
}

function tryMake(made, name, f) {
  try {
    const v = f();
    if (v !== undefined) made[name] = v;
  } catch { /* this V8 has no such thing */ }
}

module.exports = function wasm() {
  if (typeof WebAssembly === 'undefined') return {};
  const made = {};
  let ticks = 0;
  try {
    made.module = new WebAssembly.Module(classic(true));
  } catch {
    made.module = new WebAssembly.Module(classic(false)); // V8 before 9.6
  }
  made.instances = [0, 1, 2].map(() => new WebAssembly.Instance(made.module, { env: { tick: () => { ticks++; } } }));
  for (const { exports: x } of made.instances)
    for (let i = 0; i < 3000; i++) x.twice(x.add(i, 1) & 0xffff);
  made.memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  made.memory.grow(1);
  made.table = new WebAssembly.Table({ initial: 25, element: 'anyfunc' });
  made.table.set(3, made.instances[0].exports.add);
  made.table.grow(200);
  made.global = new WebAssembly.Global({ value: 'i64', mutable: true }, 5n);
  tryMake(made, 'externTable', () => new WebAssembly.Table({ initial: 9, element: 'externref' }, { an: 'object' }));
  tryMake(made, 'externGlobal', () => new WebAssembly.Global({ value: 'externref', mutable: true }, { a: 1 }));
  tryMake(made, 'shared', () => new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }));
  tryMake(made, 'memory64', () => new WebAssembly.Memory({ initial: 1n, maximum: 2n, address: 'i64' }).buffer && undefined);
  tryMake(made, 'exception', () => {
    const tag = new WebAssembly.Tag({ parameters: ['i32', 'externref'] });
    return [tag, new WebAssembly.Exception(tag, [1, {}])];
  });
  tryMake(made, 'suspending', () => WebAssembly.Suspending && new WebAssembly.Suspending(async () => 1));
  tryMake(made, 'jsFunction', () => new WebAssembly.Function({ parameters: ['i32'], results: [] }, (x) => x));
  tryMake(made, 'asm', () => new Function('stdlib', 'env', 'heap', `'use asm';
    function f(a, b) { a = a | 0; b = b | 0; return (a + b) | 0; } return { f: f };`)(globalThis));
  tryMake(made, 'collected', () => {
    const { exports: x } = new WebAssembly.Instance(new WebAssembly.Module(garbageCollected()));
    const all = [];
    for (const name of Object.keys(x))
      for (const length of [0, 1, 2, 3, 7, 60, 1000]) all.push(x[name](length));
    all.push(x.make8(300000), x.make11(40000)); // large objects
    return all;
  });
  return made;
};

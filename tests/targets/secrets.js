// Secrets, each of its own, in every place that a Node program can put one. None of them stands in
// this source: they are made of the seed that comes by stdin, so that the source is no false alarm.
'use strict';
const names = ['one', 'two', 'cons', 'sliced', 'literal', 'template', 'pool', 'big', 'typed', 'number', 'external',
               'source', 'key', 'freed', 'wasm', 'regexp', 'symbol'];
const keep = globalThis.keep = {};

function secret(name, seed) {
    return `${name}-${seed}-${name.length}${seed}end`;
}

function plant(seed) {
    const s = {};
    for (const name of names)
        s[name] = secret(name, seed);
    keep.one = s.one.split('').join('');
    keep.two = `\u4e2d${s.two}\u6587`;
    keep.two.charCodeAt(5);
    keep.cons = 'flattened, then kept: '.repeat(3) + s.cons;
    keep.cons.charCodeAt(3);
    keep.sliced = `${'-'.repeat(40)}${s.sliced}${'-'.repeat(40)}`.slice(20, -20);
    keep.literal = eval(`(() => '${s.literal}')`);
    keep.literal();
    keep.template = eval(`(() => { const x = 1; return \`${s.template}\${x}\`; })`);
    keep.template();
    keep.source = eval(`(() => { /* ${s.source} */ return 7; })`);
    keep.pool = Buffer.from(s.pool);
    keep.big = Buffer.alloc(1 << 20, s.big);
    keep.typed = new Uint8Array(Buffer.from(s.typed).subarray(0, 40));
    keep.regexp = new RegExp(s.regexp);
    keep.regexp.test(s.regexp);
    keep.external = Buffer.from(s.external.repeat(200000)).latin1Slice();
    keep.symbol = { [Symbol('a symbol')]: s.symbol };
    keep.memory = new WebAssembly.Memory({ initial: 1 });
    Buffer.from(keep.memory.buffer).write(s.wasm, 100);
    keep.properties = { aPropertyNameThatStays: 1.5, list: [s.key] };
    keep.number = [Math.PI * 1e6, 123456789012345];
    for (let i = 0; i < 2000; i++) // garbage, and memory that malloc has had back
        Buffer.from(`${s.freed}${i}`.repeat(100)).toString('hex', 0, 10);
    return s;
}

let pending = '';
process.stdin.on('data', (chunk) => {
    pending += chunk;
    for (let at; (at = pending.indexOf('\n')) >= 0; pending = pending.slice(at + 1)) {
        const s = plant(pending.slice(0, at));
        setTimeout(() => console.log('READY ' + JSON.stringify(s)), 300);
    }
});
console.log('READY {}');

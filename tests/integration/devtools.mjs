// Runs DevTools' own heap snapshot worker on a file, and prints what it makes of it as JSON.
//   node --experimental-transform-types devtools.mjs FRONTEND FILE [all]     (Node 24: it is TypeScript)
// all: of every node, not of the 200 objects that retain most.
import {createReadStream, existsSync} from 'node:fs';
import {registerHooks} from 'node:module';
import {fileURLToPath} from 'node:url';

const [root, file, all] = process.argv.slice(2);
const at = (path) => `file://${root}/front_end/${path}.ts`;

// Of these folders the worker needs next to nothing; all of them need a browser, or a build.
const instead = {
  text_utils: `export * as TextUtils from "${at('core/text_utils/TextUtils')}"`,
  common: 'export const ObjectWrapper = {ObjectWrapper: class {}}',
  i18n: 'const same = (s) => s; export const i18n = {registerUIStrings: () => 0, lockedString: same, ' +
        'serializeUIString: same, getLocalizedString: (_, s) => s}',
};
registerHooks({
  resolve(specifier, context, next) {
    for (const [name, source] of Object.entries(instead))
      if (specifier.endsWith(`/${name}/${name}.js`))
        return {url: 'data:text/javascript,' + encodeURIComponent(source), shortCircuit: true};
    if (specifier.startsWith('.') && specifier.endsWith('.js')) {
      const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(fileURLToPath(url)))
        return {url: url.href, shortCircuit: true};
    }
    return next(specifier, context);
  },
});

const said = [];
const {HeapSnapshotLoader, HeapSnapshot} = await import(at('entrypoints/heap_snapshot_worker/heap_snapshot_worker'));
for (const level of ['warn', 'error'])
  console[level] = (...words) => said.push(words.join(' '));
const dispatcher = {sendEvent: (name, data) => name === 'ProgressUpdate' || said.push(`${name}: ${data}`)};
const loader = new HeapSnapshotLoader.HeapSnapshotLoader(dispatcher);
for await (const chunk of createReadStream(file, {encoding: 'utf8', highWaterMark: 1 << 20}))
  loader.write(chunk);
loader.close();
const {port1, port2} = new MessageChannel();
new HeapSnapshot.SecondaryInitManager(port2);
const snapshot = await loader.buildSnapshot(port1);
port1.close();
port2.close();

const classes = {}, objects = [], node = snapshot.createNode(0);
for (let i = 0; i < snapshot.nodeCount; i++) {
  node.nodeIndex = i * snapshot.nodeFieldCount;
  const name = node.className();
  classes[name] = (classes[name] ?? 0) + 1;
  if (all || ['object', 'closure', 'regexp'].includes(node.type()))
    objects.push({id: node.id(), class: name, retained: node.retainedSize(), distance: node.distance()});
}
objects.sort((a, b) => b.retained - a.retained);
process.stdout.write(JSON.stringify({
  said, classes, objects: all ? objects : objects.slice(0, 200),
  nodes: snapshot.nodeCount, edges: snapshot.containmentEdges.length / snapshot.edgeFieldsCount,
}));

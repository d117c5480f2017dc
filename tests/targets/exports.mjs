// What a module exports, and what it keeps for itself. READY once it stands.
import fs from 'fs';
class KeptExport {}
class KeptDefault {}
class KeptInside {}
export const list = [new KeptExport()];
export default { one: new KeptDefault() };
const inside = [new KeptInside()];
export const use = () => inside;
setTimeout(() => fs.writeSync(1, 'READY ' + JSON.stringify({
  KeptExport: `export list of ${import.meta.url}: list[0]`,
  KeptDefault: `export default of ${import.meta.url}: default.one`,
  KeptInside: `variable inside of ${import.meta.url}: inside[0]`,
}) + '\n'), 100);
setTimeout(use, 1e8);

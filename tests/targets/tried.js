// A small server whose settings do what is known: HOLD=60 keeps 60 MB more from the first request
// on, LATER=1 does nothing, CRASH=1 aborts in the first request, SLOW=20 spends 20 ms on each.
// DAEMON=FILE leaves a process in a session of its own behind, and writes its pid there.
const http = require('http');
const kept = [];

if (process.env.DAEMON) {
  const child = require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  child.unref();
  require('fs').writeFileSync(process.env.DAEMON, String(child.pid));
}

http.createServer((request, response) => {
  if (process.env.CRASH) {
    console.error('Error: told to crash');
    process.abort();
  }
  if (!kept.length) for (let i = 0; i < Number(process.env.HOLD || 0); i++) kept.push(Buffer.alloc(1e6, 1));
  const until = performance.now() + Number(process.env.SLOW || 0);
  while (performance.now() < until);
  if (request.url === '/chunked') response.write('a part');
  response.end('done');
}).listen(0, '127.0.0.1', () => console.log('READY {}'));

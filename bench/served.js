// A small server: each request makes some garbage. With PROM_CLIENT, the folder of that package, it
// exports its own metrics too. Prints READY {port}.
'use strict';
const http = require('http');
const client = process.env.PROM_CLIENT && require(process.env.PROM_CLIENT);
if (client) client.collectDefaultMetrics();
const held = Array.from({ length: 20000 }, (_, i) => ({ i, text: `entry ${i}` }));
const server = http.createServer(async (request, response) => {
  if (client && request.url === '/metrics') return response.end(await client.register.metrics());
  const rows = held.slice(0, 500).map((r) => ({ ...r, at: Date.now() }));
  response.end(JSON.stringify(rows).slice(0, 1000));
}).listen(0, '127.0.0.1', () => {
  process.stdout.write(`READY {"port": ${server.address().port}}\n`);
});

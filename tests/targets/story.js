// "How good is your memory?": an HTTP server that keeps something of every request in a list of its
// module, and the requests that make it 4,290 entries. It waits for the next one when it is READY.
'use strict';
const http = require('http');

const REQUESTS = 4290;
const LENGTH = Number(process.argv[2] || 100); // the story's is 100000, 800 KB a request

const list = [];

const server = http.createServer(function onRequest(req, res) {
  list.push({
    name: 'hi',
    arr: new Array(LENGTH),
  });
  res.end('test');
});

// Whatever the requests left is garbage by now; an old list of the array's elements is, too.
function ready() {
  if (global.gc) gc();
  console.log('READY ' + JSON.stringify({ requests: REQUESTS, length: LENGTH, script: __filename }));
}

server.listen(0, '127.0.0.1', () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const { port } = server.address();
  let left = REQUESTS;
  let open = 0;
  const ask = () => {
    left--;
    open++;
    http.get({ port, host: '127.0.0.1', agent }, (res) => res.on('end', answered).resume());
  };
  const answered = () => {
    open--;
    if (left > 0) return ask();
    if (open > 0) return undefined;
    agent.destroy();
    return setTimeout(ready, 200);
  };
  for (let i = 0; i < 8; i++) ask();
});

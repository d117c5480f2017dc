'use strict';
// A client and its server in one: connections.js N makes N requests, each on a connection of its own
// that closes behind it. Runs on every Node from 0.10 on.
var http = require('http');
var left = +process.argv[2], running = 0;

var server = http.createServer(function(q, s) {
  s.writeHead(200, { Connection: 'close' });
  s.end('hello');
});

function more() {
  if (!left && !running) return console.log('READY {}');
  while (left && running < 20) one();
}

function one() {
  left--;
  running++;
  http.get({ host: '127.0.0.1', port: server.address().port, agent: false }, function(res) {
    res.on('data', function() {}).on('end', function() {
      running--;
      setTimeout(more, 0);
    });
  });
}

server.listen(0, '127.0.0.1', more);

// Who writes to whom: an HTTP server and a TLS server, each with a client that reads nothing of what is
// written to it, and one that has nothing to read. READY with what Node says of the sockets.
'use strict';
const fs = require('fs');
const http = require('http');
const net = require('net');
const tls = require('tls');
const MB = 1 << 20;
const kept = [];

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const quiet = async (socket) => {
  for (let last = -1; last !== socket._handle.writeQueueSize; await sleep(150)) last = socket._handle.writeQueueSize;
};

// Without certificates: both ends know a key.
const shared = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', checkServerIdentity() {} };
const psk = Buffer.alloc(16, 1);

const of = (socket, local) => ({
  port: socket.remotePort, local: local.port, writableLength: socket.writableLength, class: socket.constructor.name,
});

async function overHttp() {
  let response;
  const server = http.createServer((request, r) => { response = r; r.write(Buffer.alloc(6 * MB)); });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const client = net.connect(server.address().port, '127.0.0.1');
  client.write('GET /slow?n=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  while (!response) await sleep(20);
  await quiet(response.socket);
  kept.push(server, client, response);
  return { ...of(response.socket, server.address()), request: 'GET /slow?n=1' };
}

async function overTls() {
  let socket;
  const server = tls.createServer({ ...shared, pskCallback: () => psk }, (s) => { socket = s; });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const client = tls.connect({
    ...shared, port: server.address().port, host: '127.0.0.1', pskCallback: () => ({ psk, identity: 'x' }),
  });
  while (!socket) await sleep(20);
  for (let i = 0; i < 6; i++) socket.write(Buffer.alloc(MB));
  await quiet(socket._handle._parent ? { _handle: socket._handle._parent } : socket);
  kept.push(server, client, socket);
  return { ...of(socket, server.address()), clientClass: client.constructor.name };
}

(async () => {
  const truth = { http: await overHttp(), tls: await overTls() };
  truth.tls.writableLength = kept[5].writableLength;
  truth.http.writableLength = kept[2].socket.writableLength;
  fs.writeSync(1, 'READY ' + JSON.stringify(truth) + '\n');
})();

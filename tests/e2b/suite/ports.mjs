// What listens in a sandbox, from outside.

import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { readFileSync } from 'node:fs';
import { assert, group } from './harness.mjs';

const it = group('ports');

// Waits until something listens at the port.
const listens = (t, sandbox, port) => t.until(
  () => sandbox.commands.run(`exec 3<>/dev/tcp/127.0.0.1/${port}`).then(() => true, () => false));

// A server in the sandbox that says what it was asked.
async function serve(t, sandbox, port = 8000) {
  await sandbox.files.write('server.py', `
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "size": len(body)}
        told = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.send_header("X-Mark", "inside")
        self.end_headers()
        self.wfile.write(told)
    do_GET = do_POST = do_PUT = do_DELETE = answer
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", ${port}), Handler).serve_forever()
`);
  await sandbox.commands.run('python3 server.py', { background: true, timeoutMs: 0 });
  await listens(t, sandbox, port);
}

// A request by the name that getHost gives, to this server's address: as where DNS knows the name.
function byName(t, name, { path = '/', method = 'GET', headers = {}, tls } = {}) {
  const url = new URL(tls ?? t.url);
  const options = { host: url.hostname, port: url.port, path, method, headers: { Host: name, ...headers }, agent: false };
  const ca = readFileSync(process.env.WARREN_E2B_AUTHORITY);
  const send = (done) => (tls ? requestTls({ ...options, servername: name, ca }, done) : request(options, done));
  return new Promise((resolve, reject) => {
    send(async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() });
    }).on('error', reject).end();
  });
}

it('getHost names the port and the sandbox', async (t) => {
  const sandbox = await t.sandbox();
  assert.ok(sandbox.getHost(8000).startsWith(`8000-${sandbox.sandboxId}.`), sandbox.getHost(8000));
});

it('by headers', async (t) => {
  const sandbox = await t.sandbox();
  await serve(t, sandbox);
  const response = await t.fetchPort(sandbox, 8000, '/deep/path?q=1&r=%20', { headers: { 'X-Own': 'yes' } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-mark'), 'inside');
  const told = await response.json();
  assert.equal(told.path, '/deep/path?q=1&r=%20');
  assert.equal(told.headers['x-own'] ?? told.headers['X-Own'], 'yes');
});

it('by name, as getHost gives it', async (t) => {
  const sandbox = await t.sandbox();
  await serve(t, sandbox);
  const { status, text } = await byName(t, sandbox.getHost(8000), { path: '/by-name' });
  assert.equal(status, 200, text);
  assert.equal(JSON.parse(text).path, '/by-name');
});

it('by name, with TLS', async (t) => {
  const sandbox = await t.sandbox();
  await serve(t, sandbox);
  const { status, text } = await byName(t, sandbox.getHost(8000), { path: '/by-tls', tls: process.env.WARREN_E2B_TLS_URL });
  assert.equal(status, 200, text);
  assert.equal(JSON.parse(text).path, '/by-tls');
});

it('methods and bodies', async (t) => {
  const sandbox = await t.sandbox();
  await serve(t, sandbox);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const told = await (await t.fetchPort(sandbox, 8000, '/', { method, body: 'x'.repeat(1_000_000) })).json();
    assert.deepEqual([told.method, told.size], [method, 1_000_000]);
  }
});

it('paths that mean something elsewhere are the server’s own', async (t) => {
  const sandbox = await t.sandbox();
  await serve(t, sandbox);
  for (const path of ['/health', '/files?path=x', '/execute', '/sandboxes', '/metrics']) {
    assert.equal((await (await t.fetchPort(sandbox, 8000, path)).json()).path, path);
  }
});

it('python3 -m http.server has its files', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('www/page.html', '<p>hello</p>');
  await sandbox.commands.run('python3 -m http.server 3000 -d www', { background: true, timeoutMs: 0 });
  const response = await t.until(async () => {
    const got = await t.fetchPort(sandbox, 3000, '/page.html');
    return got.status === 200 && got;
  });
  assert.equal(await response.text(), '<p>hello</p>');
});

it('an answer that comes bit by bit', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('slow.py', `
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"first\\n")
        self.wfile.flush()
        while not os.path.exists("/home/user/go"): time.sleep(0.05)
        self.wfile.write(b"second\\n")
http.server.HTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
`);
  await sandbox.commands.run('python3 slow.py', { background: true, timeoutMs: 0 });
  const response = await t.until(async () => {
    const got = await t.fetchPort(sandbox, 9000);
    return got.status === 200 && got;
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  assert.equal(decoder.decode((await reader.read()).value), 'first\n');
  await sandbox.files.write('go', '');
  assert.equal(decoder.decode((await reader.read()).value), 'second\n');
});

it('a WebSocket is let through', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('upgrade.py', `
import socket, threading
def talk(client):
    data = b""
    while b"\\r\\n\\r\\n" not in data: data += client.recv(1000)
    client.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n")
    while data := client.recv(1000): client.sendall(data.upper())
server = socket.create_server(("127.0.0.1", 9001))
while True: threading.Thread(target=talk, args=(server.accept()[0],)).start()
`);
  await sandbox.commands.run('python3 upgrade.py', { background: true, timeoutMs: 0 });
  await listens(t, sandbox, 9001);
  const url = new URL(t.url);
  const said = await new Promise((resolve, reject) => {
    request({ host: url.hostname, port: url.port, path: '/ws', agent: false, headers: {
      'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': '9001', Connection: 'Upgrade', Upgrade: 'websocket',
    } }).on('upgrade', (_, socket) => {
      socket.once('data', (data) => { resolve(data.toString()); socket.destroy(); });
      socket.write('echo this');
    }).on('response', ({ statusCode }) => reject(new Error(`it answered ${statusCode}`))).on('error', reject).end();
  });
  assert.equal(said, 'ECHO THIS');
});

it('where nothing listens: 502 with E2B’s words', async (t) => {
  const sandbox = await t.sandbox();
  const response = await t.fetchPort(sandbox, 4000);
  assert.equal(response.status, 502);
  const { sandboxId, message, port, code } = await response.json();
  assert.deepEqual({ sandboxId, message, port, code }, {
    sandboxId: sandbox.sandboxId, message: 'The sandbox is running but port is not open', port: 4000, code: 502,
  });
});

it('where no sandbox is: 502 with E2B’s words', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.kill();
  const response = await t.fetchPort(sandbox, 8000);
  assert.equal(response.status, 502);
  assert.equal((await response.json()).message, 'The sandbox was not found');
});

it('a private one wants its token', async (t) => {
  const sandbox = await t.sandbox({ network: { allowPublicTraffic: false } });
  assert.ok(sandbox.trafficAccessToken);
  assert.equal((await sandbox.getInfo()).network.allowPublicTraffic, false);
  await serve(t, sandbox);
  assert.equal((await t.fetchPort(sandbox, 8000)).status, 403);
  assert.equal((await t.fetchPort(sandbox, 8000, '/', { headers: { 'e2b-traffic-access-token': 'wrong' } })).status, 403);
  const response = await t.fetchPort(sandbox, 8000, '/', { headers: { 'e2b-traffic-access-token': sandbox.trafficAccessToken } });
  assert.equal(response.status, 200);
  assert.ok(!Object.keys((await response.json()).headers).some((name) => name.toLowerCase() === 'e2b-traffic-access-token'),
            'the token is not for what listens inside');
});

it('a private one runs code by its own SDK', async (t) => {
  const sandbox = await t.code({ network: { allowPublicTraffic: false } });
  assert.equal((await sandbox.runCode('6 * 7')).text, '42');
  assert.equal((await sandbox.commands.run('echo ok')).stdout, 'ok\n');
});

it('maskRequestHost is the Host that it sees', async (t) => {
  const sandbox = await t.sandbox({ network: { maskRequestHost: 'localhost:${PORT}' } });
  await serve(t, sandbox);
  const { headers } = await (await t.fetchPort(sandbox, 8000)).json();
  assert.equal(headers.host ?? headers.Host, 'localhost:8000');
});

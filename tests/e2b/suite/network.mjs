// What a sandbox may reach. Two names lead to the same server outside, by the egress policy of the server under test; so what
// is denied is told from what is not there.

import { assert, group } from './harness.mjs';

const it = group('network');

const ONE = 'one.outside.test';
const OTHER = 'other.outside.test';
const ALL = '0.0.0.0/0';

// Whether a program in the sandbox gets what this host serves.
async function reaches(sandbox, host) {
  const url = `http://${host}:${process.env.WARREN_E2B_OUTSIDE_PORT}/`;
  const { stdout } = await sandbox.commands.run(`curl -s -m 30 ${url} || true`);
  return stdout === 'outside\n';
}

it('where nothing is said all is open', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal(await reaches(sandbox, ONE), true);
  assert.equal(await reaches(sandbox, OTHER), true);
});

it('allowInternetAccess false', async (t) => {
  const sandbox = await t.sandbox({ allowInternetAccess: false });
  assert.equal((await sandbox.getInfo()).allowInternetAccess, false);
  assert.equal(await reaches(sandbox, ONE), false);
});

it('allowOut beside a denial of everything', async (t) => {
  const sandbox = await t.sandbox({ network: { allowOut: [ONE], denyOut: [ALL] } });
  assert.equal(await reaches(sandbox, ONE), true);
  assert.equal(await reaches(sandbox, OTHER), false);
});

it('denyOut of an address', async (t) => {
  const sandbox = await t.sandbox({ network: { denyOut: ['127.0.0.1'] } });
  assert.equal(await reaches(sandbox, ONE), false);
});

it('denyOut of a range', async (t) => {
  const sandbox = await t.sandbox({ network: { denyOut: ['127.0.0.0/8', '203.0.113.0/24'] } });
  assert.equal(await reaches(sandbox, ONE), false);
});

it('denyOut of another range', async (t) => {
  const sandbox = await t.sandbox({ network: { denyOut: ['203.0.113.0/24'] } });
  assert.equal(await reaches(sandbox, ONE), true);
});

it('getInfo tells what was asked for', async (t) => {
  const sandbox = await t.sandbox({ network: { allowOut: ['198.51.100.0/24', 'example.com'], denyOut: [ALL] } });
  const { network } = await sandbox.getInfo();
  assert.deepEqual(network.allowOut?.toSorted(), ['198.51.100.0/24', 'example.com']);
  assert.deepEqual(network.denyOut, [ALL]);
});

it('the forms of functions', async (t) => {
  const sandbox = await t.sandbox({ network: { allowOut: () => [OTHER], denyOut: ({ allTraffic }) => [allTraffic] } });
  assert.equal(await reaches(sandbox, ONE), false);
  assert.equal(await reaches(sandbox, OTHER), true);
});

it('what is no address and no name is an error', async (t) => {
  await t.rejects(t.sandbox({ network: { denyOut: ['not an address'] } }), t.e2b.SandboxError, /^400: /);
});

it('updateNetwork replaces what holds, at once', async (t) => {
  const sandbox = await t.sandbox({ network: { allowOut: [ONE], denyOut: [ALL] } });
  await sandbox.updateNetwork({ allowOut: [OTHER], denyOut: [ALL] });
  assert.equal(await reaches(sandbox, ONE), false);
  assert.equal(await reaches(sandbox, OTHER), true);
  // What is left out is cleared.
  await sandbox.updateNetwork({});
  assert.equal(await reaches(sandbox, ONE), true);
});

it('getInfo tells what updateNetwork has set', async (t) => {
  const sandbox = await t.sandbox({ network: { allowOut: [ONE], denyOut: [ALL] } });
  await sandbox.updateNetwork({ denyOut: ['203.0.113.0/24'] });
  const { network } = await sandbox.getInfo();
  assert.deepEqual(network.denyOut, ['203.0.113.0/24']);
  assert.deepEqual(network.allowOut ?? [], []);
});

it('updateNetwork takes the internet away, and gives it back', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.updateNetwork({ allowInternetAccess: false });
  assert.equal(await reaches(sandbox, ONE), false);
  assert.equal((await sandbox.getInfo()).allowInternetAccess, false);
  await sandbox.updateNetwork({ allowInternetAccess: true });
  assert.equal(await reaches(sandbox, ONE), true);
});

it('what is allowed and denied is allowed', async (t) => {
  const sandbox = await t.sandbox({ network: { allowOut: ['203.0.113.7'], denyOut: ['203.0.113.7', '203.0.113.0/30'] } });
  assert.deepEqual((await sandbox.getInfo()).network.denyOut, ['203.0.113.0/30']);
});

it('updateNetwork of an unknown one is a SandboxNotFoundError', async (t) => {
  await t.rejects(t.e2b.Sandbox.updateNetwork('i0123456789abcdefghij', {}), t.e2b.SandboxNotFoundError);
});

it('addresses of the server’s own network are closed in any case', async (t) => {
  const sandbox = await t.sandbox();
  const { port } = new URL(t.url);
  const curl = "curl -s -m 20 -o /dev/null -w '%{http_code}\\n'";
  const { stdout } = await sandbox.commands.run(`${curl} http://127.0.0.1:${port}/health; ${curl} http://169.254.169.254/; true`);
  assert.ok(stdout.trim().split('\n').every((code) => code === '000' || code === '403'), stdout);
});

it('rules with headers for a host', async (t) => {
  const network = { allowOut: ['example.com'], rules: { 'example.com': [{ transform: { headers: { 'X-Key': 'k' } } }] } };
  await t.served(t.sandbox({ network }));
});

it('a proxy for what goes out', async (t) => {
  await t.served(t.sandbox({ network: { egressProxy: { address: 'proxy.example.com:1080' } } }));
});

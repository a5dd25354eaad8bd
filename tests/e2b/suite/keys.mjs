// A server with keys: E2B_API_KEY is one tenant's, E2B_OTHER_API_KEY another's.

import { assert, group } from './harness.mjs';

const it = group('keys and tenants');
const other = { apiKey: process.env.E2B_OTHER_API_KEY };

async function all(paginator) {
  const found = [];
  while (paginator.hasNext) found.push(...(await paginator.nextItems()));
  return found.map(({ sandboxId }) => sandboxId);
}

it('a key that is none is an AuthenticationError', async (t) => {
  for (const apiKey of ['e2b_0000000000000000000000000000000000000000', 'e2b_1']) {
    await t.rejects(t.e2b.Sandbox.create({ apiKey }), t.e2b.AuthenticationError);
    await t.rejects(t.e2b.Sandbox.list({ apiKey }).nextItems(), t.e2b.AuthenticationError);
    await t.rejects(t.e2b.Sandbox.kill('i0123456789abcdefghij', { apiKey }), t.e2b.AuthenticationError);
  }
});

it('without a key the control plane answers 401 in E2B’s form', async () => {
  const response = await fetch(`${process.env.E2B_API_URL}/v2/sandboxes`);
  assert.equal(response.status, 401);
  assert.equal((await response.json()).code, 401);
});

it('a tenant has sandboxes', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('6 * 7')).text, '42');
  assert.equal((await sandbox.commands.run('echo ok')).stdout, 'ok\n');
  await sandbox.files.write('f', 'x');
  assert.equal(await sandbox.files.read('f'), 'x');
  assert.equal(await (await fetch(await sandbox.downloadUrl('f'))).text(), 'x');
});

it('another tenant does not find them', async (t) => {
  const sandbox = await t.sandbox();
  const { Sandbox, SandboxNotFoundError } = t.e2b;
  await t.rejects(Sandbox.getInfo(sandbox.sandboxId, other), SandboxNotFoundError);
  await t.rejects(Sandbox.connect(sandbox.sandboxId, other), SandboxNotFoundError);
  await t.rejects(Sandbox.setTimeout(sandbox.sandboxId, 1000, other), SandboxNotFoundError);
  await t.rejects(Sandbox.pause(sandbox.sandboxId, other), SandboxNotFoundError);
  await t.rejects(Sandbox.getMetrics(sandbox.sandboxId, other), SandboxNotFoundError);
  await t.rejects(Sandbox.updateNetwork(sandbox.sandboxId, {}, other), SandboxNotFoundError);
  assert.equal(await Sandbox.kill(sandbox.sandboxId, other), false);
  assert.equal(await sandbox.isRunning(), true);
});

it('another tenant’s list does not have them', async (t) => {
  const ours = await t.sandbox();
  const theirs = t.keep(await t.e2b.Sandbox.create(other));
  const here = await all(t.e2b.Sandbox.list());
  const there = await all(t.e2b.Sandbox.list(other));
  assert.ok(here.includes(ours.sandboxId) && !here.includes(theirs.sandboxId));
  assert.ok(there.includes(theirs.sandboxId) && !there.includes(ours.sandboxId));
});

it('a token of one sandbox is none for another', async (t) => {
  const [first, second] = [await t.sandbox(), await t.sandbox()];
  await second.files.write('f', 'x');
  const headers = (id, token) => ({ 'E2b-Sandbox-Id': id, 'E2b-Sandbox-Port': '49983', 'X-Access-Token': token });
  const own = await fetch(`${t.url}/files?path=f`, { headers: headers(second.sandboxId, second.envdAccessToken) });
  assert.equal(own.status, 200);
  const wrong = await fetch(`${t.url}/files?path=f`, { headers: headers(second.sandboxId, first.envdAccessToken) });
  assert.equal(wrong.status, 401);
});

it('what is in a sandbox wants its token', async (t) => {
  const sandbox = await t.code();
  const post = (port, path, body) => fetch(t.url + path, {
    method: 'POST', body,
    headers: {
      'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': port, 'Content-Type': 'application/json',
      'Connect-Protocol-Version': '1',
    },
  });
  assert.equal((await post('49983', '/process.Process/List', '{}')).status, 401);
  assert.equal((await post('49983', '/filesystem.Filesystem/ListDir', '{"path":"/"}')).status, 401);
  assert.equal((await post('49999', '/execute', '{"code":"1"}')).status, 401);
});

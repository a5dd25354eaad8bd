// Files by URL: signed ones, and parts of them.

import { assert, group } from './harness.mjs';

const it = group('signed URLs');

const form = (text) => {
  const body = new FormData();
  body.append('file', text);
  return { method: 'POST', body };
};

async function refused(response, words) {
  assert.equal(response.status, 401);
  const told = await response.json();
  assert.equal(told.code, 401);
  if (words) assert.equal(told.message, words);
}

it('downloadUrl', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('größe 1.txt', 'hello');
  const response = await fetch(await sandbox.downloadUrl('größe 1.txt'));
  assert.equal(response.status, 200);
  assert.equal(await response.text(), 'hello');
});

it('downloadUrl with an expiration, and as root', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('/root/f', 'of root', { user: 'root' });
  const response = await fetch(await sandbox.downloadUrl('f', { user: 'root', useSignatureExpiration: 600 }));
  assert.equal(await response.text(), 'of root');
});

it('an expired one is refused', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f', 'x');
  const past = { useSignatureExpiration: -60 };
  await refused(await fetch(await sandbox.downloadUrl('f', past)), 'signature is already expired');
  await refused(await fetch(await sandbox.uploadUrl('f', past), form('y')), 'signature is already expired');
  assert.equal(await sandbox.files.read('f'), 'x');
});

it('uploadUrl', async (t) => {
  const sandbox = await t.sandbox();
  const response = await fetch(await sandbox.uploadUrl('up.txt', { useSignatureExpiration: 600 }), form('content'));
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), [{ name: 'up.txt', path: '/home/user/up.txt', type: 'file' }]);
  assert.equal(await sandbox.files.read('up.txt'), 'content');
});

it('uploadUrl as root', async (t) => {
  const sandbox = await t.sandbox();
  const response = await fetch(await sandbox.uploadUrl('up.txt', { user: 'root' }), form('content'));
  assert.equal((await response.json())[0].path, '/root/up.txt');
});

it('uploadUrl without a path: the name is that of the part', async (t) => {
  const sandbox = await t.sandbox();
  const body = new FormData();
  body.append('file', new Blob(['content']), 'named.txt');
  const response = await fetch(await sandbox.uploadUrl(), { method: 'POST', body });
  assert.equal(response.status, 200);
  assert.equal(await sandbox.files.read('named.txt'), 'content');
});

it('a signature is for one path, one operation and one user', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write([{ path: 'f', data: 'x' }, { path: 'g', data: 'y' }]);
  const url = new URL(await sandbox.downloadUrl('f'));
  for (const [name, value] of [['path', 'g'], ['username', 'root'], ['signature', 'v1_nonsense']]) {
    const other = new URL(url);
    other.searchParams.set(name, value);
    await refused(await fetch(other));
  }
  await refused(await fetch(url, form('z')));
  url.searchParams.set('signature_expiration', String(Math.floor(Date.now() / 1000) + 600));
  await refused(await fetch(url));
  assert.equal(await sandbox.files.read('f'), 'x');
});

it('without a signature, or a token, there is nothing', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f', 'x');
  const headers = { 'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': '49983' };
  assert.equal((await fetch(`${t.url}/files?path=f`, { headers })).status, 401);
  assert.equal((await fetch(`${t.url}/files?path=f`, { headers: { ...headers, 'X-Access-Token': 'wrong' } })).status, 401);
});

it('one of a killed sandbox is no good', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f', 'x');
  const url = await sandbox.downloadUrl('f');
  await sandbox.kill();
  assert.ok([401, 404, 502].includes((await fetch(url)).status));
});

it('ranges', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f', '0123456789');
  const url = await sandbox.downloadUrl('f');
  const part = async (range) => {
    const response = await fetch(url, { headers: { Range: range, 'Accept-Encoding': 'identity' } });
    return [response.status, response.headers.get('content-range'), await response.text()];
  };
  assert.deepEqual(await part('bytes=2-4'), [206, 'bytes 2-4/10', '234']);
  assert.deepEqual(await part('bytes=7-'), [206, 'bytes 7-9/10', '789']);
  assert.deepEqual(await part('bytes=-3'), [206, 'bytes 7-9/10', '789']);
  assert.deepEqual(await part('bytes=5-100'), [206, 'bytes 5-9/10', '56789']);
  assert.equal((await part('bytes=10-'))[0], 416);
});

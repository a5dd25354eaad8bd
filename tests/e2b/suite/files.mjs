// sandbox.files, but for watches and signed URLs.

import { createHash, randomBytes } from 'node:crypto';
import { assert, group } from './harness.mjs';

const it = group('files');

it('write tells of the file, read has its text', async (t) => {
  const sandbox = await t.sandbox();
  const { name, type, path } = await sandbox.files.write('notes.txt', 'größe\n');
  assert.deepEqual({ name, type, path }, { name: 'notes.txt', type: 'file', path: '/home/user/notes.txt' });
  assert.equal(await sandbox.files.read('notes.txt'), 'größe\n');
});

it('what is there is written over', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f', 'a long first version');
  await sandbox.files.write('f', 'short');
  assert.equal(await sandbox.files.read('f'), 'short');
});

it('read as bytes, Blob and stream', async (t) => {
  const sandbox = await t.sandbox();
  const data = new Uint8Array(randomBytes(70_000));
  await sandbox.files.write('data', data.buffer);
  assert.deepEqual(await sandbox.files.read('data', { format: 'bytes' }), data);
  const blob = await sandbox.files.read('data', { format: 'blob' });
  assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), data);
  const stream = await sandbox.files.read('data', { format: 'stream' });
  assert.deepEqual(new Uint8Array(await new Response(stream).arrayBuffer()), data);
});

it('write of an ArrayBuffer, a Blob and a ReadableStream', async (t) => {
  const sandbox = await t.sandbox();
  const data = new Uint8Array(randomBytes(70_000));
  const same = async (name) => assert.deepEqual(await sandbox.files.read(name, { format: 'bytes' }), data, name);
  await sandbox.files.write('buffer', data.buffer);
  await same('buffer');
  await sandbox.files.write('blob', new Blob([data]));
  await same('blob');
  await sandbox.files.write('stream', new Blob([data]).stream());
  await same('stream');
});

it('write as octets', async (t) => {
  const sandbox = await t.sandbox();
  const info = await sandbox.files.write('octets', 'as they are', { useOctetStream: true });
  assert.equal(info.path, '/home/user/octets');
  assert.equal(await sandbox.files.read('octets'), 'as they are');
});

it('gzip, up and down', async (t) => {
  const sandbox = await t.sandbox();
  const text = 'compress me '.repeat(20_000);
  await sandbox.files.write('packed', text, { gzip: true });
  assert.equal((await sandbox.files.getInfo('packed')).size, text.length);
  assert.equal(await sandbox.files.read('packed', { gzip: true }), text);
  assert.equal(await sandbox.files.read('packed'), text);
});

it('an empty file', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('empty', '');
  assert.equal((await sandbox.files.getInfo('empty')).size, 0);
  assert.equal(await sandbox.files.read('empty'), '');
  assert.equal((await sandbox.files.read('empty', { format: 'bytes' })).length, 0);
});

it('many at once', async (t) => {
  const sandbox = await t.sandbox();
  const entries = Array.from({ length: 20 }, (_, n) => ({ path: `many/${n}.txt`, data: `file ${n}` }));
  const written = await sandbox.files.write(entries);
  assert.deepEqual(written.map(({ path }) => path), entries.map(({ path }) => `/home/user/${path}`));
  for (const { path, data } of entries) assert.equal(await sandbox.files.read(path), data);
  assert.deepEqual(await sandbox.files.writeFiles([]), []);
  const [one] = await sandbox.files.writeFiles([{ path: '/tmp/one', data: new Blob(['1']) }]);
  assert.equal(one.path, '/tmp/one');
});

it('many at once, as octets', async (t) => {
  const sandbox = await t.sandbox();
  const entries = Array.from({ length: 5 }, (_, n) => ({ path: `many/${n}`, data: `file ${n}` }));
  await sandbox.files.writeFiles(entries, { useOctetStream: true });
  for (const { path, data } of entries) assert.equal(await sandbox.files.read(path), data);
});

it('directories on the way are made, for the user', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('a/b/c.txt', 'deep');
  const { stdout } = await sandbox.commands.run('stat -c "%U:%G %a" a a/b a/b/c.txt');
  assert.equal(stdout, 'user:user 755\nuser:user 755\nuser:user 644\n');
});

it('owner and modes, as root and as the user', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('/opt/by-root', 'x', { user: 'root' });
  await sandbox.files.makeDir('/opt/dir-by-root', { user: 'root' });
  await sandbox.files.makeDir('mine');
  const { stdout } = await sandbox.commands.run('stat -c "%U:%G %a" /opt/by-root /opt/dir-by-root mine');
  assert.equal(stdout, 'root:root 644\nroot:root 755\nuser:user 755\n');
});

it('relative paths are of the home, as is ~', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('rel', 'of user');
  await sandbox.files.write('rel', 'of root', { user: 'root' });
  assert.equal(await sandbox.files.read('/home/user/rel'), 'of user');
  assert.equal(await sandbox.files.read('/root/rel', { user: 'root' }), 'of root');
  assert.equal(await sandbox.files.read('~/rel'), 'of user');
});

it('getInfo of a file', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f.txt', 'test');
  const info = await sandbox.files.getInfo('f.txt');
  const wanted = {
    name: 'f.txt', type: 'file', path: '/home/user/f.txt', size: 4, mode: 0o644, permissions: '-rw-r--r--', owner: 'user',
    group: 'user', symlinkTarget: undefined,
  };
  for (const [name, value] of Object.entries(wanted)) assert.equal(info[name], value, name);
  assert.ok(Math.abs(info.modifiedTime - Date.now()) < 3_600_000);
});

it('getInfo of a directory', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { name, type, path, permissions } = await sandbox.files.getInfo('d');
  assert.deepEqual({ name, type, path, permissions }, { name: 'd', type: 'dir', path: '/home/user/d', permissions: 'drwxr-xr-x' });
});

it('getInfo of a symbolic link names its target', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.commands.run('echo x >target; ln -s target link');
  const info = await sandbox.files.getInfo('link');
  assert.equal(info.name, 'link');
  assert.match(info.symlinkTarget, /target$/);
});

it('exists', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('there', '');
  assert.equal(await sandbox.files.exists('there'), true);
  assert.equal(await sandbox.files.exists('/home/user'), true);
  assert.equal(await sandbox.files.exists('not-there'), false);
  assert.equal(await sandbox.files.exists('not/there'), false);
});

it('what is not there is a FileNotFoundError', async (t) => {
  const sandbox = await t.sandbox();
  const { files } = sandbox;
  for (const ask of [() => files.read('gone'), () => files.read('gone', { format: 'stream' }), () => files.getInfo('gone'),
                     () => files.list('gone'), () => files.rename('gone', 'there'), () => files.watchDir('gone', () => {})]) {
    await t.rejects(ask(), t.e2b.FileNotFoundError);
  }
});

it('a directory is no file', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  await t.rejects(sandbox.files.read('d'), t.e2b.InvalidArgumentError);
  await t.rejects(sandbox.files.write('d', 'x'), t.e2b.InvalidArgumentError);
});

it('a file is no directory', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('f', 'x');
  await t.rejects(sandbox.files.list('f'), t.e2b.InvalidArgumentError);
  await t.rejects(sandbox.files.makeDir('f'), t.e2b.InvalidArgumentError);
  await t.rejects(sandbox.files.watchDir('f', () => {}), t.e2b.InvalidArgumentError);
});

it('list, by depth', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write([{ path: 'd/a', data: '1' }, { path: 'd/b/c', data: '22' }, { path: 'd/b/e/f', data: '333' }]);
  const below = ({ path }) => path.replace('/home/user/d/', '');
  const names = async (options) => (await sandbox.files.list('d', options)).map(below).sort();
  assert.deepEqual(await names(), ['a', 'b']);
  assert.deepEqual(await names({ depth: 2 }), ['a', 'b', 'b/c', 'b/e']);
  assert.deepEqual(await names({ depth: 3 }), ['a', 'b', 'b/c', 'b/e', 'b/e/f']);
  await t.rejects(sandbox.files.list('d', { depth: 0 }), t.e2b.InvalidArgumentError);
});

it('list tells of each entry', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('d/f', '1234');
  await sandbox.files.makeDir('d/sub');
  await sandbox.commands.run('ln -s f d/link; chmod 600 d/f');
  const found = Object.fromEntries((await sandbox.files.list('d')).map((entry) => [entry.name, entry]));
  assert.deepEqual(Object.keys(found).sort(), ['f', 'link', 'sub']);
  assert.equal(found.f.type, 'file');
  assert.equal(found.f.size, 4);
  assert.equal(found.f.mode, 0o600);
  assert.equal(found.f.owner, 'user');
  assert.equal(found.sub.type, 'dir');
  assert.match(found.link.symlinkTarget, /f$/);
});

it('list of an empty directory, and of one with many entries', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('empty');
  assert.deepEqual(await sandbox.files.list('empty'), []);
  await sandbox.commands.run('mkdir many && cd many && seq 1 2000 | xargs touch');
  assert.equal((await sandbox.files.list('many')).length, 2000);
});

it('makeDir is true once, then false', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal(await sandbox.files.makeDir('x/y/z'), true);
  assert.equal(await sandbox.files.makeDir('x/y/z'), false);
  assert.equal((await sandbox.files.getInfo('x/y/z')).type, 'dir');
});

it('rename of a file and of a directory', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('old/f', 'x');
  const info = await sandbox.files.rename('old/f', 'old/g');
  assert.equal(info.name, 'g');
  assert.equal(info.path, '/home/user/old/g');
  assert.equal((await sandbox.files.rename('old', 'new')).type, 'dir');
  assert.equal(await sandbox.files.read('new/g'), 'x');
  assert.equal(await sandbox.files.exists('old'), false);
});

it('remove of files, of directories, and of what is not there', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('d/e/f', 'x');
  await sandbox.files.remove('d/e/f');
  assert.equal(await sandbox.files.exists('d/e/f'), false);
  await sandbox.files.write('d/e/f', 'x');
  await sandbox.files.remove('d');
  assert.equal(await sandbox.files.exists('d'), false);
  await sandbox.files.remove('d');
});

it('names with spaces, quotes and no ASCII', async (t) => {
  const sandbox = await t.sandbox();
  for (const name of ['a b.txt', 'größe 日本.txt', 'it\'s "q" & <x>?#%41;+.txt', '-n', '.hidden']) {
    const info = await sandbox.files.write(`odd/${name}`, name);
    assert.equal(info.name, name);
    assert.equal(await sandbox.files.read(`odd/${name}`), name);
    assert.equal((await sandbox.files.getInfo(`odd/${name}`)).name, name);
  }
  assert.equal((await sandbox.files.list('odd')).length, 5);
});

it('metadata of a file', async (t) => {
  const sandbox = await t.sandbox();
  const info = await sandbox.files.write('f', 'x', { metadata: { author: 'Ada', 'x-kind': 'a b=c' } });
  assert.deepEqual(info.metadata, { author: 'Ada', 'x-kind': 'a b=c' });
  assert.deepEqual((await sandbox.files.getInfo('f')).metadata, info.metadata);
  assert.deepEqual((await sandbox.files.list('.')).find(({ name }) => name === 'f').metadata, info.metadata);
  assert.deepEqual((await sandbox.files.rename('f', 'g')).metadata, info.metadata);
  await sandbox.files.write('octets', 'x', { metadata: { Author: 'Bob' }, useOctetStream: true });
  assert.deepEqual((await sandbox.files.getInfo('octets')).metadata, { author: 'Bob' });
  assert.equal((await sandbox.files.write('plain', 'x')).metadata, undefined);
});

it('fifty megabytes, up and down', async (t) => {
  const sandbox = await t.sandbox();
  const data = randomBytes(50_000_000);
  const sum = createHash('sha256').update(data).digest('hex');
  await sandbox.files.write('big', new Blob([data]), { requestTimeoutMs: 0 });
  assert.equal((await sandbox.commands.run('sha256sum big', { timeoutMs: 0 })).stdout.split(' ')[0], sum);
  const hash = createHash('sha256');
  for await (const chunk of await sandbox.files.read('big', { format: 'stream', requestTimeoutMs: 0 })) hash.update(chunk);
  assert.equal(hash.digest('hex'), sum);
}, { seconds: 180 });

it('fifty megabytes as a stream of octets', async (t) => {
  const sandbox = await t.sandbox();
  const block = randomBytes(1_000_000);
  let left = 50;
  const stream = new ReadableStream({ pull: (to) => { if (left-- > 0) to.enqueue(new Uint8Array(block)); else to.close(); } });
  await sandbox.files.write('big', stream, { requestTimeoutMs: 0 });
  const hash = createHash('sha256');
  for (let n = 0; n < 50; ++n) hash.update(block);
  assert.equal((await sandbox.commands.run('sha256sum big', { timeoutMs: 0 })).stdout.split(' ')[0], hash.digest('hex'));
}, { seconds: 180 });

it('a stream that is not read to its end does not hold up others', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.commands.run('head -c 20000000 /dev/zero >big');
  const stream = await sandbox.files.read('big', { format: 'stream' });
  const reader = stream.getReader();
  await reader.read();
  await sandbox.files.write('small', 'x');
  assert.equal(await sandbox.files.read('small'), 'x');
  await reader.cancel();
});

it('what may not be read or written is told', async (t) => {
  const sandbox = await t.sandbox();
  await t.rejects(sandbox.files.write('/proc/nothing', 'x'), t.e2b.SandboxError);
  await t.rejects(sandbox.files.write('x'.repeat(300), 'x'), t.e2b.SandboxError);
});

it('what a command makes is read, and the other way round', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.commands.run('printf made >/tmp/by-command');
  assert.equal(await sandbox.files.read('/tmp/by-command'), 'made');
  await sandbox.files.write('/home/user/run.sh', 'echo ran\n');
  assert.equal((await sandbox.commands.run('bash run.sh')).stdout, 'ran\n');
});

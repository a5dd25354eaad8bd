// sandbox.files.watchDir.

import { assert, group } from './harness.mjs';

const it = group('watching directories');

async function watch(sandbox, path, options) {
  const events = [];
  const handle = await sandbox.files.watchDir(path, (event) => { events.push(event); }, { timeoutMs: 0, ...options });
  const has = (type, name) => events.some((event) => event.type === type && event.name === name);
  return { events, handle, has };
}

it('create, write, chmod, rename and remove', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { has, handle } = await watch(sandbox, 'd');
  await sandbox.commands.run('cd d; : >f; echo x >>f; chmod 600 f; mv f g; rm g');
  for (const [type, name] of [['create', 'f'], ['write', 'f'], ['chmod', 'f'], ['rename', 'f'], ['create', 'g'], ['remove', 'g']]) {
    await t.until(() => has(type, name));
  }
  await handle.stop();
});

it('what comes from elsewhere, and goes there', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { has } = await watch(sandbox, 'd');
  await sandbox.commands.run('echo x >f; mv f d/in; mv d/in out');
  // What goes elsewhere is renamed to inotify, and removed to who lists the directory; Warren says the latter.
  await t.until(() => has('create', 'in') && (has('rename', 'in') || has('remove', 'in')));
});

it('a new file of the SDK’s is created, then written', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { has, events } = await watch(sandbox, 'd');
  await sandbox.files.write('d/f', 'x');
  await t.until(() => has('create', 'f') && has('write', 'f'));
  assert.ok(events.findIndex(({ type }) => type === 'create') < events.findIndex(({ type }) => type === 'write'));
});

it('what the SDK itself writes', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('d/f', 'one');
  const { has } = await watch(sandbox, 'd');
  await sandbox.files.write('d/f', 'two');
  await t.until(() => has('write', 'f'));
  await sandbox.files.makeDir('d/sub');
  await t.until(() => has('create', 'sub'));
  await sandbox.files.remove('d/f');
  await t.until(() => has('remove', 'f'));
});

it('not below it where that is not asked for', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d/sub');
  const { has, events } = await watch(sandbox, 'd');
  await sandbox.commands.run('echo x >d/sub/f; echo x >d/mark');
  await t.until(() => has('create', 'mark'));
  assert.ok(!events.some(({ name }) => name.includes('sub/')), JSON.stringify(events));
});

it('recursive: in what is there', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d/sub/deep');
  const { has } = await watch(sandbox, 'd', { recursive: true });
  await sandbox.files.write('d/sub/deep/f', 'x');
  await t.until(() => has('write', 'sub/deep/f'));
});

it('recursive: in what is made later', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { has } = await watch(sandbox, 'd', { recursive: true });
  await sandbox.files.makeDir('d/new');
  await t.until(() => has('create', 'new'));
  await sandbox.files.write('d/new/f', 'x');
  await t.until(() => has('write', 'new/f'));
});

it('includeEntry tells of the file', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { events } = await watch(sandbox, 'd', { includeEntry: true });
  await sandbox.files.write('d/f', '1234');
  const event = await t.until(() => events.find(({ name, entry }) => name === 'f' && entry?.size === 4));
  assert.equal(event.entry.path, '/home/user/d/f');
  assert.equal(event.entry.type, 'file');
  assert.equal(event.entry.owner, 'user');
});

it('without includeEntry there is none', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { events } = await watch(sandbox, 'd');
  await sandbox.files.write('d/f', 'x');
  await t.until(() => events.length > 0);
  assert.equal(events[0].entry, undefined);
});

it('stop ends it', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  let ended = false;
  const { events, handle } = await watch(sandbox, 'd', { onExit: () => { ended = true; } });
  await handle.stop();
  await t.until(() => ended);
  const before = events.length;
  const { has } = await watch(sandbox, 'd');
  await sandbox.files.makeDir('d/mark');
  await t.until(() => has('create', 'mark'));
  assert.equal(events.length, before);
});

it('timeoutMs ends it with a TimeoutError', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const told = await new Promise((done) => { watch(sandbox, 'd', { timeoutMs: 700, onExit: done }); });
  assert.ok(told instanceof t.e2b.TimeoutError, String(told));
});

it('two watches of the same directory', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const first = await watch(sandbox, 'd');
  const second = await watch(sandbox, 'd');
  await sandbox.files.makeDir('d/mark');
  await t.until(() => first.has('create', 'mark') && second.has('create', 'mark'));
});

it('many events', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  const { events } = await watch(sandbox, 'd');
  await sandbox.commands.run('cd d && seq 1 500 | xargs touch');
  await t.until(() => new Set(events.filter(({ type }) => type === 'create').map(({ name }) => name)).size === 500);
});

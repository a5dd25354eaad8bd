// Pause, resume, and what happens at the timeout.

import { NotApplicable, assert, group } from './harness.mjs';

const it = group('pause and resume');

const state = async (t, sandbox) => (await t.e2b.Sandbox.getInfo(sandbox.sandboxId)).state;
const paused = (t, sandbox) => t.until(async () => (await state(t, sandbox)) === 'paused');

it('pause is true once, then false', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal(await sandbox.pause(), true);
  assert.equal(await state(t, sandbox), 'paused');
  assert.equal(await sandbox.pause(), false);
  assert.equal(await t.e2b.Sandbox.pause(sandbox.sandboxId), false);
});

it('pause of an unknown one is a SandboxNotFoundError', async (t) => {
  await t.rejects(t.e2b.Sandbox.pause('i0123456789abcdefghij'), t.e2b.SandboxNotFoundError);
});

it('a paused one does not run, and says so at once', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.pause();
  assert.equal(await sandbox.isRunning(), false);
  await t.rejects(sandbox.commands.run('true'), t.e2b.SandboxNotFoundError);
  await t.rejects(sandbox.files.read('x'), t.e2b.TimeoutError);
});

it('connect resumes it, with its files and its processes', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('kept', 'yes');
  const ticking = await sandbox.commands.run('while :; do echo x >>ticks; sleep 0.1; done', { background: true, timeoutMs: 0 });
  await t.until(() => sandbox.files.exists('ticks'));
  await sandbox.pause();
  const same = await t.e2b.Sandbox.connect(sandbox.sandboxId);
  assert.equal(await same.isRunning(), true);
  assert.equal(await same.files.read('kept'), 'yes');
  assert.ok((await same.commands.list()).some(({ pid }) => pid === ticking.pid), 'its process is listed');
  const before = (await same.files.read('ticks')).length;
  await t.until(async () => (await same.files.read('ticks')).length > before);
});

it('an instance that was paused goes on by its own connect', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.pause();
  await sandbox.connect();
  assert.equal((await sandbox.commands.run('echo on')).stdout, 'on\n');
});

it('variables of the interpreter are kept', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('x = 41');
  await sandbox.pause();
  const same = await t.interpreter.Sandbox.connect(sandbox.sandboxId);
  assert.equal((await same.runCode('x + 1')).text, '42');
});

it('resume sets the timeout', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 60_000 });
  await sandbox.pause();
  await t.e2b.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 1_200_000 });
  const { endAt } = await sandbox.getInfo();
  assert.ok(Math.abs(endAt - Date.now() - 1_200_000) < 15_000, `${endAt}`);
});

it('again and again', async (t) => {
  const sandbox = await t.sandbox();
  for (let n = 0; n < 5; ++n) {
    await sandbox.commands.run(`echo ${n} >>log`);
    assert.equal(await sandbox.pause(), true);
    await sandbox.connect();
  }
  assert.equal(await sandbox.files.read('log'), '0\n1\n2\n3\n4\n');
});

it('a paused one can be killed', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.pause();
  assert.equal(await sandbox.kill(), true);
  assert.equal(await sandbox.kill(), false);
});

it('a pause that keeps files alone (keepMemory: false)', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('kept', 'yes');
  await t.served(sandbox.pause({ keepMemory: false }));
  await sandbox.connect();
  assert.equal(await sandbox.files.read('kept'), 'yes');
});

const lifecycle = group('what happens at the timeout');

lifecycle('getInfo tells it', async (t) => {
  const plain = await t.sandbox();
  assert.deepEqual((await plain.getInfo()).lifecycle, { onTimeout: 'kill', autoResume: false });
  const pausing = await t.sandbox({ lifecycle: { onTimeout: 'pause' } });
  assert.equal((await pausing.getInfo()).lifecycle.onTimeout, 'pause');
  const resuming = await t.sandbox({ lifecycle: { onTimeout: 'pause', autoResume: true } });
  assert.deepEqual((await resuming.getInfo()).lifecycle, { onTimeout: 'pause', autoResume: true });
});

lifecycle('onTimeout pause: it is paused, and connect resumes it', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 2000, lifecycle: { onTimeout: 'pause' } });
  const running = await sandbox.commands.run('sleep 600', { background: true, timeoutMs: 0 });
  await paused(t, sandbox);
  const same = await t.e2b.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 300_000 });
  assert.ok((await same.commands.list()).some(({ pid }) => pid === running.pid));
});

lifecycle('it is paused at its timeout after a resume too', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 300_000, lifecycle: { onTimeout: 'pause' } });
  await sandbox.pause();
  await sandbox.connect({ timeoutMs: 2000 });
  await paused(t, sandbox);
});

lifecycle('setTimeout keeps what happens then', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 300_000, lifecycle: { onTimeout: 'pause' } });
  await sandbox.setTimeout(1000);
  await paused(t, sandbox);
});

lifecycle('without autoResume a request does not wake it', async (t) => {
  const sandbox = await t.sandbox({ lifecycle: { onTimeout: 'pause' } });
  await sandbox.pause();
  await t.rejects(sandbox.commands.run('true'), t.e2b.SandboxError);
  assert.equal(await state(t, sandbox), 'paused');
});

lifecycle('autoResume: a command wakes it', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 2000, lifecycle: { onTimeout: 'pause', autoResume: true } });
  await sandbox.files.write('kept', 'yes');
  await paused(t, sandbox);
  assert.equal((await sandbox.commands.run('cat kept')).stdout, 'yes');
  await sandbox.setTimeout(300_000);
  assert.equal(await state(t, sandbox), 'running');
});

lifecycle('autoResume: a file, and code, wake it', async (t) => {
  const sandbox = await t.code({ lifecycle: { onTimeout: 'pause', autoResume: true } });
  await sandbox.runCode('x = 41');
  await sandbox.files.write('kept', 'yes');
  await sandbox.pause();
  assert.equal(await sandbox.files.read('kept'), 'yes');
  await sandbox.pause();
  assert.equal((await sandbox.runCode('x + 1')).text, '42');
});

lifecycle('autoResume: a request to a port wakes it', async (t) => {
  const sandbox = await t.sandbox({ lifecycle: { onTimeout: 'pause', autoResume: true } });
  await sandbox.files.write('www/index.html', 'awake');
  await sandbox.commands.run('python3 -m http.server 8000 -d www', { background: true, timeoutMs: 0 });
  await t.until(async () => (await t.fetchPort(sandbox, 8000)).status === 200);
  await sandbox.pause();
  assert.equal(await (await t.fetchPort(sandbox, 8000)).text(), 'awake');
});

lifecycle('a pause at the timeout that keeps files alone', async (t) => {
  t.keep(await t.served(t.e2b.Sandbox.create({ lifecycle: { onTimeout: { action: 'pause', keepMemory: false } } })));
});

lifecycle('a resume that boots anew (onResume: reboot)', async (t) => {
  if (t.sdk.version === '2.45.0') throw new NotApplicable('this SDK has no onResume');
  const sandbox = await t.sandbox();
  const running = await sandbox.commands.run('sleep 600', { background: true, timeoutMs: 0 });
  await sandbox.pause();
  await t.served(sandbox.connect({ onResume: 'reboot' }));
  assert.ok(!(await sandbox.commands.list()).some(({ pid }) => pid === running.pid), 'a reboot ends what ran');
});

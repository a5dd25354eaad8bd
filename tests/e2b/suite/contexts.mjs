// Contexts of the code interpreter.

import { assert, group } from './harness.mjs';

const it = group('contexts');

it('create tells of it, list has it', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext();
  assert.ok(context.id);
  assert.equal(context.language, 'python');
  assert.equal(context.cwd, '/home/user');
  assert.deepEqual((await sandbox.listCodeContexts()).find(({ id }) => id === context.id), context);
});

it('the default one is in the list from the start', async (t) => {
  const sandbox = await t.code();
  assert.ok((await sandbox.listCodeContexts()).some(({ language }) => language === 'python'));
});

it('a directory of its own', async (t) => {
  const sandbox = await t.code();
  await sandbox.files.makeDir('work');
  const context = await sandbox.createCodeContext({ cwd: '/home/user/work' });
  assert.equal(context.cwd, '/home/user/work');
  assert.equal((await sandbox.runCode('import os; os.getcwd()', { context })).text, '/home/user/work');
});

it('two keep apart', async (t) => {
  const sandbox = await t.code();
  const one = await sandbox.createCodeContext();
  const two = await sandbox.createCodeContext();
  await sandbox.runCode('x = "default"');
  await sandbox.runCode('x = "one"', { context: one });
  assert.equal((await sandbox.runCode('x', { context: two })).error.name, 'NameError');
  assert.equal((await sandbox.runCode('x', { context: one })).text, 'one');
  assert.equal((await sandbox.runCode('x')).text, 'default');
});

it('two run at the same time', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext();
  const waiting = sandbox.runCode('import os, time\nwhile not os.path.exists("go"): time.sleep(0.05)\n"went"');
  assert.equal((await sandbox.runCode('open("go", "w").close(); "sent"', { context })).text, 'sent');
  assert.equal((await waiting).text, 'went');
});

it('restart clears its state, and keeps its id', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext({ cwd: '/tmp' });
  await sandbox.runCode('x = 1', { context });
  await sandbox.restartCodeContext(context);
  assert.equal((await sandbox.runCode('x', { context })).error.name, 'NameError');
  assert.equal((await sandbox.runCode('import os; os.getcwd()', { context })).text, '/tmp');
});

it('cells at once, behind one that has ended the context', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('import os; os._exit(1)').catch(() => {});
  const results = await Promise.all(['1', '2', '3'].map((code) => sandbox.runCode(code)));
  assert.deepEqual(results.map(({ text }) => text), ['1', '2', '3']);
});

it('restart of the default one', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('x = 1');
  const found = (await sandbox.listCodeContexts()).find(({ language }) => language === 'python');
  await sandbox.restartCodeContext(found.id);
  assert.equal((await sandbox.runCode('x')).error.name, 'NameError');
});

it('restart ends what runs in it', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext();
  let up = false;
  const running = sandbox.runCode('import time\nprint("up", flush=True)\ntime.sleep(600)',
                                  { context, timeoutMs: 0, onStdout: () => { up = true; } });
  running.catch(() => {});
  await t.until(() => up);
  await sandbox.restartCodeContext(context.id);
  const execution = await running.catch((error) => error);
  assert.ok(execution instanceof Error || execution.error, 'the call does not end as if nothing had been');
  assert.equal((await sandbox.runCode('1 + 1', { context })).text, '2');
});

it('remove: it is not in the list, and not found', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext();
  await sandbox.removeCodeContext(context.id);
  assert.ok(!(await sandbox.listCodeContexts()).some(({ id }) => id === context.id));
  await t.rejects(sandbox.runCode('1', { context }), t.e2b.NotFoundError);
  await t.rejects(sandbox.removeCodeContext(context), t.e2b.NotFoundError);
  await t.rejects(sandbox.restartCodeContext(context), t.e2b.NotFoundError);
});

it('one of bash', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext({ language: 'bash', cwd: '/tmp' });
  assert.equal(context.language, 'bash');
  await sandbox.runCode('x=41', { context });
  assert.equal((await sandbox.runCode('echo $((x + 1)); pwd', { context })).logs.stdout.join(''), '42\n/tmp\n');
});

it('one of javascript', async (t) => {
  // The data-science template has no node.
  const sandbox = t.keep(await t.interpreter.Sandbox.create('base'));
  const context = await sandbox.createCodeContext({ language: 'javascript', cwd: '/tmp' });
  assert.equal(context.language, 'javascript');
  await sandbox.runCode('const x = 41', { context });
  assert.equal((await sandbox.runCode('`${x + 1} ${process.cwd()}`', { context })).text, '42 /tmp');
});

it('one of a language that there is not', async (t) => {
  const sandbox = await t.code();
  const error = await t.rejects(sandbox.createCodeContext({ language: 'klingon' }), t.e2b.SandboxError);
  assert.ok(!(error instanceof t.e2b.TimeoutError), String(error));
});

it('a directory that is not there is told', async (t) => {
  const sandbox = await t.code();
  await t.rejects(sandbox.createCodeContext({ cwd: '/no/such/place' }), t.e2b.SandboxError);
});

it('they live through a pause', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext();
  await sandbox.runCode('x = 41', { context });
  await sandbox.pause();
  await sandbox.connect();
  assert.equal((await sandbox.runCode('x + 1', { context })).text, '42');
});

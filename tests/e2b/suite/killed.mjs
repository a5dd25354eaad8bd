// What a client is told whose sandbox is killed while it waits.

import { assert, group } from './harness.mjs';

const it = group('killed in flight');

it('a command', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('echo up; sleep 600', { background: true, timeoutMs: 0 });
  await t.until(() => command.stdout === 'up\n');
  await t.e2b.Sandbox.kill(sandbox.sandboxId);
  await t.rejects(command.wait(), t.e2b.TimeoutError, /killed or reached its end of life while the request was in flight/);
});

it('a terminal', async (t) => {
  const sandbox = await t.sandbox();
  let shown = false;
  const terminal = await sandbox.pty.create({ cols: 80, rows: 24, timeoutMs: 0, onData: () => { shown = true; } });
  await t.until(() => shown);
  await sandbox.kill();
  await t.rejects(terminal.wait(), t.e2b.TimeoutError, /killed or reached its end of life/);
});

it('code', async (t) => {
  const sandbox = await t.code();
  let up = false;
  const running = sandbox.runCode('import time\nprint("up", flush=True)\ntime.sleep(600)',
                                  { timeoutMs: 0, onStdout: () => { up = true; } });
  running.catch(() => {});
  await t.until(() => up);
  await t.interpreter.Sandbox.kill(sandbox.sandboxId);
  await t.rejects(running, t.e2b.TimeoutError, /killed while the request was in progress/);
});

it('code that says nothing', async (t) => {
  const sandbox = await t.code();
  const running = sandbox.runCode('open("up", "w").close()\nimport time\ntime.sleep(600)', { timeoutMs: 0 });
  running.catch(() => {});
  await t.until(() => sandbox.files.exists('up'));
  await sandbox.kill();
  await t.rejects(running, t.e2b.TimeoutError, /killed while the request was in progress/);
});

it('code that waits behind other code', async (t) => {
  const sandbox = await t.code();
  const first = sandbox.runCode('open("up", "w").close()\nimport time\ntime.sleep(600)', { timeoutMs: 0 });
  first.catch(() => {});
  await t.until(() => sandbox.files.exists('up'));
  const second = sandbox.runCode('1', { timeoutMs: 0 });
  second.catch(() => {});
  // Until it waits: where it came too late the sandbox is gone already, which is another word.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await sandbox.kill();
  for (const running of [first, second]) await t.rejects(running, t.e2b.TimeoutError, /killed while the request was in progress/);
});

it('a watch', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('d');
  let told;
  await sandbox.files.watchDir('d', () => {}, { timeoutMs: 0, onExit: (error) => { told = error ?? 'nothing'; } });
  await sandbox.kill();
  await t.until(() => told);
  assert.ok(told instanceof t.e2b.TimeoutError, String(told));
  assert.match(told.message, /killed or reached its end of life/);
});

it('a file on its way out', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.commands.run('head -c 100000000 /dev/zero >big');
  const reader = (await sandbox.files.read('big', { format: 'stream' })).getReader();
  await reader.read();
  await sandbox.kill();
  let size = 0;
  const end = await (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      size += value.length;
    }
  })().catch((error) => error);
  assert.ok(end instanceof Error, `the download ended as if it were whole, after ${size} more bytes`);
}, { seconds: 120 });

it('at its timeout: code', async (t) => {
  const sandbox = await t.code({ timeoutMs: 4000 });
  await t.rejects(sandbox.runCode('import time; time.sleep(600)', { timeoutMs: 0 }), t.e2b.TimeoutError);
});

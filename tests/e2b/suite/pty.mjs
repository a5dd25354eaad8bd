// sandbox.pty.

import { assert, group } from './harness.mjs';

const it = group('terminals');

const bytes = (text) => new TextEncoder().encode(text);

// A terminal whose text is there as it comes.
async function open(sandbox, options = {}) {
  const decoder = new TextDecoder();
  const terminal = { shown: '' };
  terminal.onData = (data) => { terminal.shown += decoder.decode(data, { stream: true }); };
  terminal.handle = await sandbox.pty.create({ cols: 80, rows: 24, timeoutMs: 0, onData: terminal.onData, ...options });
  terminal.pid = terminal.handle.pid;
  terminal.type = (text) => sandbox.pty.sendInput(terminal.pid, bytes(text));
  return terminal;
}

it('what is typed is done', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  await terminal.type('echo $((6*7)); whoami; pwd\n');
  await t.until(() => /42\r?\n.*user\r?\n.*\/home\/user\r?\n/s.test(terminal.shown));
});

it('exit ends it with its code', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  await terminal.type('exit 7\n');
  const error = await t.rejects(terminal.handle.wait(), t.e2b.CommandExitError);
  assert.equal(error.exitCode, 7);
});

it('it is a terminal of the size that was asked for', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox, { cols: 133, rows: 44 });
  await terminal.type('test -t 0 && test -t 1 && stty size; echo $TERM $LANG\n');
  await t.until(() => /44 133\r?\n.*xterm-256color C\.UTF-8\r?\n/s.test(terminal.shown));
});

it('resize', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  // bash sets the size that it has read, before each prompt: one that comes in between is lost.
  await t.until(() => terminal.shown.endsWith('$ '));
  await sandbox.pty.resize(terminal.pid, { cols: 100, rows: 30 });
  await terminal.type('stty size\n');
  await t.until(() => terminal.shown.includes('30 100'));
});

it('Ctrl-C interrupts what runs', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  await terminal.type('echo st""art; sleep 600\n');
  await t.until(() => terminal.shown.includes('start'));
  await terminal.type('\x03');
  await terminal.type('echo "code $?"\n');
  await t.until(() => terminal.shown.includes('code 130'));
});

it('cwd, envs and user', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox, { cwd: '/tmp', envs: { MARK: 'here' }, user: 'root' });
  await terminal.type('echo "<$(pwd) $MARK $(whoami)>"\n');
  await t.until(() => terminal.shown.includes('</tmp here root>'));
});

it('kill is true once, and ends it', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  assert.equal(await sandbox.pty.kill(terminal.pid), true);
  await t.rejects(terminal.handle.wait(), t.e2b.CommandExitError);
  assert.equal(await sandbox.pty.kill(terminal.pid), false);
});

it('it lives on after a disconnect, and is found again', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  await terminal.type('x=kept\n');
  await t.until(() => terminal.shown.includes('x=kept'));
  await terminal.handle.disconnect();
  let shown = '';
  const decoder = new TextDecoder();
  const again = await sandbox.pty.connect(terminal.pid, { timeoutMs: 0, onData: (data) => { shown += decoder.decode(data); } });
  assert.equal(again.pid, terminal.pid);
  await sandbox.pty.sendInput(again.pid, bytes('echo "<$x>"\n'));
  await t.until(() => shown.includes('<kept>'));
});

it('characters of several bytes', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  await terminal.type('echo "<größe 😀>" | tr "<>" "[]"\n');
  await t.until(() => terminal.shown.includes('[größe 😀]'));
});

it('it is in the list of commands', async (t) => {
  const sandbox = await t.sandbox();
  const terminal = await open(sandbox);
  const found = (await sandbox.commands.list()).find(({ pid }) => pid === terminal.pid);
  assert.equal(found.cmd, '/bin/bash');
  assert.deepEqual(found.args, ['-i', '-l']);
});

it('input for one that is not there is a NotFoundError', async (t) => {
  const sandbox = await t.sandbox();
  await t.rejects(sandbox.pty.sendInput(999_999, bytes('x')), t.e2b.NotFoundError);
  await t.rejects(sandbox.pty.resize(999_999, { cols: 1, rows: 1 }), t.e2b.NotFoundError);
});

// sandbox.commands.

import { assert, group, sleep } from './harness.mjs';

const it = group('commands');

it('run gives output and exit code', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout, stderr, exitCode, error } = await sandbox.commands.run('echo out; echo err >&2');
  assert.deepEqual({ stdout, stderr, exitCode }, { stdout: 'out\n', stderr: 'err\n', exitCode: 0 });
  assert.ok(!error);
});

it('a non-zero exit is a CommandExitError with the output', async (t) => {
  const sandbox = await t.sandbox();
  const error = await t.rejects(sandbox.commands.run('echo out; echo err >&2; exit 3'), t.e2b.CommandExitError);
  assert.equal(error.exitCode, 3);
  assert.equal(error.stdout, 'out\n');
  assert.equal(error.stderr, 'err\n');
  assert.equal(error.error, 'exit status 3');
});

it('what is not there exits with 127', async (t) => {
  const sandbox = await t.sandbox();
  const error = await t.rejects(sandbox.commands.run('no-such-program'), t.e2b.CommandExitError);
  assert.equal(error.exitCode, 127);
});

it('a shell line: pipes, quotes, several lines', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run(`printf 'b\\na\\n' | sort\nx="it's"; echo "$x \\"fine\\""`);
  assert.equal(stdout, 'a\nb\nit\'s "fine"\n');
});

it('user, home and directory where nothing is said', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run('whoami; echo $HOME; pwd; echo $USER; id -u');
  assert.equal(stdout, 'user\n/home/user\n/home/user\nuser\n1000\n');
});

it('as root', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run('whoami; id -u; pwd; echo $HOME; touch /etc/made; stat -c %U /etc/made',
                                                { user: 'root' });
  assert.equal(stdout, 'root\n0\n/root\n/root\nroot\n');
});

it('as a user that is not there', async (t) => {
  const sandbox = await t.sandbox();
  const error = await sandbox.commands.run('true', { user: 'nobody-here' }).then(() => undefined, (thrown) => thrown);
  assert.ok(error instanceof t.e2b.AuthenticationError || error instanceof t.e2b.InvalidArgumentError, String(error));
});

it('sudo needs no password', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal((await sandbox.commands.run('sudo id -u && sudo -u user whoami')).stdout, '0\nuser\n');
});

it('cwd', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.makeDir('deep/er');
  assert.equal((await sandbox.commands.run('pwd', { cwd: '/tmp' })).stdout, '/tmp\n');
  assert.equal((await sandbox.commands.run('pwd', { cwd: '/home/user/deep/er' })).stdout, '/home/user/deep/er\n');
  assert.equal((await sandbox.commands.run('pwd', { cwd: 'deep' })).stdout, '/home/user/deep\n');
});

it('a cwd that is not there is an InvalidArgumentError', async (t) => {
  const sandbox = await t.sandbox();
  await t.rejects(sandbox.commands.run('pwd', { cwd: '/no/such/place' }), t.e2b.InvalidArgumentError);
});

it('what the template base has', async (t) => {
  const sandbox = await t.sandbox();
  const programs = 'bash python3 curl git sudo';
  const { stdout } = await sandbox.commands.run(`for p in ${programs}; do command -v $p >/dev/null && echo $p; done`);
  assert.equal(stdout, 'bash\npython3\ncurl\ngit\nsudo\n');
});

it('output comes while it runs', async (t) => {
  const sandbox = await t.sandbox();
  let out = '';
  let err = '';
  const command = await sandbox.commands.run('echo one; echo two >&2; read -r line; echo "got $line"', {
    background: true, stdin: true, onStdout: (data) => { out += data; }, onStderr: (data) => { err += data; },
  });
  await t.until(() => out === 'one\n' && err === 'two\n');
  await sandbox.commands.sendStdin(command.pid, 'three\n');
  const result = await command.wait();
  assert.equal(out, 'one\ngot three\n');
  assert.equal(result.stdout, out);
  assert.equal(result.stderr, 'two\n');
});

it('a slow callback loses nothing', async (t) => {
  const sandbox = await t.sandbox();
  let seen = 0;
  const onStdout = async (data) => { await sleep(1); seen += data.length; };
  const { stdout } = await sandbox.commands.run('seq 1 20000', { onStdout });
  assert.equal(stdout.split('\n').length, 20001);
  assert.equal(seen, stdout.length);
});

it('in the background: the handle tells of it, wait gives the result', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('read -r x; echo done; exit 4', { background: true, stdin: true });
  assert.ok(command.pid > 0);
  assert.equal(command.exitCode, undefined);
  await command.sendStdin('go\n');
  const error = await t.rejects(command.wait(), t.e2b.CommandExitError);
  assert.equal(error.exitCode, 4);
  assert.equal(command.exitCode, 4);
  assert.equal(command.stdout, 'done\n');
});

it('closeStdin is the end of the input', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('wc -c', { background: true, stdin: true });
  await command.sendStdin('12345');
  await command.sendStdin(new Uint8Array([0, 255, 10]));
  await command.closeStdin();
  assert.equal((await command.wait()).stdout.trim(), '8');
});

it('without stdin the input is empty', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal((await sandbox.commands.run('cat; echo over')).stdout, 'over\n');
});

it('a mebibyte of input', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('md5sum', { background: true, stdin: true });
  const block = 'x'.repeat(65536);
  for (let n = 0; n < 16; ++n) await command.sendStdin(block);
  await command.closeStdin();
  const { createHash } = await import('node:crypto');
  assert.equal((await command.wait()).stdout.split(' ')[0], createHash('md5').update(block.repeat(16)).digest('hex'));
});

it('input for a process that is not there is a NotFoundError', async (t) => {
  const sandbox = await t.sandbox();
  await t.rejects(sandbox.commands.sendStdin(999_999, 'x'), t.e2b.NotFoundError);
  await t.rejects(sandbox.commands.closeStdin(999_999), t.e2b.NotFoundError);
});

it('kill is true once, and the command ends by the signal', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('echo up; sleep 600', { background: true, timeoutMs: 0 });
  await t.until(() => command.stdout === 'up\n');
  assert.equal(await command.kill(), true);
  const error = await t.rejects(command.wait(), t.e2b.CommandExitError);
  assert.equal(error.exitCode, -1);
  assert.match(error.error, /signal: killed/);
  assert.equal(error.stdout, 'up\n');
  assert.equal(await sandbox.commands.kill(command.pid), false);
});

it('kill of what is not there is false', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal(await sandbox.commands.kill(999_999), false);
});

it('list tells of what runs', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('sleep 600', { background: true, timeoutMs: 0, cwd: '/tmp', envs: { MARK: 'here' } });
  const found = (await sandbox.commands.list()).find(({ pid }) => pid === command.pid);
  assert.equal(found.cmd, '/bin/bash');
  assert.deepEqual(found.args, ['-l', '-c', 'sleep 600']);
  assert.equal(found.envs.MARK, 'here');
  assert.equal(found.cwd, '/tmp');
  await command.kill();
  await t.until(async () => !(await sandbox.commands.list()).some(({ pid }) => pid === command.pid));
});

it('connect: what it says from then on, and its end', async (t) => {
  const sandbox = await t.sandbox();
  const first = await sandbox.commands.run('echo before; read -r x; echo "after $x"',
                                           { background: true, stdin: true, timeoutMs: 0 });
  await t.until(() => first.stdout === 'before\n');
  const other = await t.e2b.Sandbox.connect(sandbox.sandboxId);
  let out = '';
  const second = await other.commands.connect(first.pid, { onStdout: (data) => { out += data; } });
  assert.equal(second.pid, first.pid);
  await second.sendStdin('now\n');
  const result = await second.wait();
  assert.equal(result.exitCode, 0);
  assert.equal(out, 'after now\n');
  assert.match((await first.wait()).stdout, /after now\n$/);
});

it('connect to what is not there is a NotFoundError', async (t) => {
  const sandbox = await t.sandbox();
  await t.rejects(sandbox.commands.connect(999_999), t.e2b.NotFoundError);
});

it('it goes on after a disconnect, and is found again', async (t) => {
  const sandbox = await t.sandbox();
  let late = '';
  const command = await sandbox.commands.run('echo up; read -r x; echo "$x"; exit 5', {
    background: true, stdin: true, timeoutMs: 0, onStdout: (data) => { late += data; },
  });
  await t.until(() => late === 'up\n');
  await command.disconnect();
  assert.ok((await sandbox.commands.list()).some(({ pid }) => pid === command.pid));
  const again = await sandbox.commands.connect(command.pid, { timeoutMs: 0 });
  await sandbox.commands.sendStdin(command.pid, 'still here\n');
  const error = await t.rejects(again.wait(), t.e2b.CommandExitError);
  assert.equal(error.exitCode, 5);
  assert.match(error.stdout, /still here\n$/);
  assert.equal(late, 'up\n');
});

it('connect: what was said while nobody was connected is not told', async (t) => {
  const sandbox = await t.sandbox();
  const command = await sandbox.commands.run('read -r x; echo "$x"; touch /tmp/said; read -r x; echo "$x"',
                                             { background: true, stdin: true, timeoutMs: 0 });
  await command.disconnect();
  await sandbox.commands.sendStdin(command.pid, 'alone\n');
  await sandbox.commands.run('until test -e /tmp/said; do sleep 0.01; done; sleep 0.1');
  const again = await sandbox.commands.connect(command.pid, { timeoutMs: 0 });
  await sandbox.commands.sendStdin(command.pid, 'heard\n');
  assert.equal((await again.wait()).stdout, 'heard\n');
});

it('an aborted run leaves the command running', async (t) => {
  const sandbox = await t.sandbox();
  const abort = new AbortController();
  const command = await sandbox.commands.run('sleep 600', { background: true, timeoutMs: 0, signal: abort.signal });
  abort.abort();
  await command.wait().catch(() => {});
  assert.ok((await sandbox.commands.list()).some(({ pid }) => pid === command.pid));
});

it('timeoutMs ends it with a TimeoutError', async (t) => {
  const sandbox = await t.sandbox();
  await t.rejects(sandbox.commands.run('sleep 600', { timeoutMs: 700 }), t.e2b.TimeoutError);
  await t.until(async () => (await sandbox.commands.list()).length === 0);
});

it('timeoutMs 0 is no limit', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal((await sandbox.commands.run('sleep 1; echo over', { timeoutMs: 0 })).stdout, 'over\n');
});

it('ten mebibytes of output', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run("head -c 10485760 /dev/zero | tr '\\0' x; echo end");
  assert.equal(stdout.length, 10485764);
  assert.ok(stdout.endsWith('xend\n'));
}, { seconds: 120 });

it('characters of several bytes, whole and in pieces', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run("echo 'größe 😀 日本'; printf '\\303'; sleep 0.3; printf '\\251\\n'");
  assert.equal(stdout, 'größe 😀 日本\né\n');
});

it('bytes that are no text do not break it', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run("printf 'a\\377b\\0c'");
  assert.equal(stdout, 'a\ufffdb\0c');
});

it('a signal that it gives itself', async (t) => {
  const sandbox = await t.sandbox();
  const error = await t.rejects(sandbox.commands.run('kill -TERM $$'), t.e2b.CommandExitError);
  assert.equal(error.exitCode, -1);
  assert.match(error.error, /signal: terminated/);
});

it('what it leaves in the background lives on', async (t) => {
  const sandbox = await t.sandbox();
  const { stdout } = await sandbox.commands.run('setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $!');
  assert.equal((await sandbox.commands.run(`kill -0 ${stdout.trim()} && echo alive`)).stdout, 'alive\n');
});

it('twenty at a time', async (t) => {
  const sandbox = await t.sandbox();
  const done = await Promise.all(Array.from({ length: 20 }, (_, n) => sandbox.commands.run(`sleep 0.2; echo ${n}`)));
  assert.deepEqual(done.map(({ stdout }) => stdout), Array.from({ length: 20 }, (_, n) => `${n}\n`));
});

it('a long line', async (t) => {
  const sandbox = await t.sandbox();
  const text = 'y'.repeat(100_000);
  assert.equal((await sandbox.commands.run(`printf %s ${text} | wc -c`)).stdout.trim(), '100000');
});

it('arguments with no ASCII, in the line and in the variables', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal((await sandbox.commands.run('echo "ü $x"', { envs: { x: '日本' } })).stdout, 'ü 日本\n');
});

const git = group('git helpers');

git('init, add, commit, status', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.git.init('work', { initialBranch: 'main' });
  await sandbox.git.configureUser('Ada', 'ada@example.com', { scope: 'local', path: 'work' });
  await sandbox.files.write('work/notes.txt', 'one');
  assert.equal((await sandbox.git.status('work')).fileStatus.length, 1);
  await sandbox.git.add('work');
  await sandbox.git.commit('work', 'first');
  const status = await sandbox.git.status('work');
  assert.equal(status.currentBranch, 'main');
  assert.deepEqual(status.fileStatus, []);
});

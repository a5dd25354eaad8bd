// A sandbox's life: made, found, told of, ended.

import { assert, group } from './harness.mjs';

const UNKNOWN = 'i0123456789abcdefghij';
// Seconds that two clocks, or a rounding, may be apart.
const near = (actual, wanted, apart = 10) => assert.ok(Math.abs(actual - wanted) <= apart, `${actual} s is not about ${wanted} s`);
const rest = async (sandbox) => (new Date((await sandbox.getInfo()).endAt) - Date.now()) / 1000;

const it = group('sandboxes');

it('create without arguments makes one of the template base that runs', async (t) => {
  const sandbox = await t.sandbox();
  assert.match(sandbox.sandboxId, /^[a-z0-9]+$/);
  assert.equal(await sandbox.isRunning(), true);
  assert.equal((await sandbox.commands.run('echo $((6*7))')).stdout, '42\n');
});

it('create by the name of a template', async (t) => {
  const sandbox = t.keep(await t.e2b.Sandbox.create('base'));
  const info = await sandbox.getInfo();
  assert.ok(info.name === 'base' || info.templateId === 'base', JSON.stringify(info));
});

it('create with the name among the options', async (t) => {
  const sandbox = await t.sandbox({ template: 'base' });
  assert.equal(await sandbox.isRunning(), true);
});

it('an unknown template is told as a SandboxError', async (t) => {
  const error = await t.rejects(t.e2b.Sandbox.create('no-such-template'), t.e2b.SandboxError, /no-such-template/);
  assert.match(error.message, /^40[04]: /);
});

it('getInfo tells of it', async (t) => {
  const sandbox = await t.sandbox({ metadata: { purpose: 'info' } });
  const info = await sandbox.getInfo();
  assert.equal(info.sandboxId, sandbox.sandboxId);
  assert.deepEqual(info.metadata, { purpose: 'info' });
  assert.equal(info.state, 'running');
  assert.ok(info.templateId);
  assert.ok(info.cpuCount >= 1);
  assert.ok(info.memoryMB >= 128);
  assert.match(info.envdVersion, /^\d+\.\d+\.\d+$/);
  assert.ok(info.startedAt instanceof Date && info.endAt > info.startedAt);
  assert.deepEqual(info.volumeMounts, []);
});

it('getInfo by id', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal((await t.e2b.Sandbox.getInfo(sandbox.sandboxId)).sandboxId, sandbox.sandboxId);
});

it('metadata keeps what is no ASCII', async (t) => {
  const metadata = { 'größe &=%': 'zwölf + 1/2', empty: '' };
  const sandbox = await t.sandbox({ metadata });
  assert.deepEqual((await sandbox.getInfo()).metadata, metadata);
});

it('a timeout of five minutes where none is named', async (t) => {
  near(await rest(await t.sandbox()), 300);
});

it('timeoutMs of create', async (t) => {
  const info = await (await t.sandbox({ timeoutMs: 120_000 })).getInfo();
  near((info.endAt - info.startedAt) / 1000, 120, 2);
});

it('setTimeout makes it longer and shorter', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.setTimeout(1_800_000);
  near(await rest(sandbox), 1800);
  await t.e2b.Sandbox.setTimeout(sandbox.sandboxId, 60_000);
  near(await rest(sandbox), 60);
});

it('it is gone when its timeout is over', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 2000 });
  await t.until(async () => !(await sandbox.isRunning()));
  await t.until(() => t.e2b.Sandbox.getInfo(sandbox.sandboxId).then(() => false, (error) => error instanceof t.e2b.NotFoundError));
});

it('its timeout ends it while a command runs', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 3000 });
  await t.rejects(sandbox.commands.run('sleep 600', { timeoutMs: 0 }), t.e2b.TimeoutError);
  await t.until(async () => !(await sandbox.isRunning()));
});

it('setTimeout of an unknown one is a SandboxNotFoundError', async (t) => {
  await t.rejects(t.e2b.Sandbox.setTimeout(UNKNOWN, 1000), t.e2b.SandboxNotFoundError);
});

it('getInfo of an unknown one is a SandboxNotFoundError', async (t) => {
  await t.rejects(t.e2b.Sandbox.getInfo(UNKNOWN), t.e2b.SandboxNotFoundError);
});

it('connect to an unknown one is a SandboxNotFoundError', async (t) => {
  await t.rejects(t.e2b.Sandbox.connect(UNKNOWN), t.e2b.SandboxNotFoundError);
});

it('an id that could be none is not found either', async (t) => {
  await t.rejects(t.e2b.Sandbox.getInfo('../etc/passwd'), t.e2b.SandboxError);
  await t.rejects(t.e2b.Sandbox.connect('a'.repeat(500)), t.e2b.SandboxError);
});

it('connect from elsewhere finds the same sandbox', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('mark', 'here');
  const same = await t.e2b.Sandbox.connect(sandbox.sandboxId);
  assert.equal(same.sandboxId, sandbox.sandboxId);
  assert.equal(await same.files.read('mark'), 'here');
  assert.equal((await same.commands.run('cat mark')).stdout, 'here');
});

it('connect makes the timeout longer, never shorter', async (t) => {
  const sandbox = await t.sandbox({ timeoutMs: 900_000 });
  await t.e2b.Sandbox.connect(sandbox.sandboxId, { timeoutMs: 30_000 });
  near(await rest(sandbox), 900);
  await sandbox.connect({ timeoutMs: 2_400_000 });
  near(await rest(sandbox), 2400);
});

it('kill is true once and then false', async (t) => {
  const sandbox = await t.sandbox();
  assert.equal(await sandbox.kill(), true);
  assert.equal(await sandbox.kill(), false);
  assert.equal(await t.e2b.Sandbox.kill(sandbox.sandboxId), false);
  assert.equal(await sandbox.isRunning(), false);
});

it('what is asked of a killed one is told as E2B tells it', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.kill();
  await t.rejects(sandbox.commands.run('true'), t.e2b.SandboxNotFoundError);
  await t.rejects(sandbox.files.read('x'), t.e2b.TimeoutError);
  await t.rejects(sandbox.files.list('.'), t.e2b.TimeoutError);
  await t.rejects(sandbox.getInfo(), t.e2b.SandboxNotFoundError);
  await t.rejects(sandbox.connect(), t.e2b.SandboxNotFoundError);
});

it('a client of its own (E2B) binds its options', async (t) => {
  const client = new t.e2b.E2B({ apiKey: process.env.E2B_API_KEY, apiUrl: process.env.E2B_API_URL });
  const sandbox = t.keep(await client.Sandbox.create());
  assert.equal(await sandbox.isRunning(), true);
});

it('twelve at a time', async (t) => {
  const made = await Promise.all(Array.from({ length: 12 }, () => t.sandbox()));
  const said = await Promise.all(made.map((sandbox, n) => sandbox.commands.run(`echo ${n}`)));
  assert.deepEqual(said.map(({ stdout }) => Number(stdout)), [...made.keys()]);
  assert.equal(new Set(made.map(({ sandboxId }) => sandboxId)).size, 12);
}, { seconds: 120 });

const variables = group('environment variables');

variables('envs of create are there for commands', async (t) => {
  const sandbox = await t.sandbox({ envs: { GREETING: 'hello "you" $x', OTHER: 'two' } });
  assert.equal((await sandbox.commands.run('echo "$GREETING|$OTHER"')).stdout, 'hello "you" $x|two\n');
});

variables('envs of a command go before those of its sandbox', async (t) => {
  const sandbox = await t.sandbox({ envs: { WHO: 'sandbox', KEPT: 'yes' } });
  assert.equal((await sandbox.commands.run('echo $WHO $KEPT', { envs: { WHO: 'command' } })).stdout, 'command yes\n');
  assert.equal((await sandbox.commands.run('echo $WHO')).stdout, 'sandbox\n');
});

variables('envs of create are there in a terminal and for code', async (t) => {
  const sandbox = await t.code({ envs: { WHO: 'sandbox' } });
  const execution = await sandbox.runCode('import os; os.environ["WHO"]');
  assert.equal(execution.text, 'sandbox');
  let shown = '';
  const decoder = new TextDecoder();
  const terminal = await sandbox.pty.create({ cols: 80, rows: 24, onData: (data) => { shown += decoder.decode(data); } });
  await sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode('echo "<$WHO>"; exit\n'));
  await t.until(() => shown.includes('<sandbox>'));
});

const metrics = group('metrics');

metrics('getMetrics tells of CPU, memory and disk', async (t) => {
  const sandbox = await t.sandbox();
  const list = await t.until(async () => {
    const found = await sandbox.getMetrics();
    return found.length > 0 && found;
  });
  const { timestamp, cpuCount, cpuUsedPct, memUsed, memTotal, memCache, diskUsed, diskTotal } = list.at(-1);
  assert.ok(timestamp instanceof Date && Math.abs(timestamp - Date.now()) < 3_600_000, `${timestamp}`);
  assert.ok(cpuCount >= 1);
  assert.ok(cpuUsedPct >= 0);
  assert.ok(memUsed > 0 && memTotal >= memUsed, `${memUsed} of ${memTotal}`);
  assert.ok(memCache >= 0);
  assert.ok(diskUsed >= 0 && diskTotal > diskUsed, `${diskUsed} of ${diskTotal}`);
});

metrics('what works is seen', async (t) => {
  const sandbox = await t.sandbox();
  const busy = await sandbox.commands.run('while :; do :; done', { background: true, timeoutMs: 0 });
  await t.until(async () => (await sandbox.getMetrics()).some(({ cpuUsedPct }) => cpuUsedPct > 5));
  await busy.kill();
});

metrics('by id, between two times', async (t) => {
  const sandbox = await t.sandbox();
  const [start, end] = [-60_000, 60_000].map((apart) => new Date(Date.now() + apart));
  const list = await t.e2b.Sandbox.getMetrics(sandbox.sandboxId, { start, end });
  assert.ok(Array.isArray(list));
});

metrics('of an unknown one is a SandboxNotFoundError', async (t) => {
  await t.rejects(t.e2b.Sandbox.getMetrics(UNKNOWN), t.e2b.SandboxNotFoundError);
});

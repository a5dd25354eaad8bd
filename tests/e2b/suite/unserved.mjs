// Parts of E2B that a server may do without: where it does, it must say so at once, and in E2B's form.

import { assert, group } from './harness.mjs';

const snapshots = group('snapshots');

snapshots('create one, and a sandbox of it', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('kept', 'yes');
  const { snapshotId } = await t.served(sandbox.createSnapshot());
  const copy = t.keep(await t.e2b.Sandbox.create(snapshotId));
  assert.equal(await copy.files.read('kept'), 'yes');
});

snapshots('list them', async (t) => {
  assert.ok(Array.isArray(await t.served(t.e2b.Sandbox.listSnapshots().nextItems())));
});

snapshots('delete one', async (t) => {
  assert.equal(typeof (await t.served(t.e2b.Sandbox.deleteSnapshot('no-such-snapshot'))), 'boolean');
});

const forks = group('forks');

forks('two of a sandbox', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.files.write('kept', 'yes');
  const made = await t.served(sandbox.fork({ count: 2 }));
  made.forEach((fork) => t.keep(fork));
  for (const fork of made) assert.equal(await fork.files.read('kept'), 'yes');
});

const templates = group('templates');

templates('exists', async (t) => {
  assert.equal(await t.served(t.e2b.Template.exists('base')), true);
  assert.equal(await t.served(t.e2b.Template.exists('data-science')), true);
  assert.equal(await t.served(t.e2b.Template.exists('no-such-template')), false);
});

templates('build', async (t) => {
  const { Template } = t.e2b;
  const wanted = Template().fromTemplate('base').setEnvs({ A: 'b' });
  await t.served(Template.build(wanted, 'warren-conformance', { cpuCount: 1, memoryMB: 512 }));
});

templates('tags', async (t) => {
  assert.ok(Array.isArray(await t.served(t.e2b.Template.getTags('base'))));
});

const volumes = group('volumes');

volumes('list', async (t) => {
  assert.ok(Array.isArray(await t.served(t.e2b.Volume.list())));
});

volumes('create, and mount it', async (t) => {
  const volume = await t.served(t.e2b.Volume.create('warren-conformance'));
  const sandbox = await t.sandbox({ volumeMounts: { '/mnt/data': volume } });
  await sandbox.files.write('/mnt/data/f', 'x');
});

volumes('with a mount that there is not, there is no sandbox', async (t) => {
  await t.rejects(t.sandbox({ volumeMounts: { '/mnt/data': 'no-such-volume' } }), t.e2b.SandboxError);
});

const secrets = group('secrets');

secrets('list', async (t) => {
  assert.ok(Array.isArray(await t.served(t.e2b.Secret.list().nextItems())));
});

secrets('create', async (t) => {
  await t.served(t.e2b.Secret.create('WARREN_CONFORMANCE', 'v'));
});

const others = group('MCP gateway and workload identity');

others('a sandbox with MCP servers', async (t) => {
  t.keep(await t.served(t.e2b.Sandbox.create('base', { mcp: { github: { token: 'x' } } })));
});

others('a sandbox with an identity', async (t) => {
  await t.served(t.sandbox({ iam: { tokens: { aws: t.e2b.Secret.iamToken({ audience: 'a', tokenType: 'JWT-SVID' }) } } }));
});

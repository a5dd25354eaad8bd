// Sandbox.list: filters, order, pages.

import { randomUUID } from 'node:crypto';
import { assert, group } from './harness.mjs';

const it = group('list of sandboxes');

async function all(paginator) {
  const found = [];
  while (paginator.hasNext) found.push(...(await paginator.nextItems()));
  return found;
}

const ids = (list) => list.map(({ sandboxId }) => sandboxId);

it('has what runs, with what getInfo tells', async (t) => {
  const sandbox = await t.sandbox({ metadata: { of: 'listing' } });
  const found = (await all(t.e2b.Sandbox.list())).find(({ sandboxId }) => sandboxId === sandbox.sandboxId);
  const info = await sandbox.getInfo();
  for (const name of ['templateId', 'state', 'cpuCount', 'memoryMB', 'envdVersion']) assert.equal(found[name], info[name], name);
  assert.deepEqual(found.metadata, { of: 'listing' });
  assert.equal(+found.startedAt, +info.startedAt);
  assert.equal(+found.endAt, +info.endAt);
});

it('has a killed one no more', async (t) => {
  const sandbox = await t.sandbox();
  await sandbox.kill();
  assert.ok(!ids(await all(t.e2b.Sandbox.list())).includes(sandbox.sandboxId));
});

it('by metadata', async (t) => {
  const mark = randomUUID();
  const first = await t.sandbox({ metadata: { mark, n: '1' } });
  const second = await t.sandbox({ metadata: { mark, n: '2' } });
  assert.deepEqual(ids(await all(t.e2b.Sandbox.list({ query: { metadata: { mark } } }))).sort(), ids([first, second]).sort());
  assert.deepEqual(ids(await all(t.e2b.Sandbox.list({ query: { metadata: { mark, n: '2' } } }))), [second.sandboxId]);
  assert.deepEqual(await all(t.e2b.Sandbox.list({ query: { metadata: { mark, n: '3' } } })), []);
});

it('by metadata that needs escapes', async (t) => {
  const metadata = { 'a b&c=d%41': `größe + 1/2 ${randomUUID()}` };
  const sandbox = await t.sandbox({ metadata });
  assert.deepEqual(ids(await all(t.e2b.Sandbox.list({ query: { metadata } }))), [sandbox.sandboxId]);
});

it('by state', async (t) => {
  const mark = randomUUID();
  const running = await t.sandbox({ metadata: { mark } });
  const paused = await t.sandbox({ metadata: { mark } });
  await paused.pause();
  const list = (...state) => all(t.e2b.Sandbox.list({ query: { metadata: { mark }, state } })).then(ids);
  assert.deepEqual(await list('running'), [running.sandboxId]);
  assert.deepEqual(await list('paused'), [paused.sandboxId]);
  assert.equal((await list('running', 'paused')).length, 2);
  assert.equal((await all(t.e2b.Sandbox.list({ query: { metadata: { mark } } }))).length, 2);
});

it('by template', async (t) => {
  const mark = randomUUID();
  const base = await t.sandbox({ metadata: { mark } });
  const code = await t.code({ metadata: { mark } });
  const list = (template) => all(t.e2b.Sandbox.list({ query: { metadata: { mark }, template } })).then(ids);
  assert.deepEqual(await list('base'), [base.sandboxId]);
  assert.deepEqual(await list('code-interpreter-v1'), [code.sandboxId]);
});

it('by the time of its start', async (t) => {
  const mark = randomUUID();
  const sandbox = await t.sandbox({ metadata: { mark } });
  const { startedAt } = await sandbox.getInfo();
  const list = (startedAfter) => all(t.e2b.Sandbox.list({ query: { metadata: { mark }, startedAfter } })).then(ids);
  assert.deepEqual(await list(new Date(+startedAt - 60_000)), [sandbox.sandboxId]);
  assert.deepEqual(await list(new Date(+startedAt + 60_000)), []);
});

it('in pages, the newest first', async (t) => {
  const mark = randomUUID();
  const made = [];
  for (let n = 0; n < 5; ++n) made.push((await t.sandbox({ metadata: { mark } })).sandboxId);
  const paginator = t.e2b.Sandbox.list({ query: { metadata: { mark } }, limit: 2 });
  const pages = [];
  while (paginator.hasNext) pages.push(ids(await paginator.nextItems()));
  assert.deepEqual(pages.map((page) => page.length), [2, 2, 1]);
  assert.deepEqual(pages.flat(), made.toReversed());
  assert.deepEqual(ids(await all(t.e2b.Sandbox.list({ query: { metadata: { mark } }, limit: 2, order: 'asc' }))), made);
}, { seconds: 120 });

it('goes on from a token', async (t) => {
  const mark = randomUUID();
  for (let n = 0; n < 3; ++n) await t.sandbox({ metadata: { mark } });
  const first = t.e2b.Sandbox.list({ query: { metadata: { mark } }, limit: 2 });
  const seen = ids(await first.nextItems());
  assert.ok(first.nextToken);
  const second = t.e2b.Sandbox.list({ query: { metadata: { mark } }, limit: 2, nextToken: first.nextToken });
  const more = ids(await second.nextItems());
  assert.equal(more.length, 1);
  assert.ok(!seen.includes(more[0]));
  assert.equal(second.hasNext, false);
}, { seconds: 120 });

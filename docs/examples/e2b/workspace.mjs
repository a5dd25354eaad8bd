// A workspace that lives longer than its client, with E2B's own SDK: files, commands, a terminal, a web server, a pause, and all
// of it as it was.
//
//     node workspace.mjs
//
// The server is that of E2B_API_URL and E2B_SANDBOX_URL. The exit code is 0 only if all of it is as this says.

import { CommandExitError, Sandbox } from 'e2b';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const PORT = 8000;

async function until(check) {
  for (;;) {
    const found = await check();
    if (found) return found;
    await sleep(50);
  }
}

// What getHost(PORT) names has a name and a certificate of its own where the operator has given it one (--e2b-domain). By these
// headers it is reached without.
function fetchPort(sandbox, port, path) {
  return fetch(`${process.env.E2B_SANDBOX_URL}${path}`, {
    headers: { 'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': String(port) },
  });
}

const sandbox = await Sandbox.create({ timeoutMs: 600_000, lifecycle: { onTimeout: 'pause' } });
try {
  // Files, and who hears of them.
  await sandbox.files.makeDir('site');
  const seen = [];
  const watch = await sandbox.files.watchDir('site', ({ type, name }) => { seen.push(`${type} ${name}`); }, { timeoutMs: 0 });
  await sandbox.files.write([
    { path: 'site/index.html', data: '<h1>hello</h1>\n' },
    { path: 'count.sh', data: 'wc -c <"$1"\nexit 3\n' },
  ]);
  await until(() => seen.includes('write index.html'));
  await watch.stop();

  // Commands, and how they fail.
  const failed = await sandbox.commands.run('bash count.sh site/index.html').catch((error) => error);
  assert.ok(failed instanceof CommandExitError);
  assert.equal(failed.exitCode, 3);
  assert.equal(failed.stdout.trim(), '15');

  // A server that goes on by itself.
  const server = await sandbox.commands.run(`python3 -m http.server ${PORT} --directory site`, { background: true, timeoutMs: 0 });
  const page = await until(async () => {
    const response = await fetchPort(sandbox, PORT, '/index.html');
    return response.ok && response.text();
  });
  assert.equal(page, '<h1>hello</h1>\n');
  await server.disconnect();

  // A pause; then whoever knows the id has it all again.
  await sandbox.pause();
  assert.equal(await sandbox.isRunning(), false);
  const same = await Sandbox.connect(sandbox.sandboxId);
  assert.ok((await same.commands.list()).some(({ pid }) => pid === server.pid));
  assert.equal(await (await fetchPort(same, PORT, '/index.html')).text(), page);

  // A terminal.
  let shown = '';
  const decoder = new TextDecoder();
  const onData = (data) => { shown += decoder.decode(data, { stream: true }); };
  const terminal = await same.pty.create({ cols: 80, rows: 24, onData });
  await same.pty.sendInput(terminal.pid, new TextEncoder().encode('ls site; exit\n'));
  await terminal.wait();
  assert.match(shown, /index\.html/);

  // A link that needs no SDK.
  const link = await same.downloadUrl('site/index.html', { useSignatureExpiration: 60 });
  assert.equal(await (await fetch(link)).text(), page);
  console.log(`workspace: ${seen.length} changes seen, exit code ${failed.exitCode} told, a page served, a pause, a link given`);
} finally {
  await sandbox.kill();
}

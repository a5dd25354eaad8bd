// What tools/demo --e2b shows: E2B's own SDK makes a sandbox, uploads, runs code with a chart, installs a package, downloads and
// kills.
//
//     node tour.mjs [DIRECTORY [PACKAGE]]       where the picture goes; a package that pip finds at the server's own index
//
// The server is that of E2B_API_URL and E2B_SANDBOX_URL. The exit code is 0 only if all of it is as this says.

import { Sandbox } from '@e2b/code-interpreter';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const [directory = '.', wanted] = process.argv.slice(2);
const start = performance.now();
const step = (text) => console.log(`${String(Math.round(performance.now() - start)).padStart(6)} ms  ${text}`);

// The server's own index, and nothing else.
const sandbox = await Sandbox.create({
  network: { allowOut: ['index.warren.internal'], denyOut: ({ allTraffic }) => [allTraffic] },
});
step(`sandbox ${sandbox.sandboxId}`);
try {
  await sandbox.files.write('sales.csv', 'month,sold\nJan,120\nFeb,180\nMar,240\n');
  step('sales.csv is uploaded');

  const { results, error } = await sandbox.runCode(`
import pandas as pd, matplotlib.pyplot as plt
sales = pd.read_csv("sales.csv")
plt.bar(sales.month, sales.sold)
plt.title("Sales")
plt.show()
int(sales.sold.sum())`);
  assert.equal(error, undefined, `${error?.name}: ${error?.value}`);
  const { chart, png } = results.find((result) => result.png);
  const bars = chart.elements.map(({ label, value }) => `${label} ${Number(value)}`).join(', ');
  assert.equal(`${chart.type} ${chart.title}: ${bars}`, 'bar Sales: Jan 120, Feb 180, Mar 240');
  assert.equal(results.at(-1).text, '540');
  await writeFile(join(directory, 'tour.png'), Buffer.from(png, 'base64'));
  step(`a chart: ${chart.title}, ${bars}`);

  let installed = 'nothing installed';
  if (wanted) {
    await sandbox.commands.run(`pip install --quiet ${wanted}`);
    const { text, error: missing } = await sandbox.runCode(
      `import importlib.metadata\nimportlib.metadata.version(${JSON.stringify(wanted)})`);
    assert.equal(missing, undefined, `${missing?.name}: ${missing?.value}`);
    installed = `${wanted} ${text} installed`;
    step(installed);
  }

  const { stdout } = await sandbox.commands.run('sort -t, -k2 -rn sales.csv | head -1 | tee best.txt');
  assert.equal(await sandbox.files.read('best.txt'), stdout);
  step(`best.txt is downloaded: ${stdout.trim()}`);

  assert.equal(await sandbox.kill(), true);
  assert.equal(await sandbox.isRunning(), false);
  console.log(`tour: a sandbox made, a file uploaded, a chart read, ${installed}, a result downloaded, the sandbox killed`);
} finally {
  await sandbox.kill();
}

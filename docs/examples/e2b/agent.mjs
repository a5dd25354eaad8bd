// An agent's loop with E2B's own SDK, on a server that speaks E2B's protocol: data goes in, code that a model wrote is run, its
// errors go back to the model, charts are read, results come out.
//
//     node agent.mjs [DIRECTORY]       where the report and the picture go; default: here
//
// The server is that of E2B_API_URL and E2B_SANDBOX_URL; its template code-interpreter-v1 must have pandas and matplotlib. In
// the place of a model stands a list of what one would answer, with a mistake in it. The exit code is 0 only if all of it is as
// this says.

import { Sandbox } from '@e2b/code-interpreter';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const STATIONS = ['harbour', 'summit', 'valley'];

// A year of daily temperatures.
function makeCsv() {
  const rows = ['day,station,celsius'];
  for (let day = 0; day < 365; ++day) {
    STATIONS.forEach((station, place) => {
      const celsius = 10 + 4 * place - 12 * Math.cos((2 * Math.PI * day) / 365) + ((day * 7 + place) % 5);
      rows.push(`${day},${station},${celsius.toFixed(1)}`);
    });
  }
  return `${rows.join('\n')}\n`;
}

// Put your model here: what was done so far goes in, the next code comes out, nothing at the end.
const ANSWERS = [
  'import pandas as pd\nreadings = pd.read_csv("data/temperatures.csv")\nreadings.head(3)',
  // There is no such column: the error tells.
  'means = readings.groupby("station").temperature.mean()',
  'means = readings.groupby("station").celsius.mean().round(1)\nmeans.to_frame()',
  `import matplotlib.pyplot as plt
plt.bar(means.index, means.values, label="mean")
plt.title("A year of temperatures")
plt.xlabel("Station")
plt.ylabel("Mean (°C)")
plt.show()`,
  'means.to_json("report.json")\nprint("the warmest is", means.idxmax())',
];
async function model(history) {
  return ANSWERS[history.length];
}

const told = ({ error, printed, results }) => {
  if (error) return error;
  return printed.trim() || results.map((result) => result.formats().join('+')).join(', ') || 'done';
};

function observe(execution) {
  if (execution.error) return { error: `${execution.error.name}: ${execution.error.value}` };
  return { printed: execution.logs.stdout.join(''), results: execution.results };
}

async function main(directory) {
  const sandbox = await Sandbox.create({ timeoutMs: 600_000, metadata: { agent: 'temperatures' }, envs: { UNITS: 'celsius' } });
  try {
    const csv = makeCsv();
    await sandbox.files.write('data/temperatures.csv', csv);

    const history = [];
    for (let code; (code = await model(history));) {
      const seen = observe(await sandbox.runCode(code));
      console.log(`step ${history.length + 1}: ${told(seen)}`);
      history.push({ code, seen });
    }

    const table = history[0].seen.results[0].data;
    assert.deepEqual(table.station, STATIONS, 'the first rows, as data');
    assert.match(history[1].seen.error, /AttributeError|KeyError/, 'the mistake is told');

    const { chart, png } = history[3].seen.results.find((result) => result.png);
    assert.equal(chart.type, 'bar');
    assert.equal(chart.title, 'A year of temperatures');
    assert.deepEqual(chart.elements.map(({ label }) => label), STATIONS);
    await writeFile(join(directory, 'temperatures.png'), Buffer.from(png, 'base64'));

    const report = await sandbox.files.read('report.json');
    assert.deepEqual(Object.keys(JSON.parse(report)).sort(), STATIONS);
    await writeFile(join(directory, 'report.json'), report);
    const bars = chart.elements.map(({ label, value }) => `${label} ${Number(value).toFixed(1)}`).join(', ');
    console.log(`agent: ${csv.split('\n').length - 2} rows, ${history.length} steps, 1 mistake mended; ${bars}`);
  } finally {
    await sandbox.kill();
  }
}

await main(process.argv[2] ?? '.');

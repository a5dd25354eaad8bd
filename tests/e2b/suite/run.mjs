// Runs the cases against the server that E2B_API_URL and E2B_SANDBOX_URL name, by the SDK that is installed in a directory:
//
//   node run.mjs SDK_DIR [--keys] [--only PATTERN] [--jobs N] >results.json
//
// --keys: the cases for a server with keys, and no others; E2B_API_KEY is one tenant's, E2B_OTHER_API_KEY another's.
// Progress is told by standard error. It ends with 0 where the cases were run, whatever became of them, and with 1 where the SDK
// threw something away that no case waited for.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cases, runCases } from './harness.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { keys: { type: 'boolean' }, only: { type: 'string' }, jobs: { type: 'string', default: '3' } },
});
if (positionals.length !== 1) {
  console.error('usage: node run.mjs SDK_DIR [--keys] [--only PATTERN] [--jobs N]');
  process.exit(2);
}
const require = createRequire(`${resolve(positionals[0])}/package.json`);
const sdk = {
  e2b: require('e2b'),
  interpreter: require('@e2b/code-interpreter'),
  version: require('e2b/package.json').version,
  interpreterVersion: require('@e2b/code-interpreter/package.json').version,
};

const parts = values.keys
  ? ['keys']
  : ['sandbox', 'listing', 'pausing', 'commands', 'pty', 'files', 'watching', 'urls', 'interpreter', 'results', 'charts',
     'contexts', 'network', 'ports', 'killed', 'unserved'];
for (const part of parts) await import(`./${part}.mjs`);

// What a callback of the SDK's threw away belongs to no case; it is a defect all the same.
const strays = [];
process.on('unhandledRejection', (error) => strays.push(error));

const chosen = cases.filter(({ capability, title }) => !values.only || `${capability}: ${title}`.match(values.only));
const results = await runCases(sdk, chosen, Number(values.jobs));
for (const error of strays) console.error('a rejection that nobody handled:', error);
const told = { e2b: sdk.version, interpreter: sdk.interpreterVersion, results };
process.stdout.write(JSON.stringify(told, null, 1), () => process.exit(strays.length > 0 ? 1 : 0));

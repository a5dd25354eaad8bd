// What E2B's own SDK for JavaScript takes, as its users call it:
//
//   node e2b_sdk.mjs SDK_DIR COMMAND OPTIONS
//
// SDK_DIR: where npm has installed `e2b` and `@e2b/code-interpreter`. OPTIONS: numbers by name, as JSON. The server is the one
// that E2B_API_URL and E2B_SANDBOX_URL name. Prints one JSON object; times are in ns. Or, without OPTIONS, serve-file and
// serve-answers: a bare server to measure beside, which prints its URL as JSON and ends when its standard input does.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const require = createRequire(`${resolve(process.argv[2])}/package.json`);
const { Sandbox } = require('@e2b/code-interpreter');

// With the time that it took.
async function timed(work) {
  const begin = process.hrtime.bigint();
  const value = await work();
  return [Number(process.hrtime.bigint() - begin), value];
}

async function firstCell() {
  const sandbox = await Sandbox.create();
  try {
    const ran = await sandbox.runCode('1+1');
    if (ran.text !== '2') throw new Error(`1+1 came out as ${JSON.stringify(ran)}`);
  } finally {
    sandbox.kill().catch(() => {});
  }
  return sandbox;
}

const COMMANDS = {
  // Sandbox.create → runCode('1+1') done, one after the other.
  async creates({ count, warmup, settle_ms }) {
    const times = { create: [], first_cell: [] };
    for (let n = -warmup; n < count; n += 1) {
      await setTimeout(settle_ms);
      const [create, sandbox] = await timed(() => Sandbox.create());
      const [cell, ran] = await timed(() => sandbox.runCode('1+1'));
      if (ran.text !== '2') throw new Error(`1+1 came out as ${JSON.stringify(ran)}`);
      await sandbox.kill();
      if (n < 0) continue;
      times.create.push(create);
      times.first_cell.push(create + cell);
    }
    return times;
  },

  async commands({ count, warmup }) {
    const sandbox = await Sandbox.create();
    const times = [];
    for (let n = -warmup; n < count; n += 1) {
      const [time] = await timed(() => sandbox.commands.run('true'));
      if (n >= 0) times.push(time);
    }
    await sandbox.kill();
    return { command: times };
  },

  // A file of so many bytes written and read again; its length and its end are looked at.
  async files({ bytes, rounds }) {
    const sandbox = await Sandbox.create();
    const data = new Uint8Array(bytes).fill(0x57);
    const times = { write: [], read: [] };
    for (let n = 0; n < rounds; n += 1) {
      const [write] = await timed(() => sandbox.files.write('data.bin', data.buffer));
      const [read, back] = await timed(() => sandbox.files.read('data.bin', { format: 'bytes' }));
      if (back.length !== bytes || back[bytes - 1] !== 0x57) throw new Error(`${back.length} of ${bytes} bytes came back`);
      times.write.push(write);
      times.read.push(read);
    }
    await sandbox.kill();
    return times;
  },

  // The same bytes without the SDK to and from a server of Node's own that keeps them (serve-file): what HTTP costs alone.
  async bare({ bytes, rounds }) {
    const url = process.env.E2B_SANDBOX_URL;
    const data = new Uint8Array(bytes).fill(0x57);
    const times = { write: [], read: [] };
    for (let n = 0; n < rounds; n += 1) {
      const [write] = await timed(async () => (await fetch(url, { method: 'POST', body: data.buffer })).arrayBuffer());
      const [read, back] = await timed(async () => (await fetch(url)).arrayBuffer());
      if (back.byteLength !== bytes) throw new Error(`${back.byteLength} of ${bytes} bytes came back`);
      times.write.push(write);
      times.read.push(read);
    }
    return times;
  },

  // So many at once; what fails is counted.
  async burst({ clients }) {
    const told = { first_cell: [], failed: 0, first_error: '' };
    const begin = process.hrtime.bigint();
    await Promise.all(Array.from({ length: clients }, async () => {
      try {
        await firstCell();
        told.first_cell.push(Number(process.hrtime.bigint() - begin));
      } catch (error) {
        told.failed += 1;
        told.first_error ||= String(error);
      }
    }));
    return told;
  },
};

function listen(answer) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
  process.stdin.resume().on('end', () => process.exit(0));
}

// What the door answers to a create, and to the cell `1+1`: as many bytes, in as many chunks.
const MADE = JSON.stringify({
  alias: 'code-interpreter-v1',
  clientID: 'warren',
  domain: null,
  envdAccessToken: '0'.repeat(64),
  envdVersion: '0.6.4',
  sandboxID: 's'.repeat(22),
  templateID: 'code-interpreter-v1',
});
const CELL = [
  '{"type":"result","is_main_result":true,"text":"2","extra":{}}\n',
  '{"type":"number_of_executions","execution_count":1}\n{"type":"end_of_execution"}\n',
];

const SERVERS = {
  // Keeps the file that it was sent last.
  'serve-file'() {
    let kept = Buffer.alloc(0);
    listen(async (request, response) => {
      if (request.method !== 'POST') return response.end(kept);
      const parts = [];
      for await (const part of request) parts.push(part);
      kept = Buffer.concat(parts);
      response.end();
    });
  },

  // Has no sandbox: as soon as it has a request it says what the door would in the end. What it was asked for it does not look
  // at but to tell a create, a cell and a kill apart, so that an SDK of whichever version gets its answer.
  'serve-answers'() {
    listen((request, response) => {
      request.resume().on('end', () => {
        if (request.method === 'DELETE') {
          response.writeHead(204).end();
        } else if (request.url === '/execute') {
          response.writeHead(200, { 'Content-Type': 'application/json' });
          for (const lines of CELL) response.write(lines);
          response.end();
        } else {
          response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': MADE.length }).end(MADE);
        }
      });
    });
  },
};

const command = process.argv[3];
if (command in SERVERS) {
  SERVERS[command]();
} else {
  const told = await COMMANDS[command](JSON.parse(process.argv[4]));
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
}

// sandbox.runCode.

import { assert, group, sleep } from './harness.mjs';

const it = group('running code');

it('the value of the last line', async (t) => {
  const sandbox = await t.code();
  const execution = await sandbox.runCode('1 + 1');
  assert.equal(execution.text, '2');
  assert.equal(execution.results.length, 1);
  assert.equal(execution.results[0].isMainResult, true);
  assert.equal(execution.error, undefined);
  assert.deepEqual(execution.logs, { stdout: [], stderr: [] });
});

it('a text is given without its quotes', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('"it is"')).text, 'it is');
});

it('no value, no result', async (t) => {
  const sandbox = await t.code();
  const execution = await sandbox.runCode('x = 1');
  assert.equal(execution.text, undefined);
  assert.deepEqual(execution.results, []);
  assert.equal((await sandbox.runCode('')).error, undefined);
});

it('state is kept from call to call', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('x = 41\ndef add(n):\n    return x + n');
  await sandbox.runCode('import math');
  assert.equal((await sandbox.runCode('add(1), math.floor(2.5)')).text, '(42, 2)');
});

it('executions are counted', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('1')).executionCount, 1);
  assert.equal((await sandbox.runCode('1/0')).executionCount, 2);
  assert.equal((await sandbox.runCode('x = 1')).executionCount, 3);
});

it('what it prints', async (t) => {
  const sandbox = await t.code();
  const { logs } = await sandbox.runCode('import sys\nprint("out")\nprint("err", file=sys.stderr)\nprint("more")');
  assert.equal(logs.stdout.join(''), 'out\nmore\n');
  assert.equal(logs.stderr.join(''), 'err\n');
});

it('the callbacks', async (t) => {
  const sandbox = await t.code();
  const told = { out: '', err: '', results: [], errors: [] };
  const execution = await sandbox.runCode('import sys\nprint("a")\nprint("b", file=sys.stderr)\ndisplay(1)\n1/0', {
    onStdout: (message) => { told.out += message.line; assert.equal(message.error, false); },
    onStderr: (message) => { told.err += message.line; assert.equal(message.error, true); },
    onResult: (result) => { told.results.push(result.text); },
    onError: (error) => { told.errors.push(error.name); },
  });
  assert.deepEqual(told, { out: 'a\n', err: 'b\n', results: ['1'], errors: ['ZeroDivisionError'] });
  assert.equal(execution.error.name, 'ZeroDivisionError');
});

it('output comes while it runs', async (t) => {
  const sandbox = await t.code();
  let out = '';
  const running = sandbox.runCode('import os, time\nprint("up", flush=True)\n' +
                                  'while not os.path.exists("go"): time.sleep(0.05)\nprint("done")',
                                  { onStdout: ({ line }) => { out += line; } });
  await t.until(() => out === 'up\n');
  await sandbox.files.write('go', '');
  await running;
  assert.equal(out, 'up\ndone\n');
});

it('an exception: name, value and traceback', async (t) => {
  const sandbox = await t.code();
  const { error, text } = await sandbox.runCode('def half(n):\n    return n / 0\nhalf(1)');
  assert.equal(error.name, 'ZeroDivisionError');
  assert.equal(error.value, 'division by zero');
  assert.match(error.traceback, /half/);
  assert.match(error.traceback, /ZeroDivisionError/);
  assert.ok(!error.traceback.includes('\x1b'), 'without colours');
  assert.equal(text, undefined);
  assert.equal((await sandbox.runCode('"alive"')).text, 'alive');
});

it('what came before an exception is kept', async (t) => {
  const sandbox = await t.code();
  const execution = await sandbox.runCode('print("before")\ndisplay("shown")\nraise ValueError("grüße")');
  assert.equal(execution.logs.stdout.join(''), 'before\n');
  assert.equal(execution.results.length, 1);
  assert.equal(execution.error.value, 'grüße');
});

it('a syntax error', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('for')).error.name, 'SyntaxError');
});

it('an exception of its own class', async (t) => {
  const sandbox = await t.code();
  const { error } = await sandbox.runCode('class Lost(Exception): pass\nraise Lost("a", 1)');
  assert.equal(error.name, 'Lost');
  assert.equal(error.value, "('a', 1)");
});

it('sys.exit is told, and the next call runs', async (t) => {
  const sandbox = await t.code();
  const { error } = await sandbox.runCode('import sys; sys.exit(3)');
  assert.equal(error?.name, 'SystemExit');
  assert.equal((await sandbox.runCode('1 + 1')).text, '2');
});

it('characters of several bytes, however they are cut', async (t) => {
  const sandbox = await t.code();
  const { logs, text } = await sandbox.runCode('print("größe 日本 😀" * 5000)\n"ü😀"');
  assert.equal(logs.stdout.join(''), `${'größe 日本 😀'.repeat(5000)}\n`);
  assert.equal(text, 'ü😀');
});

it('a mebibyte of output', async (t) => {
  const sandbox = await t.code();
  const { logs } = await sandbox.runCode('for n in range(16384): print("x" * 63)');
  assert.equal(logs.stdout.join('').length, 1 << 20);
});

it('a long value is not cut', async (t) => {
  const sandbox = await t.code();
  const { text } = await sandbox.runCode('list(range(5000))');
  assert.match(text, /^\[0,/);
  assert.match(text, /4999\]$/);
  assert.ok(!text.includes('...'));
});

it('shell lines and magics', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('!echo $((6*7))')).logs.stdout.join('').trim(), '42');
  assert.equal((await sandbox.runCode('%%bash\necho from bash')).logs.stdout.join(''), 'from bash\n');
});

it('await at the top', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('import asyncio\nawait asyncio.sleep(0.01)\n"woke"')).text, 'woke');
});

it('who and where it runs', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('import os, getpass; os.getcwd()')).text, '/home/user');
});

it('files go to and fro', async (t) => {
  const sandbox = await t.code();
  await sandbox.files.write('in.csv', 'a,b\n1,2\n3,4\n');
  const code = 'import pandas as pd\nd = pd.read_csv("in.csv")\nd.to_json("out.json")\nint(d.b.sum())';
  assert.equal((await sandbox.runCode(code)).text, '6');
  assert.deepEqual(JSON.parse(await sandbox.files.read('out.json')), { a: { 0: 1, 1: 3 }, b: { 0: 2, 1: 4 } });
  assert.equal((await sandbox.commands.run('wc -l <in.csv')).stdout.trim(), '3');
});

it('the data packages are there', async (t) => {
  const sandbox = await t.code();
  const { text, error } = await sandbox.runCode('import numpy, pandas, matplotlib, scipy, sklearn\n"all"');
  assert.equal(text, 'all', error?.value);
}, { seconds: 120 });

it('envs of a call are there for that call alone', async (t) => {
  const sandbox = await t.code({ envs: { WHO: 'sandbox' } });
  const who = 'import os; os.environ.get("WHO"), os.environ.get("NEW")';
  assert.equal((await sandbox.runCode(who, { envs: { WHO: 'call', NEW: '1' } })).text, "('call', '1')");
  assert.equal((await sandbox.runCode(who)).text, "('sandbox', None)");
  await sandbox.runCode('1/0', { envs: { WHO: 'call' } });
  assert.equal((await sandbox.runCode(who)).text, "('sandbox', None)");
});

it('timeoutMs ends the call with a TimeoutError', async (t) => {
  const sandbox = await t.code();
  await t.rejects(sandbox.runCode('import time; time.sleep(600)', { timeoutMs: 1000 }), t.e2b.TimeoutError, /timed out/);
});

it('what a client has left does not block the next call', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('kept = 1');
  await t.rejects(sandbox.runCode('import time\nwhile True: time.sleep(0.1)', { timeoutMs: 1000 }), t.e2b.TimeoutError);
  assert.equal((await sandbox.runCode('kept + 1')).text, '2');
});

it('timeoutMs 0 is no limit', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('import time; time.sleep(1.5); "over"', { timeoutMs: 0 })).text, 'over');
});

it('a silence longer than that of a keepalive', async (t) => {
  const sandbox = await t.code();
  assert.equal((await sandbox.runCode('import time; time.sleep(7); "over"')).text, 'over');
});

it('calls wait for each other, in their order', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('seen = []');
  const done = await Promise.all([1, 2, 3, 4].map(async (n) => {
    await sleep(n * 60);
    return sandbox.runCode(`import time\nseen.append(${n})\ntime.sleep(0.3)\nseen.append(-${n})\n${n}`);
  }));
  assert.deepEqual(done.map(({ text }) => text), ['1', '2', '3', '4']);
  assert.equal((await sandbox.runCode('seen')).text, '[1, -1, 2, -2, 3, -3, 4, -4]');
});

it('another instance has the same variables', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('x = 41');
  const same = await t.interpreter.Sandbox.connect(sandbox.sandboxId);
  assert.equal((await same.runCode('x + 1')).text, '42');
});

it('a context and a language together are refused', async (t) => {
  const sandbox = await t.code();
  const context = await sandbox.createCodeContext();
  await t.rejects(sandbox.runCode('1', { context, language: 'python' }), t.e2b.InvalidArgumentError);
});

it('in the base template too', async (t) => {
  const sandbox = t.keep(await t.interpreter.Sandbox.create('base'));
  assert.equal((await sandbox.runCode('6 * 7')).text, '42');
});

const languages = group('languages');

// The data-science template has no node.
const IN_BASE = new Set(['javascript', 'js']);
// What each prints 42 by.
const PROGRAMS = {
  python: 'print(6 * 7)', bash: 'echo $((6 * 7))', javascript: 'console.log(6 * 7)', js: 'console.log(6 * 7)',
  typescript: 'const n: number = 6 * 7; console.log(n)', ts: 'const n: number = 6 * 7; console.log(n)', r: 'cat(6 * 7)',
  java: 'System.out.println(6 * 7);',
};

for (const [language, program] of Object.entries(PROGRAMS)) {
  languages(`runCode in ${language}`, async (t) => {
    const sandbox = IN_BASE.has(language) ? t.keep(await t.interpreter.Sandbox.create('base')) : await t.code();
    const running = sandbox.runCode(program, { language });
    const execution = await (IN_BASE.has(language) ? running : t.language(running));
    assert.equal(execution.error, undefined, execution.error?.value);
    assert.equal(execution.logs.stdout.join('').trim(), '42');
  });
}

languages('state is kept in bash', async (t) => {
  const sandbox = await t.code();
  await sandbox.runCode('x=41; cd /tmp', { language: 'bash' });
  assert.equal((await sandbox.runCode('echo $((x + 1)) $PWD', { language: 'bash' })).logs.stdout.join(''), '42 /tmp\n');
});

languages('envs in bash', async (t) => {
  const sandbox = await t.code({ envs: { WHO: 'sandbox' } });
  assert.equal((await sandbox.runCode('echo $WHO', { language: 'bash' })).logs.stdout.join(''), 'sandbox\n');
  assert.equal((await sandbox.runCode('echo $WHO', { language: 'bash', envs: { WHO: 'call' } })).logs.stdout.join(''), 'call\n');
});

languages('javascript as E2B has it', async (t) => {
  const sandbox = t.keep(await t.interpreter.Sandbox.create('base', { envs: { WHO: 'sandbox' } }));
  const run = (code, options) => sandbox.runCode(code, { language: 'js', ...options });
  assert.equal((await run('const x = 41; let y = 1; x')).text, '41');
  assert.equal((await run('const x = 42; x')).text, '42', 'declared anew');
  assert.equal((await run('await new Promise((done) => setTimeout(done, 10, x + y))')).text, '43');
  assert.equal((await run('import path, { basename } from "path"\nbasename("/a/b") + path.sep')).text, 'b/');
  assert.equal((await run('async function main() { await null; console.log("in main") }\nmain()')).logs.stdout.join(''), 'in main\n');
  const { error } = await run('function f() { throw new RangeError("too far") }\nf()');
  assert.deepEqual([error.name, error.value], ['RangeError', 'too far']);
  assert.match(error.traceback, /at f \(/);
  assert.equal((await run('process.env.WHO', { envs: { WHO: 'call' } })).text, 'call');
  assert.equal((await run('process.env.WHO')).text, 'sandbox');
  await t.rejects(run('while (true) {}', { timeoutMs: 1000 }), t.e2b.TimeoutError);
  assert.equal((await run('x + y')).text, '43', 'after a loop without an end');
});

languages('one that there is not', async (t) => {
  const sandbox = await t.code();
  const error = await t.rejects(sandbox.runCode('1', { language: 'klingon' }), t.e2b.SandboxError);
  assert.ok(!(error instanceof t.e2b.TimeoutError), String(error));
});

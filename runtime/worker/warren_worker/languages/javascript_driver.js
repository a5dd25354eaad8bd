// The process of a JavaScript context, with its end of the channel as fd 3. The body of a function, which javascript_start.js calls:
// sources: {file name: text}; importModule: import(), as a function.
//
// This thread, node's own, runs the cells, by V8's own console mode (Runtime.evaluate with replMode): await at the top,
// const and let that may be declared anew, the value of the last expression. A second thread (javascript_control.js) has the
// channel, and ends what does not end by itself: nothing that a cell does to its own globals reaches it.
//
// Node makes what it inherits close-on-exec as it starts, fd 3 too: no program of a cell's has the channel.
'use strict';

const fs = require('node:fs');
const inspector = require('node:inspector');
const Module = require('node:module');
const path = require('node:path');
const { Writable } = require('node:stream');
const { inspect, types } = require('node:util');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { MessageChannel, Worker } = require('node:worker_threads');

const imports = { exports: {} };
vm.compileFunction(sources['javascript_imports.js'], ['module'], { filename: 'javascript_imports.js' })(imports);
const { replaceImports } = imports.exports;
const OWN_FILE = 'javascript_driver.js';

const IMPORT = '__warren_import';
// As Deno has it: a method that gives a bundle, MIME type to data.
const DISPLAY = Symbol.for('Jupyter.display');

const session = new inspector.Session();
session.connect();

// Of the cells that were given up, the last.
const givenUp = new Int32Array(new SharedArrayBuffer(4));
// The cell that runs: {number, env, before}.
let current = null;

// ---- Output

// Node's own streams would make the pipes non-blocking for everybody who has them.
function outputStream(fd) {
  const write = (data) => {
    for (let done = 0; done < data.length;) {
      try {
        done += fs.writeSync(fd, data, done);
      } catch (error) {
        // Somebody else has made it non-blocking.
        if (error.code !== 'EAGAIN') return error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
    return null;
  };
  const stream = new Writable({ decodeStrings: true, write: (data, encoding, done) => done(write(data)) });
  // Of a cell that has closed the descriptor: as node has it of its own, nothing is said.
  stream.on('error', () => {});
  stream.destroy = () => stream;
  return Object.assign(stream, { fd, _type: 'fs' });
}

for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
  Object.defineProperty(process, name, { configurable: true, enumerable: true, value: outputStream(fd) });
}

const complain = (text) => { process.stderr.write(`${text}\n`); };

// ---- What a cell finds in its globals beside node's own

let directory;
let requireThere;
let importer;

// Of the directory that the process is in now.
function loader() {
  let now = directory ?? '/';
  try {
    now = process.cwd();
  } catch {
    // It was removed.
  }
  if (now !== directory) {
    directory = now;
    importer = undefined;
    requireThere = Module.createRequire(path.join(now, 'cell.js'));
  }
  return requireThere;
}

// import() from a file in that directory.
function importThere(...request) {
  loader();
  importer ??= makeImporter(path.join(directory, 'cell.js'));
  const { emitWarning } = process;
  // That node's way to this is experimental is not the cell's concern.
  process.emitWarning = () => {};
  try {
    return importer(...request);
  } finally {
    process.emitWarning = emitWarning;
  }
}

function makeImporter(filename) {
  const how = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  if (how === undefined) {
    // An older node: packages are looked for as require() does.
    const isUrl = (name) => Module.isBuiltin(name) || /^(node|file|data):/.test(name);
    return (name, options) => importModule(isUrl(name) ? name : pathToFileURL(requireThere.resolve(name)), options);
  }
  return vm.runInThisContext('(name, options) => import(name, options)', { filename, importModuleDynamically: how });
}

function defineGlobals() {
  const module = new Module('<cell>');
  const require = (name) => loader()(name);
  for (const name of ['resolve', 'cache', 'extensions']) {
    Object.defineProperty(require, name, { enumerable: true, get: () => loader()[name] });
  }
  // What asks whether it is the program is.
  require.main = module;
  const values = { require, module, exports: module.exports, [IMPORT]: importThere };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, enumerable: false, value });
  }
  const places = { __dirname: () => (loader(), directory), __filename: () => (loader(), path.join(directory, 'cell.js')) };
  for (const [name, get] of Object.entries(places)) {
    Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, get,
                                              set: (value) => Object.defineProperty(globalThis, name, { value, writable: true }) });
  }
}

// ---- What is told of a cell

// Of a stack, what is the cell's: not the frames of ours that called it.
Error.prepareStackTrace = (error, frames) => {
  let end = frames.findIndex((frame) => frame.getFileName() === OWN_FILE);
  if (end > 0 && frames[end - 1].getFileName() === 'node:inspector') end -= 1;
  const lines = (end < 0 ? frames : frames.slice(0, end)).map((frame) => `\n    at ${frame}`);
  return textOf(() => Error.prototype.toString.call(error), 'Error') + lines.join('');
};

function textOf(get, otherwise) {
  try {
    const text = get();
    return typeof text === 'string' ? text : otherwise;
  } catch {
    return otherwise;
  }
}

// where: of a syntax error, the line that it is in; or nothing.
function describe(error, where = '') {
  if (!types.isNativeError(error) && !(error instanceof Error)) {
    const value = textOf(() => inspect(error), '');
    return { name: 'Error', value, traceback: `Uncaught ${value}` };
  }
  const name = textOf(() => error.name, 'Error');
  const value = textOf(() => error.message, '');
  let traceback = where + textOf(() => error.stack, `${name}: ${value}`);
  const cause = textOf(() => (error.cause === undefined ? '' : inspect(error.cause)), '');
  if (cause) traceback += `\n[cause]: ${cause}`;
  return { name, value, traceback };
}

function whereOf(source, details) {
  // It was not run where it is no syntax error, which V8 tells by a script of its own.
  if (details.exception?.className !== 'SyntaxError' || details.stackTrace?.callFrames.length || details.scriptId === undefined) return '';
  const line = source.split('\n')[details.lineNumber];
  if (line === undefined || line.length > 1000) return '';
  return `<cell-${current.number}>:${details.lineNumber + 1}\n${line}\n${' '.repeat(details.columnNumber)}^\n\n`;
}

async function bundleOf(value) {
  if (value === undefined) return undefined;
  const show = value !== null && typeof value === 'object' ? value[DISPLAY] : undefined;
  if (typeof show !== 'function') return { 'text/plain': inspect(value, { maxStringLength: Infinity }) };
  const bundle = {};
  for (const [type, data] of Object.entries(await show.call(value))) {
    if (data !== undefined) bundle[type] = typeof data === 'string' ? data : JSON.stringify(data);
  }
  return bundle;
}

// ---- Cells

function setEnvironment(cell) {
  cell.before = cell.env.map(([name]) => [name, process.env[name]]);
  for (const [name, value] of cell.env) process.env[name] = value;
}

function restoreEnvironment(cell) {
  for (const [name, value] of cell.before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

function finish(cell, told) {
  // One that was given up may come to its end all the same.
  if (current !== cell) return;
  restoreEnvironment(cell);
  current = null;
  port.postMessage({ number: cell.number, ...told });
}

const fail = (cell, error, where) => finish(cell, { error: describe(error, where) });

// The value that the protocol describes: by a function of ours, which is called with it.
let taken;
let takerId;

function take({ objectId, unserializableValue, value }) {
  const argument = objectId ? { objectId } : unserializableValue ? { unserializableValue } : { value };
  session.post('Runtime.callFunctionOn',
               { objectId: takerId, functionDeclaration: 'function (value) { this(value) }', arguments: [argument], silent: true });
  const value_ = taken;
  taken = undefined;
  return value_;
}

function makeTaker() {
  const name = '__warren_take';
  globalThis[name] = (value) => { taken = value; };
  session.post('Runtime.evaluate', { expression: name }, (error, answer) => { takerId = answer.result.objectId; });
  delete globalThis[name];
}

async function succeed(cell, value) {
  try {
    // A promise is what it comes to.
    finish(cell, { bundle: await bundleOf(types.isPromise(value) ? await value : value) });
  } catch (error) {
    fail(cell, error);
  }
}

function run(cell) {
  if (Atomics.load(givenUp, 0) >= cell.number) return;
  current = cell;
  setEnvironment(cell);
  const source = replaceImports(cell.code, IMPORT);
  session.post('Runtime.evaluate', {
    expression: `${source}\n//# sourceURL=<cell-${cell.number}>`,
    objectGroup: 'cell', replMode: true, awaitPromise: true, silent: true,
  }, (error, answer) => {
    if (current !== cell) return;
    // What it waits for is gone, say.
    if (error) fail(cell, new Error(error.message));
    else if (answer.exceptionDetails) fail(cell, take(answer.exceptionDetails.exception), whereOf(source, answer.exceptionDetails));
    else succeed(cell, take(answer.result));
    session.post('Runtime.releaseObjectGroup', { objectGroup: 'cell' });
  });
}

function giveUp(number) {
  if (current?.number === number) {
    restoreEnvironment(current);
    current = null;
  }
  port.postMessage({ gaveUp: number });
}

// What is thrown between cells, or beside them, is said, and ends nothing.
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    if (process.listenerCount(event) === 1) complain(`Uncaught ${describe(error).traceback.replace(/^Uncaught /, '')}`);
  });
}

process.on('exit', () => {
  // It has no end that would be told.
  current = null;
  // Node would say that it waits for a debugger.
  session.disconnect();
});

const { port1: port, port2 } = new MessageChannel();
makeTaker();
// After node has defined its own, as it does for -e; before the first cell.
setImmediate(defineGlobals);
process.argv.length = 1;
port.on('message', (message) => (message.giveUp === undefined ? run(message) : giveUp(message.giveUp)));
// It holds the process as long as it lives.
new Worker(sources['javascript_control.js'],
           { eval: true, workerData: { port: port2, givenUp }, transferList: [port2], argv: [], execArgv: [], stdin: false });

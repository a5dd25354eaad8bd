// The thread of a JavaScript context that speaks with the worker, over fd 3: a line of JSON each way for each cell. See
// javascript_driver.js, whose thread runs the cells and may be busy for ever.
//
//   {number, code, env: [[name, value]]} -> {number, bundle or error, or neither}
//   {interrupt: number} -> {number, interrupted: true}, or what became of the cell
'use strict';

const inspector = require('node:inspector');
const net = require('node:net');
const { workerData } = require('node:worker_threads');

const { port, givenUp } = workerData;
// From an interrupt until what still runs is terminated, and then again.
const TERMINATE_MS = 20;
// Bytes of a line: what is longer is no use to the worker.
const MAX_LINE = 8 * 1024 * 1024;

const channel = new net.Socket({ fd: 3, readable: true, writable: true });
const end = () => process.kill(process.pid, 'SIGKILL');

// Of the cell: its number, what it came to, and whether it is interrupted.
let running = 0;
let told = null;
let interrupted = false;
// A termination that has not hit anything yet: it would hit the next cell.
let terminating = false;
let timer = null;

function send(message) {
  let line = JSON.stringify(message);
  if (Buffer.byteLength(line) > MAX_LINE) {
    const text = `[left out: a result of ${line.length} characters: write larger results to a file]`;
    line = JSON.stringify({ number: message.number, bundle: { 'text/plain': text } });
  }
  // Ends what a cell may have begun.
  channel.write(`\n${line}\n`);
}

function tellIfOver() {
  if (running === 0 || told === null || terminating) return;
  clearTimeout(timer);
  send(told);
  running = 0;
}

// Asks until there is an answer, and makes what does not come to the question come to its end.
function insist() {
  if (told === null && !terminating) {
    terminating = true;
    // Not for longer: node would wait for it as it ends.
    const session = new inspector.Session();
    session.connectToMainThread();
    session.post('Runtime.terminateExecution', () => {
      session.disconnect();
      terminating = false;
      tellIfOver();
    });
  }
  askAgainLater();
}

function askAgainLater() {
  port.postMessage({ giveUp: running });
  timer = setTimeout(insist, TERMINATE_MS);
}

function interrupt(number) {
  if (number !== running || interrupted) return;
  interrupted = true;
  // For the one that the other thread has not begun with.
  Atomics.store(givenUp, 0, number);
  askAgainLater();
}

function begin(cell) {
  running = cell.number;
  told = null;
  interrupted = false;
  port.postMessage(cell);
}

port.on('message', (message) => {
  if (message.gaveUp !== undefined) {
    if (message.gaveUp !== running) return;
    told ??= { number: running, interrupted: true };
  } else if (message.number === running) {
    // What we have terminated fails by that.
    told ??= interrupted && message.error ? { number: running, interrupted: true } : message;
  }
  tellIfOver();
});

let pieces = [];
channel.on('data', (data) => {
  const lines = data.toString('latin1').split('\n');
  // All of it is ASCII.
  pieces.push(lines[0]);
  for (const line of lines.slice(1)) {
    const message = JSON.parse(pieces.join(''));
    pieces = [line];
    if (message.interrupt === undefined) begin(message);
    else interrupt(message.interrupt);
  }
});
// The context has ended, or a cell has taken the channel away.
channel.on('end', end);
channel.on('error', end);
send({ number: 0 });

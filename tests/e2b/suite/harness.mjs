// What the cases have in common: how one is declared, what it is given, and how it is run and told of.
//
// A case is a function of a Tools. It passes where it returns, does not apply where it throws NotApplicable, and fails where
// it throws anything else, or has not returned in its time.

import assert from 'node:assert/strict';

export { assert };

export class NotApplicable extends Error {}

// How much slower than the machine that the bounds were made for this one is: as the tests in Python have it.
const pace = Math.max(1, Number(process.env.WARREN_PACE) || 1);

export const cases = [];

// group(capability) -> it(title, body, {seconds}): declares cases. `seconds` is what only a hang takes.
export function group(capability) {
  return (title, body, { seconds = 60 } = {}) => cases.push({ capability, title, body, limit: seconds * 1000 * pace });
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const firstLines = (error) => {
  const cause = error?.cause ? ` (${error.cause.code ?? ''} ${error.cause.message})` : '';
  const text = error instanceof Error ? `${error.name}: ${error.message}${cause}` : String(error);
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
};

// What a case is given. Whatever sandbox it makes is gone when it is over.
class Tools {
  #sandboxes = [];
  #over = false;

  constructor(sdk) {
    this.sdk = sdk;
    // The base SDK and the code interpreter's: modules.
    this.e2b = sdk.e2b;
    this.interpreter = sdk.interpreter;
    this.url = process.env.E2B_SANDBOX_URL;
  }

  keep(sandbox) {
    this.#sandboxes.push(sandbox);
    return sandbox;
  }

  // A sandbox of the base SDK, and one of the code interpreter's.
  async sandbox(options) {
    return this.keep(await this.e2b.Sandbox.create(options));
  }

  async code(options) {
    return this.keep(await this.interpreter.Sandbox.create(options));
  }

  // Waits until check() gives something: as long as the case may take.
  async until(check) {
    while (!this.#over) {
      const found = await check();
      if (found) return found;
      await sleep(20);
    }
    throw new Error('the case was over');
  }

  // What the promise gives; where the server says that it does not have this (501, or no such endpoint), in E2B's own form, the
  // case does not apply. That answer must be a quick one.
  async served(promise) {
    const start = performance.now();
    try {
      return await promise;
    } catch (error) {
      const known = ['SandboxError', 'TemplateError', 'BuildError', 'FileUploadError', 'VolumeError', 'SecretError'];
      if (!known.includes(error.name) || !/\b501\b|this server has no/.test(error.message)) throw error;
      assert.ok(performance.now() - start < 10_000 * pace, `it took its time to say: ${error.message}`);
      throw new NotApplicable(error.message);
    }
  }

  // The same of code in a language that the template may not have: the code interpreter answers 4xx or 501, and its SDK tells no
  // more than that.
  async language(promise) {
    try {
      return await promise;
    } catch (error) {
      if (error.name !== 'SandboxError' || !/^(400|404|501) /.test(error.message)) throw error;
      throw new NotApplicable(`the template has not this language: ${error.message}`);
    }
  }

  // The error that the promise must end with: of this class of the SDK's, with these words.
  async rejects(promise, type, words) {
    let error;
    try {
      await promise;
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error, `nothing was thrown where ${type.name} is due`);
    assert.ok(error instanceof type, `${type.name} is due, and not ${firstLines(error)}`);
    if (words) assert.match(error.message, words);
    return error;
  }

  // A request to a port of a sandbox's, by the headers that the SDKs route by.
  fetchPort(sandbox, port, path = '/', options = {}) {
    const headers = { 'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': String(port), ...options.headers };
    return fetch(this.url + path, { ...options, headers });
  }

  async close() {
    this.#over = true;
    await Promise.allSettled(this.#sandboxes.map((sandbox) => sandbox.kill({ requestTimeoutMs: 30_000 * pace })));
  }
}

async function runCase(sdk, { capability, title, body, limit }) {
  const tools = new Tools(sdk);
  const start = performance.now();
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`it was not done within ${limit / 1000} s`)), limit);
  });
  let outcome = 'passed';
  let reason = '';
  const running = body(tools);
  try {
    await Promise.race([running, late]);
  } catch (error) {
    outcome = error instanceof NotApplicable ? 'not_applicable' : 'failed';
    reason = error instanceof NotApplicable ? error.message : firstLines(error);
  }
  clearTimeout(timer);
  await tools.close();
  // One that was late ends when its sandbox has gone, or not at all.
  running.catch(() => {});
  return { capability, case: title, outcome, reason, ms: Math.round(performance.now() - start) };
}

// Runs the cases, so many at a time: their results, in the order of the cases.
export async function runCases(sdk, chosen, jobs) {
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < chosen.length) {
      const index = next++;
      results[index] = await runCase(sdk, chosen[index]);
      const { capability, case: title, outcome, reason, ms } = results[index];
      console.error(`${outcome.padEnd(14)} ${String(ms).padStart(6)} ms  ${capability}: ${title}${reason && `: ${reason}`}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

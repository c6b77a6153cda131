// A process that waits to be forked: before it has any code of a function's (a placeholder), or after it has run the
// function's own initialisation once (a template). Each child is an instance, in a sandbox of its own.
//
// What must not be the same in two instances is put right in the child: chance, the environment, the pid, credentials
// that an SDK has already read. What cannot be put right (workers, timers, and whatever the host sees from outside: open
// files and sockets, threads, other processes, files in /tmp) makes a template unsafe; it says so, and instances are
// started in another way.
"use strict";

const fs = require("node:fs");
const net = require("node:net");
const { Connection, HEARD } = require("./connection.js");
const { Invocation } = require("./invocation.js");

const CONTROL = 4;
const ROUNDS = 20;
// How long files are read at most before code is said to wait for them, in milliseconds.
const READS = 1000;
// Pools of random bytes that libraries fill ahead are at least so large; keys are smaller.
const POOL = 128;

// What functions usually have in their environment, and what is another in each instance of one.
const USUAL =
  "AWS_REGION AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT AWS_LAMBDA_RUNTIME_API AWS_ENDPOINT_URL LANG NODE_PATH TABLE_NAME BUCKET_NAME".split(
    " ",
  );
const OF_EACH = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_STREAM_NAME"];

/** Waits to be forked; resolves in a child, to what `load` gave if there was code to load. `go` is the way of an instance
 * to its first answer. */
async function wait(library, load, go) {
  const addon = open(library);
  const isPlaceholder = !process.env.FULMAR_CODE;
  await warm(addon);
  const told = Buffer.alloc(16);
  fs.writeSync(CONTROL, "booted");
  fs.readSync(CONTROL, told);
  const watch = isPlaceholder ? undefined : new Watch(addon);
  let loaded;
  if (!isPlaceholder) {
    try {
      loaded = await load();
      // What was begun and not waited for goes on, and is seen.
      await new Promise(setImmediate);
      await watch.settle();
    } catch (error) {
      // Whoever starts an instance the ordinary way gets to know it in the ordinary way.
      fs.writeSync(CONTROL, `its initialisation failed: ${error?.name ?? typeof error}`.slice(0, 200));
      addon.leave(1);
    }
    watch.end();
  }
  const whyNot = watch?.unsafe();
  collect();
  if (!whyNot) await rehearse(addon, watch, loaded, go);
  fs.writeSync(CONTROL, whyNot ?? "ready");
  addon.serve(CONTROL);
  awake(addon, watch);
  become(JSON.parse(addon.told()), isPlaceholder);
  return loaded;
}

/** What is young is moved to what is old, which takes two times: else each child would soon have to do the same, and all
 * that it moves is memory of its own. What is old is left as it is: sweeping it would go on in the children. */
function collect() {
  const v8 = require("node:v8");
  v8.setFlagsFromString("--expose-gc");
  const gc = require("node:vm").runInNewContext("gc");
  v8.setFlagsFromString("--no-expose-gc");
  for (let time = 0; time < 2; time++) gc({ type: "minor" });
}

/** Has the addon see what memory an instance touches: a child goes its whole way, with a function that does nothing, and
 * ends. */
async function rehearse(addon, watch, loaded, go) {
  const first = addon.pair();
  if (first < 0) return;
  const event = answer("200 OK", "Lambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1\r\n", "{}");
  const environment = { ...process.env, FULMAR_CODE: __dirname };
  for (const name of OF_EACH) if (!loaded || name in environment) environment[name] = "of an instance";
  if (!loaded) {
    for (const name of USUAL) environment[name] = "of a function";
    Object.assign(environment, { TZ: ":UTC", _HANDLER: "rehearsal.handler" });
  }
  const told = JSON.stringify(environment);
  if (addon.rehearse()) {
    fs.closeSync(first);
    fs.closeSync(first + 1);
    return;
  }
  try {
    awake(addon, watch);
    become(JSON.parse(told), !loaded);
    fs.writeSync(first + 1, event);
    await go(first, loaded && (async (given) => given), () => fs.writeSync(first + 1, HEARD + event));
  } catch {
    // As far as it went, it was one.
  }
  addon.learn();
}

function answer(status, headers = "", body = "") {
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function open(library) {
  const place = { exports: {} };
  process.dlopen(place, library);
  return place.exports;
}

/** In the child, before it is known what it is for: a process of its own. */
function awake(addon, watch) {
  Object.defineProperty(process, "pid", { value: addon.pid(), enumerable: true, configurable: true });
  process.reallyExit = (code) => addon.leave(code ?? 0);
  addon.whenEmpty(atEmptyLoop);
  chance.seed();
  watch?.freshen();
}

/** In the child: the function's instance that it is. */
function become(environment, isPlaceholder) {
  // What is as it should be is not touched: it stays the same memory for all.
  const { env } = process;
  for (const name of Object.keys(env)) if (!(name in environment)) delete env[name];
  for (const name of Object.keys(environment)) if (env[name] !== environment[name]) env[name] = environment[name];
  if (!isPlaceholder) return;
  process.chdir(environment.FULMAR_CODE);
  // Where layers' modules are looked for was settled when the process started.
  require("node:module")._initPaths();
}

/** What Node does when nothing is left to wait for: here it is told so, as the event loop itself goes on. */
function atEmptyLoop(still) {
  if (still) process.exit();
  process.emit("beforeExit", process.exitCode ?? 0);
}

/** The language's own generator cannot be seeded, and would say the same in each child. */
const chance = {
  state: new Uint32Array(4),

  seed() {
    do require("node:crypto").randomFillSync(this.state);
    while (!this.state.some(Boolean));
  },

  /** In the place of the language's, before any code could keep that. */
  install() {
    this.seed();
    const { state } = this;
    // xoshiro128**
    const next = () => {
      const five = Math.imul(state[1], 5);
      const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
      const shifted = state[1] << 9;
      state[2] ^= state[0];
      state[3] ^= state[1];
      state[1] ^= state[2];
      state[0] ^= state[3];
      state[2] ^= shifted;
      state[3] = (state[3] << 11) | (state[3] >>> 21);
      return result;
    };
    Math.random = function random() {
      return ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
    };
  },
};

/** Goes the whole way of an invocation a few times, so that a child finds it compiled; and what most functions import. */
async function warm(addon) {
  for (const name of ["crypto", "http", "https", "stream", "url", "util", "zlib", "events", "dns", "fs/promises", "os", "path", "timers/promises"]) {
    require(`node:${name}`);
  }
  require("./load.js");
  require("./code_cache.js").warm();
  chance.install();
  // The pool of threads is there from now on, and is seen to be.
  await fs.promises.stat("/");
  globalThis.fetch;
  const first = addon.pair();
  if (first < 0) return;
  const connection = new Connection(first);
  const host = new net.Socket({ fd: first + 1 });
  let served = 0;
  host.on("data", () => {
    const body = JSON.stringify({ number: served++ });
    if (served > 1) host.write(HEARD);
    host.write(answer("200 OK", `Lambda-Runtime-Aws-Request-Id: ${served}\r\nLambda-Runtime-Deadline-Ms: 1\r\n`, body));
  });
  let event = await connection.next();
  for (let round = 0; round < ROUNDS; round++) {
    const given = await new Invocation(event, connection).run(async (event, context) => ({ ...event, id: context.awsRequestId }));
    event = await connection.answer(event.requestId, given);
  }
  await connection.abandon();
  host.destroy();
  await new Promise(setImmediate);
}

/** As many ids as are drawn ahead, which cannot be reached otherwise. */
function drawIds(crypto) {
  for (let drawn = 0; drawn < 128; drawn++) crypto.randomUUID();
}

/** The bytes from which `randomInt` takes its numbers, and which it draws anew only when they are used up, if it does. */
function numbersDrawnAhead(crypto) {
  const { readUIntBE } = Buffer.prototype;
  let drawn;
  Buffer.prototype.readUIntBE = function (...words) {
    drawn = this;
    return readUIntBE.apply(this, words);
  };
  crypto.randomInt(2);
  Buffer.prototype.readUIntBE = readUIntBE;
  return drawn;
}

/** Remembers, while the function's code is loaded, what a child must have anew, and what cannot be forked. */
class Watch {
  constructor(addon) {
    const crypto = require("node:crypto");
    const workers = require("node:worker_threads");
    this.pools = new Set();
    this.refuses = undefined;
    this.before = process.getActiveResourcesInfo();
    this.requests = () => addon.requests();
    this.requestsBefore = addon.requests();
    this.numbers = numbersDrawnAhead(crypto);
    drawIds(crypto);
    const watch = this;
    const { Worker } = workers;
    workers.Worker = class extends Worker {
      constructor(...words) {
        watch.refuses = "it has used worker threads";
        super(...words);
      }
    };
    const { randomFillSync } = crypto;
    const remember = (fill) =>
      function (buffer, ...words) {
        if (buffer?.byteLength >= POOL) watch.pools.add(new WeakRef(buffer));
        return fill.call(this, buffer, ...words);
      };
    crypto.randomFillSync = remember(randomFillSync);
    const web = Object.getPrototypeOf(crypto.webcrypto);
    const ofWeb = web.getRandomValues;
    web.getRandomValues = remember(ofWeb);
    // An SDK that reads its keys while this is loaded asks again when they are about to end: so a child uses its own.
    const { env } = process;
    this.expires = env.AWS_ACCESS_KEY_ID && !env.AWS_CREDENTIAL_EXPIRATION;
    if (this.expires) env.AWS_CREDENTIAL_EXPIRATION = new Date(Date.now() + 60_000).toISOString();
    this.undo = () => {
      workers.Worker = Worker;
      crypto.randomFillSync = randomFillSync;
      web.getRandomValues = ofWeb;
      require("node:module").syncBuiltinESMExports();
    };
    require("node:module").syncBuiltinESMExports();
  }

  end() {
    this.undo();
  }

  /** Why this process cannot be forked, as far as it can be seen from inside. */
  unsafe() {
    if (this.refuses) return this.refuses;
    const [added] = this.added();
    if (added) return `it waits for ${added}`;
    return this.isAsking() ? "it waits for the pool of threads" : undefined;
  }

  /** What reads a file ends by itself, and is waited for: SDKs' clients look for their configuration when they are made. */
  async settle() {
    const reads = (kind) => kind.startsWith("FSReq") || kind === "CloseReq";
    const ends = () => this.added().every(reads);
    for (let round = 0; round < READS && ends() && (this.added().length > 0 || this.isAsking()); round++)
      await new Promise((go) => setTimeout(go, 1));
  }

  /** Newer versions do not name the files that are being read. */
  isAsking() {
    return this.requests() > this.requestsBefore;
  }

  /** The kinds of what is waited for and was not before the code was loaded. */
  added() {
    const before = [...this.before];
    return process.getActiveResourcesInfo().filter((kind) => {
      const at = before.indexOf(kind);
      if (at >= 0) before.splice(at, 1);
      return at < 0;
    });
  }

  freshen() {
    const crypto = require("node:crypto");
    for (const pool of this.pools) {
      const buffer = pool.deref();
      if (buffer) crypto.randomFillSync(buffer);
    }
    // What the language's own library has drawn ahead is drawn anew, or used up.
    if (this.numbers) crypto.randomFillSync(this.numbers);
    else for (let drawn = 0; drawn < 1025; drawn++) crypto.randomInt(2);
    drawIds(crypto);
  }
}

module.exports = { wait };

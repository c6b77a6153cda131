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
const { Connection } = require("./connection.js");
const { Invocation } = require("./invocation.js");

const CONTROL = 4;
const ROUNDS = 20;
// Pools of random bytes that libraries fill ahead are at least so large; keys are smaller.
const POOL = 128;

/** Waits to be forked; resolves in a child, to what `load` gave if there was code to load. */
async function wait(library, load) {
  const addon = open(library);
  const isPlaceholder = !process.env.FULMAR_CODE;
  await warm(addon);
  const told = Buffer.alloc(16);
  fs.writeSync(CONTROL, "booted");
  fs.readSync(CONTROL, told);
  const watch = isPlaceholder ? undefined : new Watch();
  let loaded;
  if (!isPlaceholder) {
    try {
      loaded = await load();
      // What was begun and not waited for goes on, and is seen.
      await new Promise(setImmediate);
    } catch (error) {
      // Whoever starts an instance the ordinary way gets to know it in the ordinary way.
      fs.writeSync(CONTROL, `its initialisation failed: ${error?.name ?? typeof error}`.slice(0, 200));
      addon.leave(1);
    }
    watch.end();
  }
  fs.writeSync(CONTROL, watch?.unsafe() ?? "ready");
  globalThis.gc?.();
  const environment = JSON.parse(addon.serve(CONTROL));
  become(addon, environment, isPlaceholder);
  watch?.freshen();
  return loaded;
}

function open(library) {
  const place = { exports: {} };
  process.dlopen(place, library);
  return place.exports;
}

/** In the child: the process that it is. */
function become(addon, environment, isPlaceholder) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  Object.defineProperty(process, "pid", { value: addon.pid(), enumerable: true, configurable: true });
  process.reallyExit = (code) => addon.leave(code ?? 0);
  Math.random = chance();
  if (!isPlaceholder) return;
  process.chdir(environment.FULMAR_CODE);
  // Where layers' modules are looked for was settled when the process started.
  require("node:module")._initPaths();
}

/** The language's own generator cannot be seeded, and would say the same in each child. */
function chance() {
  const state = new Uint32Array(4);
  do require("node:crypto").randomFillSync(state);
  while (!state.some(Boolean));
  let [a, b, c, d] = state;
  const next = () => {
    // xoshiro128**
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return function random() {
    return ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
  };
}

/** Goes the whole way of an invocation a few times, so that a child finds it compiled; and what most functions import. */
async function warm(addon) {
  for (const name of ["crypto", "http", "https", "stream", "url", "util", "zlib", "events", "dns", "fs/promises", "os", "path", "timers/promises"]) {
    require(`node:${name}`);
  }
  require("./load.js");
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
    host.write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".repeat(served > 1 ? 1 : 0));
    host.write(`HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: ${served}\r\nLambda-Runtime-Deadline-Ms: 1\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  let event = await connection.next();
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await new Invocation(event, connection).run(async (given, context) => ({ ...given, id: context.awsRequestId }));
    event = await connection.answer(event.requestId, answer);
  }
  await connection.abandon();
  host.destroy();
  await new Promise(setImmediate);
}

/** Remembers, while the function's code is loaded, what a child must have anew, and what cannot be forked. */
class Watch {
  constructor() {
    const crypto = require("node:crypto");
    const workers = require("node:worker_threads");
    this.pools = new Set();
    this.refuses = undefined;
    this.before = process.getActiveResourcesInfo();
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
    const web = Object.getPrototypeOf(globalThis.crypto);
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
    const before = [...this.before];
    const added = process.getActiveResourcesInfo().find((kind) => {
      const at = before.indexOf(kind);
      if (at >= 0) before.splice(at, 1);
      return at < 0;
    });
    return added && `it waits for ${added}`;
  }

  freshen() {
    const crypto = require("node:crypto");
    for (const pool of this.pools) {
      const buffer = pool.deref();
      if (buffer) crypto.randomFillSync(buffer);
    }
    // What the language's own library has drawn ahead is used up: 128 ids, and 6 KiB of numbers.
    for (let drawn = 0; drawn < 128; drawn++) crypto.randomUUID();
    for (let drawn = 0; drawn < 1025; drawn++) crypto.randomInt(2);
  }
}

module.exports = { wait };

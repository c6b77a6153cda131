// Code that another instance of the same function has compiled is not compiled again: what the engine made of each file is
// written to the host when the code is loaded for the first time, and given to whoever loads it later. A file's is used
// only for the same source, and the engine itself refuses what was made by another version of it or under other flags.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const vm = require("node:vm");

const DESCRIPTOR = 4;
const WORDS = ["exports", "require", "module", "__filename", "__dirname"];
// What is smaller is compiled as fast as it is looked for.
const SMALLEST = 2048;
const LENGTH = 4;

/** From now on files are loaded so, until `done`. */
function use(mode) {
  const known = mode === "read" ? unpack() : new Map();
  const made = mode === "write" ? [] : undefined;
  const { _compile } = Module.prototype;
  Module.prototype._compile = function (content, filename, format) {
    const loaded = fits(content, format) ? compile(content, filename, known, made) : undefined;
    if (!loaded) return _compile.apply(this, arguments);
    return loaded.call(this.exports, this.exports, requireOf(this, filename), this, filename, path.dirname(filename));
  };
  return {
    done() {
      Module.prototype._compile = _compile;
      if (made) write(made);
    },
  };
}

/** Whether it is what the language's own loader would hand to the engine as it is, and do nothing else with: it remembers
 * the map of a file whose errors are to tell of its sources. */
function fits(content, format) {
  if (process.sourceMapsEnabled) return false;
  const isCommon = format === undefined || format === "commonjs";
  return isCommon && typeof content === "string" && content.length >= SMALLEST && !content.startsWith("#!") && dynamic() !== undefined;
}

/** As what `import()` inside is to be resolved; older versions have no word for it. */
function dynamic() {
  return vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
}

/** The file's function. Nothing if it does not parse: the language's own loader says what is wrong. */
function compile(content, filename, known, made) {
  const hash = crypto.createHash("sha256").update(content).digest("base64");
  const { data } = known.get(`${hash} ${filename}`) ?? {};
  if (!data && !made) return undefined;
  try {
    const compiled = vm.compileFunction(content, WORDS, {
      filename,
      cachedData: data,
      produceCachedData: Boolean(made),
      importModuleDynamically: dynamic(),
    });
    if (compiled.cachedData) made?.push({ name: `${hash} ${filename}`, data: compiled.cachedData });
    return compiled;
  } catch {
    return undefined;
  }
}

function requireOf(module, filename) {
  const { resolve, main, extensions, cache } = Module.createRequire(filename);
  return Object.assign((id) => module.require(id), { resolve, main, extensions, cache });
}

/** The length of the table, the table, and then one after the other what it tells of. */
function write(made) {
  const table = Buffer.from(JSON.stringify(made.map(({ name, data }) => [name, data.length])));
  const length = Buffer.alloc(LENGTH);
  length.writeUInt32LE(table.length);
  const all = made.length > 0 ? Buffer.concat([length, table, ...made.map(({ data }) => data)]) : length.subarray(0, 0);
  try {
    for (let from = 0; from < all.length; ) from += fs.writeSync(DESCRIPTOR, all, from);
    fs.closeSync(DESCRIPTOR);
  } catch {
    // Nobody keeps it: the next instance compiles as this one did.
  }
}

function unpack() {
  const known = new Map();
  try {
    const all = fs.readFileSync(DESCRIPTOR);
    fs.closeSync(DESCRIPTOR);
    let from = LENGTH + all.readUInt32LE();
    for (const [name, length] of JSON.parse(all.toString("utf8", LENGTH, from))) {
      known.set(name, { data: all.subarray(from, from + length) });
      from += length;
    }
  } catch {
    // What cannot be read is not used.
  }
  return known;
}

/** Goes its way once, so that a child of this process finds it gone. */
function warm() {
  compile("exports.warm = () => 1;", "/warm.js", new Map(), []);
}

module.exports = { use, warm };

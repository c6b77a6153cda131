// An application: what of it is loaded, and how the one function that an instance is for is called.
"use strict";

const { EventEmitter } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const core = require("./core.js");
const { DescribedModel, load: loadDescribed } = require("./described.js");
const { matching } = require("./glob.js");
const { importFile } = require("../load.js");

const PACKAGE = "@azure/functions";

/** `name` is the function that is to run; empty to learn which there are. */
async function readApp(root, name) {
  core.install();
  core.setLevel(levelOf(read(path.join(root, "host.json")), name));
  const description = name && read(path.join(root, name, "function.json"));
  if (description) {
    await loadEntry(root, { optional: true });
    const metadata = { name, directory: path.join(root, name), bindings: bindingsOf(description) };
    const callback = await loadDescribed(root, name, description);
    await start();
    return { metadata, callback, trigger: triggerOf(metadata), model: new DescribedModel() };
  }
  await loadEntry(root, { optional: false });
  if (!name) return { described: () => [...core.registered.values()].map(({ metadata }) => described(metadata)) };
  const found = core.registered.get(name);
  if (!found) throw new Error(`The code registers no function "${name}"`);
  const model = core.offered.getProgrammingModel();
  const { streams, proxy } = await capabilities(model);
  await start();
  return { ...found, trigger: triggerOf(found.metadata), model, streams, proxy };
}

function start() {
  return core.run("appStart", { hookData: {}, appHookData: core.appHookData });
}

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8").replace(/^\ufeff/, ""));
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new Error(`cannot read ${file}: ${error.message}`);
  }
}

/** Everything that `main` in package.json names, which may be a pattern. */
async function loadEntry(root, { optional }) {
  const main = read(path.join(root, "package.json"))?.main;
  if (!main) {
    if (optional) return;
    throw new Error('package.json says with "main" which files register functions, and there is none');
  }
  const files = matching(root, main);
  if (files.length === 0) {
    if (optional) return;
    const built = /^\.?\/?(dist|build|out)\//.test(main) ? "; build it first: npm run build" : "";
    throw new Error(`"main" in package.json is ${main}, and there is no such file${built}`);
  }
  for (const file of files) await importFile(file, root);
  if (optional) return;
  if (!core.offered.getProgrammingModel()) throw new Error(`the code registers no function; ${PACKAGE} of version 4 does: app.http('name', ...)`);
}

function bindingsOf(description) {
  return Object.fromEntries((description.bindings ?? []).map((binding) => [binding.name, { ...binding, direction: binding.direction ?? "in" }]));
}

function triggerOf(metadata) {
  return Object.entries(metadata.bindings).find(([, binding]) => /trigger$/i.test(binding.type ?? ""))?.[0];
}

function described(metadata) {
  const bindings = Object.entries(metadata.bindings).map(([name, binding]) => ({ ...binding, name }));
  return { name: metadata.name, bindings };
}

/** An application that streams has a server of the package's own; ours is nowhere but in this process. */
async function capabilities(model) {
  const create = http.createServer;
  let proxy;
  http.createServer = () => {
    proxy = new Proxy();
    return proxy;
  };
  try {
    await model.getCapabilities({});
  } finally {
    http.createServer = create;
  }
  return { streams: proxy !== undefined, proxy };
}

class Proxy extends EventEmitter {
  listen(listening) {
    process.nextTick(listening);
    return this;
  }

  address() {
    return { address: "127.0.0.1", family: "IPv4", port: 1 };
  }
}

/** The least level of the function's lines that are kept: the most precise word of host.json. */
function levelOf(host, name) {
  const levels = host?.logging?.logLevel ?? {};
  const said = [`Function.${name}.User`, `Function.${name}`, "Function", "default", "Default"].map((category) => levels[category]);
  const level = String(said.find((one) => one !== undefined) ?? "information").toLowerCase();
  return core.LEVELS.includes(level) ? level : "information";
}

module.exports = { readApp };

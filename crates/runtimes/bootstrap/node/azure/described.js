// The older model: a folder for each function, a `function.json` that describes its bindings, and a handler that gets a
// context and its inputs. The handler returns a promise, or calls `context.done`; what it answers is in `context.res`, in
// `context.bindings`, or what it returns.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { format } = require("node:util");
const { randomUUID } = require("node:crypto");
const { formOf } = require("./form.js");
const { importFile } = require("../load.js");

const RETURN = "$return";

/** The handler: what the description's `entryPoint` names, the only export, or `run` or `index`. */
async function load(root, name, description) {
  const file = scriptOf(path.join(root, name), description.scriptFile);
  const loaded = await importFile(file, root);
  const module = loaded?.default !== undefined && typeof loaded !== "function" ? { ...loaded, ...callable(loaded.default) } : loaded;
  const found = pick(module, description.entryPoint);
  if (!found && description.entryPoint) throw new Error(`Unable to determine function entry point: ${description.entryPoint}. If multiple functions are exported, you must indicate the entry point, either by naming it 'run' or 'index', or by naming it explicitly via the 'entryPoint' metadata property.`);
  if (!found) throw new Error("Unable to determine function entry point. If multiple functions are exported, you must indicate the entry point, either by naming it 'run' or 'index', or by naming it explicitly via the 'entryPoint' metadata property.");
  return found;
}

/** What a module exports by default may be the handler, or an object with it. */
function callable(exported) {
  return typeof exported === "function" ? { default: exported } : exported;
}

function scriptOf(folder, named) {
  if (named) return path.join(folder, named);
  const usual = ["index.js", "index.mjs", "index.cjs"].map((name) => path.join(folder, name)).find((file) => fs.existsSync(file));
  if (usual) return usual;
  const scripts = fs.readdirSync(folder).filter((name) => /\.[cm]?js$/.test(name));
  if (scripts.length === 1) return path.join(folder, scripts[0]);
  throw new Error(`there is no index.js in ${folder}, and "scriptFile" in its function.json names no other file`);
}

function pick(module, entryPoint) {
  if (typeof module === "function" && !entryPoint) return module;
  const named = (name) => (typeof module[name] === "function" ? module[name].bind(module) : undefined);
  if (entryPoint) return named(entryPoint);
  const all = Object.keys(module).filter((name) => typeof module[name] === "function");
  if (all.length === 1) return named(all[0]);
  return named("run") ?? named("index");
}

class DescribedModel {
  name = "@azure/functions";
  version = "3.5.0";

  getInvocationModel(core) {
    return new Invocation(core);
  }
}

class Invocation {
  #core;
  #over = false;
  #promised = false;
  #finish;

  constructor(core) {
    this.#core = core;
  }

  getArguments() {
    const { metadata, request, invocationId } = this.#core;
    const http = request.inputData[0].data.http;
    const said = (level) => (...words) => this.#say(level, words);
    const context = {
      invocationId,
      executionContext: { invocationId, functionName: metadata.name, functionDirectory: metadata.directory },
      bindings: {},
      bindingData: {
        invocationId,
        query: { ...http.query },
        headers: { ...http.headers },
        ...http.params,
        sys: { methodName: metadata.name, utcNow: new Date().toISOString(), randGuid: randomUUID() },
      },
      traceContext: { traceparent: request.traceContext.traceParent, tracestate: request.traceContext.traceState, attributes: request.traceContext.attributes },
      bindingDefinitions: Object.entries(metadata.bindings).map(([name, { type, direction }]) => ({ name, type, direction })),
      log: Object.assign(said("information"), { error: said("error"), warn: said("warning"), info: said("information"), verbose: said("trace") }),
      done: (error, result) => this.#done(error, result, context),
    };
    const input = new Request(http);
    context.bindings[request.inputData[0].name] = input;
    context.req = input;
    context.res = new Response(context.done);
    return { context, inputs: [input] };
  }

  async invokeFunction(context, inputs, handler) {
    const called = new Promise((resolve, reject) => {
      this.#finish = { resolve, reject };
    });
    // Whoever throws first has said it all.
    called.catch(() => {});
    try {
      const returned = handler(context, ...inputs);
      this.#promised = typeof returned?.then === "function";
      if (!this.#promised) return await called;
      const settled = Promise.resolve(returned).then((result) => {
        this.#noteEnd(context);
        return result;
      });
      settled.catch(() => {});
      return await Promise.race([settled, called]);
    } finally {
      this.#over = true;
    }
  }

  /** As the host expects it: the output bindings that have a value. */
  getResponse(context, result) {
    const outputs = Object.entries(this.#core.metadata.bindings).filter(([, { direction }]) => direction !== "in");
    const http = outputs.find(([, { type }]) => type?.toLowerCase() === "http")?.[0];
    if (http && context.res && context.bindings[http] === undefined) context.bindings[http] = context.res;
    const response = { invocationId: context.invocationId, outputData: [] };
    const returns = outputs.some(([name]) => name === RETURN);
    if (result && returns) response.returnValue = { http: httpOf(result) };
    for (const [name] of outputs) {
      const returned = result && !returns && typeof result === "object" ? result[name] : undefined;
      const value = returned ?? context.bindings[name];
      if (value !== undefined) response.outputData.push({ name, data: { http: httpOf(value) } });
    }
    return response;
  }

  #done(error, result, context) {
    this.#noteEnd(context);
    if (error !== null && error !== undefined) this.#finish.reject(error);
    else this.#finish.resolve(result);
  }

  #noteEnd(context) {
    if (this.#over && !(this.#promised && context.suppressAsyncDoneError)) {
      const twice = this.#promised
        ? "Error: Choose either to return a promise or call 'done'. Do not use both in your script."
        : "Error: 'done' has already been called. Please check your script for extraneous calls to 'done'.";
      this.#core.log("error", "system", twice);
    }
    this.#over = true;
  }

  #say(level, words) {
    if (this.#over && this.#core.state !== "postInvocationHooks") {
      const { metadata, invocationId } = this.#core;
      const late = `Warning: Unexpected call to 'log' on the context object after function execution has completed. Please check for asynchronous calls that are not awaited or calls to 'done' made before function execution completes. Function name: ${metadata.name}. Invocation Id: ${invocationId}.`;
      this.#core.log("warning", "system", late);
    }
    this.#core.log(level, "user", format(...words));
  }
}

/** The answer as the host gets it; what is no answer is an error. */
function httpOf(value) {
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new Error("The HTTP response must be an 'object' type that can include properties such as 'body', 'status', and 'headers'. Learn more: https://go.microsoft.com/fwlink/?linkid=2112563");
  }
  const answer = value ?? {};
  const status = answer.statusCode || (typeof answer.status === "function" ? undefined : answer.status);
  const headers = {};
  for (const [name, text] of Object.entries(answer.headers ?? {})) {
    if (text !== null && text !== undefined) headers[name] = String(text);
  }
  return { statusCode: status?.toString() ?? null, headers, cookies: (answer.cookies ?? []).map(cookieOf), body: typed(answer.body) };
}

/** "None" is a word that the host's own words have another meaning for. */
function cookieOf(cookie) {
  for (const field of ["name", "value"]) {
    if (typeof cookie?.[field] !== "string") throw new Error(`A 'string' type was expected instead of a '${typeof cookie?.[field]}' type. Cannot parse value of 'cookie.${field}'.`);
  }
  const words = { lax: "lax", strict: "strict", none: "explicitNone" };
  return { ...cookie, sameSite: words[cookie.sameSite?.toLowerCase()] ?? "none" };
}

function typed(value) {
  if (typeof value === "string") return { string: value };
  if (ArrayBuffer.isView(value)) return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
  if (typeof value === "number") return Number.isInteger(value) ? { int: value } : { double: value };
  return { json: JSON.stringify(value) };
}

class Request {
  #user;

  constructor(http) {
    this.method = http.method;
    this.url = http.url;
    this.originalUrl = http.url;
    this.headers = http.headers;
    this.query = http.query;
    this.params = http.params;
    if (!http.body) return;
    this.bufferBody = Buffer.from(http.body.bytes);
    const kind = this.get("content-type")?.toLowerCase();
    if (kind === "application/octet-stream" || kind?.startsWith("multipart/")) {
      this.body = this.bufferBody;
      this.rawBody = this.bufferBody.toString();
      return;
    }
    this.rawBody = decoded(this.bufferBody);
    this.body = parsed(this.rawBody);
  }

  get user() {
    this.#user ??= userOf(this.headers);
    return this.#user;
  }

  get(field) {
    return this.headers[field.toLowerCase()];
  }

  parseFormBody() {
    const kind = this.get("content-type");
    if (!kind) throw new Error('"content-type" header must be defined.');
    return formOf(this.body, kind);
  }
}

/** The host takes bytes for UTF-8, unless they say otherwise at their beginning. */
function decoded(bytes) {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  return new TextDecoder("utf-8").decode(bytes);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whom a front that authenticates says the caller is. */
function userOf(headers) {
  if (!headers["x-ms-client-principal"]) return null;
  const claims = JSON.parse(Buffer.from(headers["x-ms-client-principal"], "base64").toString("utf8"));
  if (claims.identityProvider) {
    return { type: "StaticWebApps", id: claims.userId, username: claims.userDetails, identityProvider: claims.identityProvider, claimsPrincipalData: claims };
  }
  return {
    type: "AppService",
    id: headers["x-ms-client-principal-id"],
    username: headers["x-ms-client-principal-name"],
    identityProvider: headers["x-ms-client-principal-idp"],
    claimsPrincipalData: claims,
  };
}

class Response {
  headers = {};
  cookies = [];

  constructor(done) {
    this._done = done;
  }

  end(body) {
    if (body !== undefined) this.body = body;
    this.setContentType();
    this._done();
    return this;
  }

  setHeader(field, value) {
    this.headers[field.toLowerCase()] = value;
    return this;
  }

  getHeader(field) {
    return this.headers[field.toLowerCase()];
  }

  removeHeader(field) {
    delete this.headers[field.toLowerCase()];
    return this;
  }

  status(code) {
    this.statusCode = code;
    return this;
  }

  sendStatus(code) {
    return this.status(code).end();
  }

  type(type) {
    return this.setHeader("content-type", type);
  }

  json(body) {
    this.type("application/json");
    this.end(body);
  }

  setContentType() {
    if (Buffer.isBuffer(this.body) && !this.getHeader("content-type")) this.type("application/octet-stream");
  }
}
// Express' words for the same.
for (const [alias, method] of [["send", "end"], ["header", "setHeader"], ["set", "setHeader"], ["get", "getHeader"]]) {
  Response.prototype[alias] = Response.prototype[method];
}

module.exports = { DescribedModel, load };

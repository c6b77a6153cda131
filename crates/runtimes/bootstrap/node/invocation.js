// One call of the handler: what it is given, and when it is over.
//
// It is over when the handler's promise settles; or when it calls back and, unless it says otherwise, nothing is left to
// wait for; or when nothing is left to wait for although it neither answered nor called back (the answer is then null).
"use strict";

const { logError } = require("./console.js");
const { describe } = require("./errors.js");
const { ResponseStream, streams } = require("./streaming.js");

let running;

process.on("beforeExit", () => {
  if (running && !running.over) running.finish(running.atEnd());
});

class Invocation {
  constructor(event, connection) {
    this.event = event;
    this.connection = connection;
    this.waits = true;
    this.over = false;
  }

  /** Runs the handler to the end of the invocation; resolves to what is to be answered. */
  run(handler) {
    return new Promise((resolve) => {
      this.finish = (answer) => {
        if (this.over) return;
        this.over = true;
        resolve(answer);
      };
      // Until something is answered, an empty event loop answers null.
      this.atEnd = () => success(null);
      running = this;
      this.connection.release();
      this.#call(handler);
    });
  }

  #call(handler) {
    let parsed;
    try {
      parsed = JSON.parse(this.event.body);
    } catch (error) {
      this.finish(failure(error));
      return;
    }
    if (streams(handler)) {
      this.#stream(handler, parsed).then(this.finish, (error) => this.finish({ streamed: true, failed: failure(error) }));
      return;
    }
    const { callback, ...ways } = this.#ways();
    try {
      const result = handler(parsed, this.#context(ways), callback);
      if (result && typeof result.then === "function") {
        result.then(ways.succeed, ways.fail).catch(ways.fail);
      }
    } catch (error) {
      callback(error);
    }
  }

  /** A call that writes its answer to a stream. It is over when the handler's promise is settled and the stream ended. */
  async #stream(handler, parsed) {
    const stream = new ResponseStream(handler, this.connection, this.event.requestId);
    this.stream = stream;
    const ended = new Promise((resolve, reject) => stream.once("finish", resolve).once("error", reject));
    // If the handler fails first, that is the error to tell.
    ended.catch(() => {});
    // Whoever neither ends it nor has anything left to do that could.
    this.atEnd = () => ({ streamed: true, failed: failure(new Error("Response stream is not finished.")) });
    const result = handler(parsed, stream, this.#context({}));
    if (typeof result?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
    if ((await result) !== undefined) console.warn("Streaming handlers ignore return values.");
    await ended;
    return { streamed: true };
  }

  /** What a handler may end its call with. Only the first counts, the settling of its promise among them. */
  #ways() {
    let told = false;
    const once = (tell) => (...said) => {
      if (told) return;
      tell(...said);
      told = true;
    };
    const isError = (error) => error !== null && error !== undefined;
    const done = (error, value) => this.finish(isError(error) ? failure(error) : success(value));
    const callback = (error, value) => {
      // Only a callback's value waits until the event loop is empty, unless it is told not to.
      if (isError(error)) this.finish(failure(error));
      else if (this.waits) this.atEnd = () => success(value);
      else setImmediate(() => this.finish(success(value)));
    };
    return {
      callback: once(callback),
      done: once(done),
      fail: once((error) => done(error ?? "handled")),
      succeed: once((value) => done(null, value)),
    };
  }

  #context(ways) {
    const { event } = this;
    const invocation = this;
    return {
      get callbackWaitsForEmptyEventLoop() {
        return invocation.waits;
      },
      set callbackWaitsForEmptyEventLoop(waits) {
        invocation.waits = Boolean(waits);
      },
      functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: event.clientContext ? JSON.parse(event.clientContext) : undefined,
      identity: event.identity ? JSON.parse(event.identity) : undefined,
      invokedFunctionArn: event.arn,
      awsRequestId: event.requestId,
      getRemainingTimeInMillis: () => event.deadline - Date.now(),
      ...ways,
    };
  }
}

function success(value) {
  try {
    return { kind: "response", body: JSON.stringify(value === undefined ? null : value) ?? "null" };
  } catch {
    return failure(new Error("Unable to stringify response body"));
  }
}

function failure(error) {
  logError("Invoke Error", error);
  return { kind: "error", ...describe(error) };
}

module.exports = { Invocation };

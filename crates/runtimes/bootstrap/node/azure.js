// Azure's functions, in both of their models: those that register themselves with the application's own
// `@azure/functions` (v4), and those that a `function.json` describes (v3).
//
// That package does the work of its model; what it asks for is a core module, which the vendor's worker provides there and
// `azure/core.js` here. It is given invocations in the shape that the vendor's host sends them in, and answers in that
// shape, so what a function sees and what becomes of its answer is the package's own doing. For v3 the model is ours:
// `azure/described.js`. `azure/answer.js` does to answers what the host does.
//
// Without the name of a function it is asked what functions there are: that is how code that registers its functions is
// understood before it is deployed.
"use strict";

const { Answer } = require("./answer.js");
const core = require("./azure/core.js");
const { answerOf, Streamed } = require("./azure/answer.js");
const { readApp } = require("./azure/app.js");
const { rpcHttpOf } = require("./azure/http.js");
const { requestOf, split } = require("./request.js");

const INIT_FAILED = 1;

async function main(connection, settings) {
  const name = process.env.FULMAR_FUNCTION ?? "";
  delete process.env.FULMAR_FUNCTION;
  // The code may lie elsewhere than where the tools have it.
  process.env.AzureWebJobsScriptRoot = settings.root;
  let app;
  try {
    app = await readApp(settings.root, name);
  } catch (error) {
    console.error(error?.stack ?? error);
    const said = { errorType: error?.name ?? "Error", errorMessage: String(error?.message ?? error) };
    await connection.initError({ errorType: said.errorType, body: JSON.stringify(said) });
    process.exit(INIT_FAILED);
  }
  let event = await connection.next();
  for (;;) {
    if (!name) event = await connection.answer(event.requestId, { kind: "response", body: JSON.stringify(app.described()) });
    else event = await serve(connection, app, event);
  }
}

/** One invocation, and the next event. */
async function serve(connection, app, event) {
  const streamed = app.streams ? new Streamed(connection, event.requestId) : undefined;
  try {
    const response = await invoke(app, event, streamed);
    if (streamed?.begun) {
      await streamed.ended;
      return connection.end();
    }
    return await send(connection, event.requestId, answerOf(response, app.metadata));
  } catch (error) {
    core.log("error", "system", error?.stack ?? String(error));
    const said = { errorType: error?.name ?? "Error", errorMessage: String(error?.message ?? error) };
    const failed = { kind: "error", errorType: said.errorType, body: JSON.stringify(said) };
    return streamed?.begun ? connection.end(failed) : connection.answer(event.requestId, failed);
  }
}

/** As the vendor's worker does it: hooks may replace the inputs, the handler, the result and the error. */
async function invoke(app, event, streamed) {
  const { head, body } = split(event.bytes);
  const http = rpcHttpOf(head, body);
  const context = {
    invocationId: event.requestId,
    request: {
      invocationId: event.requestId,
      functionId: app.metadata.name,
      inputData: [{ name: app.trigger, data: { http } }],
      triggerMetadata: triggerMetadata(http),
      traceContext: { traceParent: head.headers.find(([name]) => name === "traceparent")?.[1] ?? event.trace, traceState: http.headers.tracestate ?? "", attributes: {} },
    },
    metadata: app.metadata,
    state: undefined,
    log: (level, category, message) => core.log(level, category, message, context.invocation),
  };
  if (streamed) app.proxy.emit("request", proxied(event, http), streamed);
  const model = app.model.getInvocationModel(context);
  const given = await model.getArguments();
  context.invocation = given.context;
  const hookData = {};
  const shared = { hookData, appHookData: core.appHookData, invocationContext: given.context };
  context.state = "preInvocationHooks";
  const before = { ...shared, functionCallback: app.callback, inputs: given.inputs };
  await core.run("preInvocation", before);
  const after = { ...shared, inputs: before.inputs, result: null, error: null };
  context.state = "invocation";
  try {
    after.result = await model.invokeFunction(given.context, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error ?? new Error("Unknown error");
  }
  context.state = "postInvocationHooks";
  await core.run("postInvocation", after);
  if (after.error !== null && after.error !== undefined) throw after.error;
  return model.getResponse(given.context, after.result);
}

/** What the host says of a request beside it. */
function triggerMetadata(http) {
  const text = (value) => ({ string: value });
  const metadata = { Query: { json: JSON.stringify(http.query) }, Headers: { json: JSON.stringify(http.headers) } };
  for (const [name, value] of Object.entries(http.params)) metadata[name] = text(value);
  return metadata;
}

/** For the package's own server, which an application asks for that streams. Nothing of it goes over a network. */
function proxied(event, http) {
  const { head, body } = split(event.bytes);
  const request = requestOf(head, body);
  const { protocol, host } = new URL(http.url);
  Object.assign(request.headers, { "x-ms-invocation-id": event.requestId, "x-forwarded-host": host, "x-forwarded-proto": protocol.slice(0, -1) });
  return request;
}

function send(connection, requestId, { head, body }) {
  const answer = new Answer(connection, requestId);
  answer.head = head;
  answer.rest = body;
  return answer.end();
}

module.exports = { main };

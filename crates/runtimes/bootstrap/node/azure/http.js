// A request in the shape in which the vendor's host describes it to its workers.
"use strict";

function rpcHttpOf(head, body) {
  const headers = {};
  for (const [name, value] of head.headers) headers[name] = name in headers ? `${headers[name]},${value}` : value;
  const url = `${headers["x-forwarded-proto"]?.split(",")[0] ?? "http"}://${headers.host ?? "localhost"}${head.url}`;
  const query = {};
  for (const [name, value] of new URL(url).searchParams) query[name] = name in query ? `${query[name]},${value}` : value;
  const params = Object.fromEntries(head.parameters ?? []);
  return { method: head.method, url, headers, query, params, body: body.length > 0 ? { bytes: body } : undefined };
}

module.exports = { rpcHttpOf };

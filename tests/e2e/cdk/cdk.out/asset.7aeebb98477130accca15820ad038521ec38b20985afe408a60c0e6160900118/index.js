const words = require("/opt/words");

exports.handler = async (event) => ({
  statusCode: 200,
  body: JSON.stringify({ words, path: event.path, table: process.env.TABLE, queue: process.env.QUEUE }),
});

// Adds the token to each request: the conformance suite cannot send headers of its own. Whatever else a request says,
// a foreign Host or Origin included, is passed on as it is.
// usage: node proxy.mjs URL TOKEN     prints the URL to use instead

import http from "node:http";

const [url, token] = process.argv.slice(2);
const target = new URL(url);

const server = http.createServer((request, response) => {
  const own = [`127.0.0.1:${server.address().port}`, `localhost:${server.address().port}`];
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  if (own.includes(headers.host)) headers.host = target.host;
  const passed = http.request(
    { host: target.hostname, port: target.port, method: request.method, path: request.url, headers },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    },
  );
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  request.pipe(passed);
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}${target.pathname}`));

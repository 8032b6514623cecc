// The TypeScript SDK's client: shakes hands, lists the tools and counts what they cost, searches, reads, and is told what was wrong.
// usage: node client.mjs stdio PROGRAM WORKSPACE | node client.mjs http URL TOKEN

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = createRequire(process.env.CONFORMANCE_PACKAGES + "/package.json");
const load = (path) => import(pathToFileURL(packages.resolve(`@modelcontextprotocol/sdk/${path}`)).href);
const { Client } = await load("client/index.js");

const [way, first, second] = process.argv.slice(2);
let transport;
if (way === "stdio") {
  const { StdioClientTransport } = await load("client/stdio.js");
  transport = new StdioClientTransport({ command: first, args: ["mcp", "--workspace", second], env: process.env });
} else {
  const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
  const requestInit = { headers: { Authorization: `Bearer ${second}` } };
  transport = new StreamableHTTPClientTransport(new URL(first), { requestInit });
}
const client = new Client({ name: "conformance", version: "1" });
await client.connect(transport);
assert.equal(client.getServerVersion().name, "conexus");
const { tools } = await client.listTools();
assert.ok(tools.some((tool) => tool.name === "context_search"), JSON.stringify(tools));

// What every conversation pays for: the tools that are listed, by the two public tokenizers at hand.
const { countTokens } = packages("@anthropic-ai/tokenizer");
const { encode } = packages("gpt-tokenizer/encoding/o200k_base");
const schemas = JSON.stringify(tools);
const tokens = Math.max(countTokens(schemas), encode(schemas).length);
assert.ok(tokens < 2000, `${tokens} tokens`);

const deadline = Date.now() + 60_000;
let found;
do {
  // The client itself holds the answer against the tool's declared schema.
  found = await client.callTool({ name: "context_search", arguments: { query: "retry a request with growing pauses" } });
} while (found.structuredContent.hits[0]?.path !== "src/retry.py" && Date.now() < deadline);
assert.equal(found.structuredContent.hits[0].path, "src/retry.py");
const read = await client.callTool({ name: "context_read", arguments: { file_path: "src/retry.py" } });
assert.match(read.structuredContent.text, /def retry_request/);
const refused = await client.callTool({ name: "context_read", arguments: { file_path: "../outside" } });
assert.equal(refused.isError, true);
await client.close();
console.log(`the TypeScript SDK found the place over ${way}; ${tokens} tokens of schemas`);

// The TypeScript SDK's client: shakes hands, lists the tools and counts what they cost, searches, reads, is told what was wrong, and
// what somebody types in `draft.py`. Version 1 of the SDK speaks 2025-11-25, version 2 both revisions.
// usage: node client.mjs 1|2 REVISION stdio PROGRAM WORKSPACE | node client.mjs 1|2 REVISION http URL TOKEN

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = createRequire(process.env.CONFORMANCE_PACKAGES + "/package.json");
const load = (path) => import(pathToFileURL(packages.resolve(`@modelcontextprotocol/${path}`)).href);

const [version, revision, way, first, second] = process.argv.slice(2);
const parts = version === "1"
  ? ["sdk/client/index.js", "sdk/client/stdio.js", "sdk/client/streamableHttp.js", "sdk/types.js"].map(load)
  : ["client", "client/stdio", "client"].map(load);
const [{ Client }, { StdioClientTransport }, { StreamableHTTPClientTransport }, types] = await Promise.all(parts);
const transport = way === "stdio"
  ? new StdioClientTransport({ command: first, args: ["mcp", "--workspace", second], env: process.env })
  : new StreamableHTTPClientTransport(new URL(first), { requestInit: { headers: { Authorization: `Bearer ${second}` } } });
const mode = revision === "2026-07-28" ? { pin: revision } : "legacy";
const client = new Client({ name: "conformance", version: "1" }, { versionNegotiation: { mode } });
await client.connect(transport);
assert.equal(client.getServerVersion().name, "conexus");
const { tools } = await client.listTools();
const names = tools.map((tool) => tool.name);
// All that there are: the settings allow the last one, and the editor can do what it asks.
assert.equal(names.length, 9, JSON.stringify(names));
assert.equal(names.at(-1), "context_editor");

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

// Three times, so that it goes on; the text on disk says 0.
const uri = "conexus://file/draft.py";
const draft = async () => Number((await client.readResource({ uri })).contents[0].text.match(/^draft = (\d+)$/m)[1]);
let changes = 0;
const heard = Promise.withResolvers();
const updated = (notification) => {
  assert.equal(notification.params.uri, uri);
  if (++changes === 3) heard.resolve();
};
const method = "notifications/resources/updated";
client.setNotificationHandler(version === "1" ? types.ResourceUpdatedNotificationSchema : method, updated);
const watching = revision === "2026-07-28" ? await client.listen({ resourceSubscriptions: [uri] }) : null;
if (!watching) await client.subscribeResource({ uri });
const before = await draft();
const late = setTimeout(() => heard.reject(new Error(`${changes} changes were told`)), 60_000);
await heard.promise;
clearTimeout(late);
const after = await draft();
assert.ok(0 < before && before < after, `${before} ${after}`);
await (watching ? watching.close() : client.unsubscribeResource({ uri }));
await client.close();
console.log(`the TypeScript SDK ${version} found the place and heard of unsaved edits over ${way}, ${revision}; ${tokens} tokens of schemas`);

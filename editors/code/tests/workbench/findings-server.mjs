// Stands in for a server with findings: the real one behind it, and for each line of an open document that says
// "retyped" a diagnostic with a fix and a way to ignore it. Started as `conexus lsp`; CONEXUS_REAL is the real program.
import { spawn } from "node:child_process";

const real = spawn(process.env.CONEXUS_REAL, process.argv.slice(2), { stdio: ["pipe", "pipe", "inherit"] });
real.once("exit", (code) => process.exit(code ?? 1));
process.stdin.once("end", () => real.stdin.end());

const send = (stream, message) => {
  const body = Buffer.from(JSON.stringify(message));
  stream.write(`Content-Length: ${body.length}\r\n\r\n`);
  stream.write(body);
};

const receive = (stream, take) => {
  let input = Buffer.alloc(0);
  stream.on("data", (bytes) => {
    input = Buffer.concat([input, bytes]);
    for (;;) {
      const head = input.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/i.exec(input.subarray(0, Math.max(head, 0)).toString())?.[1]);
      if (head < 0 || input.length < head + 4 + length) return;
      const message = JSON.parse(input.subarray(head + 4, head + 4 + length).toString());
      input = input.subarray(head + 4 + length);
      take(message);
    }
  });
};

const texts = new Map();
const offset = (text, { line, character }) =>
  text.split("\n").slice(0, line).reduce((sum, part) => sum + part.length + 1, 0) + character;

const publish = (uri) => {
  const diagnostics = texts.get(uri).split("\n").flatMap((text, line) =>
    !text.includes("retyped") || text.includes("ignored") ? [] : [{
      range: { start: { line, character: 0 }, end: { line, character: text.length } },
      severity: 2, source: "conexus", code: "duplicate-function", message: "this function was written before",
    }]);
  send(process.stdout, { jsonrpc: "2.0", method: "textDocument/publishDiagnostics", params: { uri, diagnostics } });
};

const fixes = ({ textDocument: { uri }, context: { diagnostics } }) => diagnostics.flatMap((diagnostic) => {
  const { start, end } = diagnostic.range;
  const action = (title, range, newText) =>
    ({ title, kind: "quickfix", diagnostics: [diagnostic], edit: { changes: { [uri]: [{ range, newText }] } } });
  return [action("Call the first one", { start, end }, "// fixed"), action("Ignore this here", { start: end, end }, " ignored")];
});

let initializeId;
receive(process.stdin, (message) => {
  const { id, method, params } = message;
  if (method === "initialize") initializeId = id;
  if (method === "textDocument/codeAction" && params.context.diagnostics.length > 0) {
    send(process.stdout, { jsonrpc: "2.0", id, result: fixes(params) });
    return;
  }
  send(real.stdin, message);
  if (method === "textDocument/didOpen") {
    texts.set(params.textDocument.uri, params.textDocument.text);
    publish(params.textDocument.uri);
  } else if (method === "textDocument/didChange") {
    const { uri } = params.textDocument;
    for (const { range, text } of params.contentChanges) {
      const before = texts.get(uri);
      texts.set(uri, before.slice(0, offset(before, range.start)) + text + before.slice(offset(before, range.end)));
    }
    publish(uri);
  }
});
receive(real.stdout, (message) => {
  if (message.id !== undefined && message.id === initializeId && message.result?.capabilities !== undefined) {
    message.result.capabilities.codeActionProvider.codeActionKinds.push("quickfix");
    initializeId = undefined;
  }
  send(process.stdout, message);
});

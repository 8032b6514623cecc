// Asks the application server of Codex which tools it found, and prints its answer. No login and no model is needed.

import { spawn } from "node:child_process";
import readline from "node:readline";

const child = spawn("codex", ["app-server"], { stdio: ["pipe", "pipe", "ignore"] });
const send = (message) => child.stdin.write(JSON.stringify(message) + "\n");
send({ id: 1, method: "initialize", params: { clientInfo: { name: "conformance", title: null, version: "1" } } });
for await (const line of readline.createInterface({ input: child.stdout })) {
  const message = JSON.parse(line);
  if (message.id === 1) {
    send({ method: "initialized" });
    send({ id: 2, method: "mcpServerStatus/list", params: {} });
  }
  if (message.id === 2) {
    console.log(line);
    break;
  }
}
child.kill();

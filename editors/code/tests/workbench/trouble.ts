/** What a person sees when something is wrong: one message with a way out, and an editor that goes on working. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { setup, Steps } from "./steps";
import { until, Workbench } from "./workbench";

const own = setup();
const nowhere = "/nowhere/conexus";
const workbench = await Workbench.open({ ...own, settings: { "conexus.server.path": nowhere } });
const { page } = workbench;
const steps = new Steps(workbench);

/** A program that only the test has. */
function program(name: string, text: string): string {
  const file = join(workbench.home, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

/** Waits for a message, and demands that it is the only one. */
async function oneMessage(text: string, ...buttons: string[]): Promise<void> {
  await until(`"${text}" is told`, async () => (await workbench.messages()).some((message) => message.includes(text)));
  const messages = await workbench.messages();
  assert.equal(messages.length, 1, messages.join("\n"));
  const shown = await page.locator(".notifications-toasts .monaco-button").allInnerTexts();
  assert.deepEqual(buttons.filter((button) => !shown.some((label) => label.startsWith(button))), [], shown.join(", "));
}

/** A server that knows the protocol and says that it is of another version. */
const OTHER_VERSION = `#!${process.execPath}
let input = Buffer.alloc(0);
const send = (message) => {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  process.stdout.write("Content-Length: " + body.length + "\\r\\n\\r\\n");
  process.stdout.write(body);
};
process.stdin.on("data", (bytes) => {
  input = Buffer.concat([input, bytes]);
  for (;;) {
    const head = input.indexOf("\\r\\n\\r\\n");
    const length = Number(/Content-Length: (\\d+)/.exec(input.toString())?.[1]);
    if (head < 0 || input.length < head + 4 + length) return;
    const { id, method } = JSON.parse(input.subarray(head + 4, head + 4 + length).toString());
    input = input.subarray(head + 4 + length);
    if (method === "initialize") {
      send({ id, result: { capabilities: {}, serverInfo: { name: "conexus", version: "99.0.0" } } });
    } else if (method === "exit") {
      process.exit(0);
    } else if (id !== undefined) {
      send(method === "shutdown" ? { id, result: null } : { id, error: { code: -32601, message: "no such method" } });
    }
  }
});
`;

await steps.run("a program that is not there", async () => {
  await workbench.waitForStatus("Conexus: not found");
  await oneMessage(`conexus.server.path names ${nowhere}`, "Choose Program", "How to Install", "Try Again");
  await workbench.picture("vscode-not-found");
  await workbench.ask("anything");
  await until("the list says why", async () => (await workbench.labels()).some((label) => label.includes(nowhere)));
  await page.keyboard.press("Escape");
  await workbench.dismissMessages();
});

await steps.run("a program that ends at once is given up after a while", async () => {
  workbench.configure({ "conexus.server.path": program("ends", "#!/bin/sh\necho 'no license' >&2\nexit 3\n") });
  await workbench.waitForStatus("Conexus: restarting");
  assert.deepEqual(await workbench.messages(), [], "nothing is told while it may still come up");
  await workbench.waitForStatus("Conexus: failed");
  await oneMessage("the server ended with code 3: no license", "Restart", "Show Log");
  await workbench.dismissMessages();
});

await steps.run("a program that is no language server", async () => {
  workbench.configure({ "conexus.server.path": program("talks", "#!/bin/sh\nwhile echo hello; do sleep 0.2; done\n") });
  await workbench.waitForStatus("Conexus: starting");
  await workbench.waitForStatus("Conexus: restarting");
  assert.deepEqual(await workbench.messages(), []);
});

await steps.run("a server of another version is used, and told once", async () => {
  const other = program("other-version", OTHER_VERSION);
  workbench.configure({ "conexus.server.path": other });
  await oneMessage("conexus 99.0.0 is newer than this extension", "Show Log");
  await workbench.dismissMessages();
  await workbench.command("Conexus: Restart the Server");
  await workbench.waitForStatus("Conexus: live");
  assert.deepEqual(await workbench.messages(), [], "not a second time");
});

await steps.run("an index that cannot be written", async () => {
  workbench.configure({
    "conexus.server.path": own.server,
    "conexus.server.environment": { CONEXUS_INDEX_DIR: "/proc/conexus" },
  });
  await workbench.waitForStatus("Conexus: error");
  await oneMessage("/proc/conexus", "Show Log", "Settings");
  await workbench.ask("anything");
  await until("the list says why", async () => (await workbench.labels()).some((label) => label.includes("/proc/conexus")));
  await page.keyboard.press("Escape");
  await workbench.dismissMessages();
});

await steps.run("a search while the index is built says that it is", async () => {
  workbench.configure({ "conexus.server.path": own.server, "conexus.server.environment": {} });
  await workbench.waitForStatus(/indexing \d+ %|looking for files/);
  await workbench.ask("option");
  await until("the list says so", async () => {
    const shown = await page.locator(".quick-input-widget:visible").innerText();
    return shown.includes("still indexing") || (await workbench.status().innerText()).includes("live");
  });
  await page.keyboard.press("Escape");
  await workbench.waitForStatus("Conexus: live");
});

await steps.run("the home folder opened by mistake", async () => {
  mkdirSync(join(workbench.home, "some"), { recursive: true });
  await workbench.reopen(workbench.home);
  await workbench.waitForStatus("Conexus: error");
  await until("it is told", async () => (await workbench.messages()).some((text) => text.includes("home")));
  assert.equal((await workbench.messages()).length, 1);
  await workbench.picture("vscode-home");
});

await steps.run("no folder at all", async () => {
  await workbench.reopen(undefined);
  await workbench.waitForStatus(/^\s*Conexus$/);
  await workbench.ask("anything");
  await until("the list says what to do", async () => (await workbench.labels()).some((label) => label.includes("open a folder")));
  await page.keyboard.press("Escape");
  assert.deepEqual(await workbench.messages(), []);
});

await steps.finish();

/** What a person sees when something is wrong: one message with a way out, and an editor that goes on working. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { setup, Steps } from "./steps";
import { INDEXING_MS, until, Workbench } from "./workbench";

const own = setup();
/** A word that many files have. */
const common = process.env["STORY_COMMON"] ?? "error";
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

/**
 * A server that knows the protocol, says its version, and notes searches and what is cancelled instead of answering them.
 * Of callers it has one, in the first line of the document, and says that there will be more.
 */
const otherServer = (version: string, notes: string): string => `#!${process.execPath}
const { appendFileSync } = require("node:fs");
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
    const { id, method, params } = JSON.parse(input.subarray(head + 4, head + 4 + length).toString());
    input = input.subarray(head + 4 + length);
    if (method === "conexus/search" || method === "$/cancelRequest") {
      appendFileSync(${JSON.stringify(notes)}, JSON.stringify({ id, method, params }) + "\\n");
    } else if (method === "initialize") {
      send({ id, result: { capabilities: {}, serverInfo: { name: "conexus", version: "${version}" } } });
    } else if (method === "conexus/related") {
      const range = { start: { line: 0, character: 4 }, end: { line: 0, character: 9 } };
      const place = { uri: params.textDocument.uri, range, selectionRange: range, name: "open_kitchen", container: "" };
      const relation = { ...place, relation: params.relations[0], path: "plan.py", reason: "calls it", confidence: 0.9 };
      const notices = [{ kind: "indexing", message: "still indexing: 3 of 10 files" }];
      send({ id, result: { target: { ...place, name: "brew_espresso" }, relations: [relation], more: [], notices } });
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

await steps.run("a server that crashes again and again is given up after a while", async () => {
  const starts = join(workbench.home, "starts");
  const crashes = program("crashes", `#!/bin/sh\necho >>'${starts}'\nexec timeout --signal=KILL 2 '${own.server}' "$@"\n`);
  workbench.configure({ "conexus.server.path": crashes });
  await workbench.waitForStatus("Conexus: restarting");
  assert.deepEqual(await workbench.messages(), [], "nothing is told while it may still come up");
  await workbench.waitForStatus("Conexus: failed");
  await oneMessage("Conexus crashed several times and is not started again by itself", "Restart", "Show Log", "Choose Program");
  assert.equal(readFileSync(starts, "utf8").length, 6, "as often as it was started");
  await workbench.picture("vscode-failed");
  await workbench.dismissMessages();
});

for (const [version, relation] of [["99.0.0", "newer"], ["0.0.9", "older"]] as const) {
  await steps.run(`a server of ${relation === "older" ? "an" : "a"} ${relation} version is used, and told once`, async () => {
    workbench.configure({ "conexus.server.path": program(relation, otherServer(version, "/dev/null")) });
    await oneMessage(`conexus ${version} is ${relation} than this extension`, "Choose Program", "Show Log");
    await workbench.dismissMessages();
    await workbench.command("Conexus: Restart the Server");
    await workbench.waitForStatus("Conexus: live");
    assert.deepEqual(await workbench.messages(), [], "not a second time");
  });
}

await steps.run("a question that nobody waits for any more is cancelled", async () => {
  const notes = join(workbench.home, "notes");
  writeFileSync(notes, "");
  interface Note { id?: number; method: string; params: { query?: string; id?: number } }
  const noted = (): Note[] => readFileSync(notes, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Note);
  const asked = (query: string): Note | undefined => noted().filter(({ params }) => params.query === query).at(-1);
  const isCancelled = (query: string): boolean =>
    noted().some(({ method, params }) => method === "$/cancelRequest" && params.id === asked(query)?.id);
  workbench.configure({ "conexus.server.path": program("slow", otherServer("0.1.0", notes)) });
  await workbench.ask("the first");
  // The server before may still be asked.
  await until("this server is asked", async () => {
    for (const text of ["the first", "the first text"]) {
      await workbench.input().fill(text);
      await page.waitForTimeout(200);
    }
    return asked("the first text") !== undefined;
  });
  assert.ok(!isCancelled("the first text"), "while somebody waits");
  await workbench.input().fill("the second text");
  await until("the other text is asked for", () => asked("the second text") !== undefined);
  await until("the question before is cancelled", () => isCancelled("the first text"));
  assert.ok(!isCancelled("the second text"), "while somebody waits");
  await page.keyboard.press("Escape");
  await until("the last one is cancelled with the list", () => isCancelled("the second text"));
  assert.deepEqual(await workbench.messages(), []);
});

await steps.run("an index that cannot be written", async () => {
  workbench.configure({
    "conexus.server.path": own.server,
    "conexus.server.environment": { CONEXUS_INDEX_DIR: "/proc/conexus" },
  });
  await workbench.waitForStatus("Conexus: error");
  await oneMessage("/proc/conexus", "Show Log", "Settings");
  assert.match((await workbench.messages()).join(), /CONEXUS_INDEX_DIR/, "a way out");
  await workbench.ask("anything");
  await until("the list says why", async () => (await workbench.labels()).some((label) => label.includes("/proc/conexus")));
  await page.keyboard.press("Escape");
  await workbench.dismissMessages();
});

await steps.run("without a model the status says that names and words only are searched", async () => {
  const off = { CONEXUS_INDEX_DIR: join(workbench.home, "off"), CONEXUS_EMBEDDING: "off" };
  workbench.configure({ "conexus.server.path": own.server, "conexus.server.environment": off });
  await workbench.waitForStatus("Conexus: lexical only", INDEXING_MS);
  assert.deepEqual(await workbench.messages(), []);
});

await steps.run("a search while the index is built is answered from what is there, and says that it is", async () => {
  const fresh = { CONEXUS_INDEX_DIR: join(workbench.home, "fresh"), CONEXUS_THREADS: "1" };
  workbench.configure({ "conexus.server.path": own.server, "conexus.server.environment": fresh });
  await workbench.waitForStatus(/indexing [1-9]\d? %/);
  await workbench.ask(common);
  await until("hits are listed, and that there will be more", async () => {
    const shown = await page.locator(".quick-input-widget:visible").innerText();
    const hits = (await workbench.labels()).filter((label) => /:\d+|, line \d+/.test(label));
    return shown.includes("still indexing") && hits.length >= 3;
  });
  await workbench.picture("vscode-building");
  await workbench.waitForStatus("Conexus: live", INDEXING_MS);
  await until("the list has all when all is indexed", async () => {
    const shown = await page.locator(".quick-input-widget:visible").innerText();
    return !shown.includes("still indexing") && (await workbench.status().innerText()).includes("Conexus: live");
  });
  await page.keyboard.press("Escape");
  assert.deepEqual(await workbench.messages(), []);
});

/** A small folder of its own. */
function kitchen(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "plan.py"), "def brew_espresso(cups):\n    \"\"\"Warms up the coffee machine.\"\"\"\n    return cups * 7\n");
  return folder;
}

/** Types a function into the file of the folder, and finds it and what was there. */
async function worksInKitchen(): Promise<void> {
  await workbench.openFile("plan.py");
  await page.locator(".view-line", { hasText: "brew_espresso" }).first().click();
  await page.keyboard.press("Control+Home");
  await workbench.paste("def fill_kettle(litres):\n    \"\"\"Puts water into a pot for tea.\"\"\"\n    return litres\n\n\n");
  await page.locator(".tab.dirty").waitFor();
  for (const [question, name] of [["warms up the coffee machine", "brew_espresso"], ["put water into the tea pot", "fill_kettle"]] as const) {
    await workbench.ask(question);
    await until(`${name} is first`, async () => (await workbench.labels())[0]?.includes(`  ${name}, `) ?? false);
    await page.keyboard.press("Escape");
  }
  assert.deepEqual(await workbench.messages(), []);
}

async function forgetKitchen(): Promise<void> {
  await workbench.command("File: Revert File");
  await page.locator(".tab.dirty").waitFor({ state: "hidden" });
}

await steps.run("callers in an index that is being built are shown, and it is said that there will be more", async () => {
  workbench.configure({ "conexus.server.path": program("partial", otherServer("0.1.0", "/dev/null")) });
  await workbench.reopen(kitchen(join(workbench.home, "partial-index")));
  await workbench.waitForStatus("Conexus: live");
  await workbench.openFile("plan.py");
  await page.locator(".view-line", { hasText: "brew_espresso" }).first().click();
  await workbench.command("Conexus: Peek Callers");
  await page.locator(".peekview-widget .ref-tree .monaco-list-row", { hasText: "brew_espresso" }).first().waitFor();
  await oneMessage("brew_espresso: still indexing: 3 of 10 files");
  await page.keyboard.press("Escape");
  await page.locator(".peekview-widget").waitFor({ state: "hidden" });
  await workbench.dismissMessages();
});

await steps.run("an index that another program writes is followed, and taken over when that ends", async () => {
  const folder = kitchen(join(workbench.home, "shared"));
  const environment = { CONEXUS_INDEX_DIR: join(workbench.home, "shared-index") };
  const writer = spawn(own.server, ["--workspace", folder, "serve", "--port", "0"], {
    env: { ...process.env, ...workbench.environment, ...environment }, stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    // It says where it listens.
    await once(writer.stderr, "data");
    workbench.configure({ "conexus.server.path": own.server, "conexus.server.environment": environment });
    await workbench.reopen(folder);
    await workbench.waitForStatus("Conexus: detached");
    await workbench.picture("vscode-detached");
    await worksInKitchen();
    await workbench.status().click();
    const title = page.locator(".quick-input-widget:visible .quick-input-title");
    await until("it is said", async () => (await title.innerText()).includes("another program writes this index"));
    await page.keyboard.press("Escape");
  } finally {
    writer.kill();
  }
  await workbench.waitForStatus("Conexus: live");
  await forgetKitchen();
});

await steps.run("a folder on a disk that is read-only is searched like any other", async () => {
  const folder = kitchen(join(workbench.home, "frozen"));
  if (process.env["OWN_MOUNTS"] !== "yes") {
    process.stdout.write("  skipped: this machine lets nobody mount a disk; the folder is one that can be written\n");
  } else {
    execFileSync("mount", ["-t", "tmpfs", "none", folder]);
    kitchen(folder);
    execFileSync("mount", ["-o", "remount,ro", folder]);
    assert.throws(() => { kitchen(folder); }, /EROFS/);
  }
  workbench.configure({ "conexus.server.path": own.server, "conexus.server.environment": {} });
  await workbench.reopen(folder);
  await workbench.waitForStatus("Conexus: live");
  await worksInKitchen();
  await forgetKitchen();
});

await steps.run("the home folder opened by mistake", async () => {
  mkdirSync(join(workbench.home, "some"), { recursive: true });
  await workbench.reopen(workbench.home);
  await workbench.waitForStatus("Conexus: error");
  await until("it is told", async () => (await workbench.messages()).some((text) => text.includes("home")));
  assert.equal((await workbench.messages()).length, 1);
  await workbench.picture("vscode-home");
  await page.locator(".notification-list-item .monaco-button", { hasText: "Settings" }).first().click();
  await page.locator(".settings-editor .setting-item", { hasText: "Index a home folder or the top of a disk too" }).first().waitFor();
  workbench.configure({ "conexus.server.path": own.server, "conexus.index.any_folder": true });
  await workbench.waitForStatus("Conexus: live");
});

if (process.env["OWN_MOUNTS"] === "yes") {
  execFileSync("umount", ["--lazy", join(workbench.home, "frozen")]);
}

await steps.run("no folder at all", async () => {
  await workbench.reopen(undefined);
  await workbench.waitForStatus(/^\s*Conexus$/);
  await workbench.ask("anything");
  await until("the list says what to do", async () => (await workbench.labels()).some((label) => label.includes("open a folder")));
  await page.keyboard.press("Escape");
  assert.deepEqual(await workbench.messages(), []);
});

await steps.finish();

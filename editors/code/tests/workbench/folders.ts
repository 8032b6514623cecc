/**
 * Workspaces that are not one trusted folder: several folders, and one that nobody vouches for. No setting names the program
 * here: it is on the path for the first, and inside of the extension for the second.
 */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import { setup, Steps } from "./steps";
import { until, Workbench } from "./workbench";

const own = setup();
const place = mkdtempSync(join(tmpdir(), "conexus-folders-"));

function write(path: string, text: string, mode = 0o644): string {
  const file = join(place, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const SHOP = "// Adds the tax of a country to the price of an order.\nexport function grossAmount(net: number): number {\n  return net * 1.19;\n}\n";
const STORE = "def restock(shelf):\n    \"\"\"Orders new goods when a shelf is nearly empty.\"\"\"\n    return shelf.order(12)\n";
const LETTERS = "def stamp(letter):\n    \"\"\"Puts postage on an envelope before it is mailed.\"\"\"\n    letter.paid = True\n";
write("shop/src/price.ts", SHOP);
write("store/shelf.py", STORE);
write("letters/post.py", LETTERS);
write("old/shop/till.py", "def close_till(till):\n    \"\"\"Counts the coins of the day in the evening.\"\"\"\n    return sum(till)\n");
const several = (...names: string[]): string =>
  write("all.code-workspace", JSON.stringify({ folders: names.map((name) => ({ path: name })) }));

/** An editor that was started from a terminal in which a folder is the first of the path. */
const withPath = (folder: string): Record<string, string> =>
  ({ VSCODE_CLI: "1", PATH: `${folder}:${process.env["PATH"] ?? ""}` });

/** The programs below a folder that run as language servers; a server may be several processes. */
function servers(below: string): string[] {
  const programs = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    } catch {
      return []; // It has ended.
    }
  });
  const found = programs.filter(([program = "", command]) => command === "lsp" && program.startsWith(below));
  return [...new Set(found.map(([program = ""]) => program))];
}

{
  mkdirSync(join(place, "bin"));
  symlinkSync(own.server, join(place, "bin/conexus"));
  const environment = withPath(join(place, "bin"));
  const workbench = await Workbench.open({ ...own, settings: {}, environment, workspace: several("shop", "store") });
  const { page } = workbench;
  const steps = new Steps(workbench);
  const found = async (question: string, name: string): Promise<void> => {
    await workbench.ask(question);
    await until(`${name} is first`, async () => (await workbench.labels())[0]?.includes(`  ${name}, `) ?? false);
    await page.keyboard.press("Escape");
  };

  await steps.run("the program on the path is used where the extension has none", async () => {
    await workbench.waitForStatus("Conexus: live");
    assert.deepEqual(servers(place), [join(place, "bin/conexus")]);
  });

  await steps.run("several folders are searched as one, and the status names each", async () => {
    await found("add tax to the price", "grossAmount");
    await workbench.ask("order goods for an empty shelf");
    await until("the name of its folder is shown", async () => /^\S+ {2}restock, .* · store/.test((await workbench.labels())[0] ?? ""));
    await page.keyboard.press("Escape");
    await workbench.status().click();
    const title = page.locator(".quick-input-widget:visible .quick-input-title");
    await until("both are named", async () => /shop: 1 file.*store: 1 file/.test(await title.innerText()));
    await page.keyboard.press("Escape");
  });

  await steps.run("Enter before the answer to what was typed last opens its hit, and none of the text before", async () => {
    await workbench.ask("add tax to the price");
    await until("the hit of the text before is first", async () => (await workbench.labels())[0]?.includes("  grossAmount, ") ?? false);
    await workbench.input().fill("order goods for an empty shelf");
    await page.keyboard.press("Enter");
    await page.locator(".tab.active", { hasText: "shelf.py" }).waitFor();
    assert.equal(await page.locator(".tab").count(), 1);
    await workbench.command("View: Close All Editors");
    await until("none is left", async () => (await page.locator(".tab").count()) === 0);
  });

  /** The editor lists each server, and a copied configuration names each folder. */
  const assistantHas = async (labels: readonly string[], servers: readonly (readonly [string, string])[]): Promise<void> => {
    // The list is of the moment in which it is opened.
    await until("the editor lists its servers", async () => {
      await workbench.command("MCP: List Servers");
      await workbench.rows().filter({ hasText: "Add Server" }).first().waitFor();
      const rows = await workbench.rows().allInnerTexts();
      await page.keyboard.press("Escape");
      return labels.every((label) => rows.some((row) => row.includes(`Conexus (${label})`)));
    });
    await workbench.command("Conexus: Copy MCP Configuration");
    await until("it is told", async () => (await workbench.messages()).some((text) => text.includes("copied the MCP configuration")));
    const text = await page.evaluate<string>("navigator.clipboard.readText()");
    const { mcpServers } = JSON.parse(text) as { mcpServers: Record<string, { args: string[] }> };
    assert.deepEqual(Object.entries(mcpServers).map(([name, { args }]) => [name, args.at(-1)]), servers);
    await workbench.dismissMessages();
  };

  await steps.run("the editor's assistant has each folder, and so has a copied configuration", async () => {
    await assistantHas(["shop", "store"], [["conexus-shop", join(place, "shop")], ["conexus-store", join(place, "store")]]);
  });

  await steps.run("a folder is added, another one is taken away", async () => {
    several("shop", "store", "letters");
    await found("put postage on an envelope", "stamp");
    several("shop", "letters");
    await workbench.waitForStatus("Conexus: live");
    await workbench.ask("order goods for an empty shelf");
    await until("the folder is gone from the answers", async () => {
      const labels = await workbench.labels();
      return labels.length > 0 && labels.every((label) => !label.includes("restock"));
    });
    await page.keyboard.press("Escape");
    assert.deepEqual(await workbench.messages(), []);
  });

  await steps.run("two folders of one name are told apart", async () => {
    several("shop", "old/shop");
    await found("count the coins in the evening", "close_till");
    const above = basename(place);
    await assistantHas(
      [`${above}/shop`, "old/shop"],
      [[`conexus-${above}-shop`, join(place, "shop")], ["conexus-old-shop", join(place, "old/shop")]],
    );
  });

  await steps.finish();
}

{
  const trace = join(place, "started");
  const foreign = write("strange/run", `#!/bin/sh\ntouch '${trace}'\nexec '${own.server}' "$@"\n`, 0o755);
  write("strange/src/price.ts", SHOP);
  write("strange/.vscode/settings.json", JSON.stringify({
    "conexus.server.path": foreign, "conexus.server.environment": { CONEXUS_LOG_FILE: trace }, "conexus.search.limit": 5,
  }));
  // The one in the extension comes before one on the path, and one that a setting names before both.
  const decoy = join(place, "decoy");
  write("decoys/conexus", `#!/bin/sh\ntouch '${decoy}'\nexit 3\n`, 0o755);
  const workbench = await Workbench.open({
    ...own,
    extensions: [own.bundled],
    settings: {},
    environment: withPath(join(place, "decoys")),
    workspace: join(place, "strange"),
    asksForTrust: true,
  });
  const { page } = workbench;
  const steps = new Steps(workbench);

  await steps.run("the program in the extension is used, and none on the path", async () => {
    await workbench.waitForStatus("Conexus: live");
    assert.match(servers(workbench.home).join(), /^[^,]*\/extensions\/[^,/]*conexus[^,/]*\/bundled\/conexus$/);
    assert.ok(!existsSync(decoy), "nothing else was started");
  });

  await steps.run("a folder that is not trusted is searched, and starts no program of its own", async () => {
    await page.locator(".statusbar-item", { hasText: "Restricted Mode" }).first().waitFor();
    await workbench.ask("add tax to the price");
    await until("it is found", async () => (await workbench.labels())[0]?.includes("  grossAmount, ") ?? false);
    await page.keyboard.press("Escape");
    await workbench.status().click();
    const title = page.locator(".quick-input-widget:visible .quick-input-title");
    await until("it is said", async () => (await title.innerText()).includes("not trusted"));
    await page.keyboard.press("Escape");
    assert.ok(!existsSync(trace), "nothing of the folder was started");
    assert.deepEqual(await workbench.messages(), []);
  });

  await steps.run("the built-in model stands in for one that cannot be reached, and the status says so", async () => {
    const file = write("settings.toml", '[embedding]\nprovider = "openai"\nurl = "http://127.0.0.1:9"\nmodel = "none"\nattempts = 1\n');
    workbench.configure({ "conexus.server.environment": { CONEXUS_CONFIG: file } });
    await workbench.waitForStatus("Conexus: built-in model");
    await workbench.ask("grossAmount");
    await until("it is found by name", async () => (await workbench.labels()).some((label) => label.includes("  grossAmount, ")));
    await page.keyboard.press("Escape");
    workbench.configure({});
    await workbench.waitForStatus("Conexus: live");
    assert.deepEqual(await workbench.messages(), []);
  });

  await steps.run("its settings count when it is trusted", async () => {
    await workbench.command("Workspaces: Manage Workspace Trust");
    await page.locator(".workspace-trust-editor .monaco-button", { hasText: /^Trust$/ }).first().click();
    await page.locator(".statusbar-item", { hasText: "Restricted Mode" }).first().waitFor({ state: "hidden" });
    await until("its program was started", () => existsSync(trace));
    await workbench.waitForStatus("Conexus: live");
    await until("it is the only one", () => servers(workbench.home).length === 0);
    assert.ok(!existsSync(decoy), "the one on the path was not started");
    assert.deepEqual(await workbench.messages(), []);
  });

  await steps.finish();
}

rmSync(place, { recursive: true, force: true });

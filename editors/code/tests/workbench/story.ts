/** What a person does with the extension on a day of work, in a real workbench over a real repository. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Locator } from "playwright-core";

import { setup, Steps } from "./steps";
import { INDEXING_MS, until, Workbench } from "./workbench";

/** A phrase, and the symbol that it must find although none of its words is in the name. */
const phrase = process.env["STORY_PHRASE"] ?? "suggestions for a misspelled option";
const answer = process.env["STORY_ANSWER"] ?? "did_you_mean_flag";
/** What is typed into the file of the answer and not saved. */
const typed = process.env["STORY_TYPED"] ?? `/// Turns the lamps of a pedestrian crossing to green.
fn zebra_go(seconds: u32) -> bool {
    let is_day = seconds > 21_600;
    is_day && seconds < 72_000
}

`;
const typedName = process.env["STORY_TYPED_NAME"] ?? "zebra_go";
const typedPhrase = process.env["STORY_TYPED_PHRASE"] ?? "lamps of the pedestrian crossing";

/** Commands on the answer, and what the list that opens holds. */
const peeks = JSON.parse(
  process.env["STORY_PEEKS"] ??
    '[["Peek Callers", "parser.rs"], ["Peek Callees", "mkeymap.rs"], ["Peek Likely Tests", "hahaahahah"], ["Peek Similar Code", "value_parser.rs"]]',
) as [string, string][];
/** Typed too: does what the first one does, under another name. */
const twin = process.env["STORY_TWIN"] ?? `/// Turns the lamps of the crossing for people on foot to green.
fn zebra_walk(time: u32) -> bool {
    let is_day = time > 21_600;
    is_day && time < 72_000
}

`;
const twinName = process.env["STORY_TWIN_NAME"] ?? "zebra_walk";

/** A folder with pages in it. */
const folder = process.env["STORY_FOLDER"] ?? "tantivy/";
/** A page that links a file at a path that git knows and that is gone, several times, and what it is called now. */
const stalePage = process.env["STORY_STALE"] ?? "tantivy/ARCHITECTURE.md";
const oldPath = process.env["STORY_OLD_PATH"] ?? "src/postings/term_info.rs";
const newPath = process.env["STORY_NEW_PATH"] ?? "src/postings/info.rs";

const own = setup();
const workbench = await Workbench.open(own);
const { page } = workbench;
const steps = new Steps(workbench);

/** Asks the list and waits for rows. */
async function search(text: string, first?: string): Promise<string[]> {
  await workbench.ask(text);
  if (first !== undefined) {
    await until(`${first} is found first`, async () => (await workbench.labels())[0]?.includes(`  ${first}, `) ?? false);
  }
  await workbench.rows().first().waitFor();
  return workbench.labels();
}

await steps.run("the index is built, and the status item says how far", async () => {
  await workbench.waitForStatus(/Conexus: (starting|opening|looking for files|indexing|computing)/);
  await workbench.waitForStatus(/indexing \d+ %|live/);
  await workbench.picture("vscode-indexing");
  await workbench.waitForStatus("Conexus: live", INDEXING_MS);
});

await steps.run("the menu of the status item", async () => {
  await workbench.status().click();
  await workbench.rows().first().waitFor();
  const labels = (await workbench.labels()).join("\n");
  for (const entry of ["Search by meaning", "Rebuild the index", "Walkthrough"]) {
    assert.ok(labels.includes(entry), `${entry} in ${labels}`);
  }
  await workbench.picture("vscode-menu");
  await page.keyboard.press("Escape");
});

/** Clicks an entry of the status item's menu. */
async function choose(entry: string): Promise<void> {
  await workbench.status().click();
  await workbench.rows().filter({ hasText: entry }).first().click();
}

await steps.run("the menu's entries do what they say", async () => {
  const seen = await workbench.statuses();
  await choose("Reindex");
  await until("all files are looked at again", async () => (await seen()).some((text) => text.includes("looking for files")));
  await until("it is done", async () => (await seen()).at(-1)?.includes("Conexus: live") ?? false);
  await choose("Restart the server");
  await until("it starts", async () => (await seen()).some((text) => text.includes("Conexus: starting")));
  await until("it runs", async () => (await seen()).at(-1)?.includes("Conexus: live") ?? false);

  await choose("Show the log");
  await page.locator(".part.panel .view-line", { hasText: "starting" }).first().waitFor();
  await workbench.command("View: Toggle Panel Visibility");

  await choose("Copy MCP configuration");
  await until("it is told", async () => (await workbench.messages()).some((text) => text.includes("copied the MCP configuration")));
  const text = await page.evaluate<string>("navigator.clipboard.readText()");
  const { mcpServers } = JSON.parse(text) as { mcpServers: Record<string, { command: string; args: string[] }> };
  assert.deepEqual(mcpServers["conexus"], { command: own.server, args: ["mcp", "--workspace", own.workspace] });
  await workbench.dismissMessages();

  await choose("Settings");
  await page.locator(".settings-editor .setting-item", { hasText: "Show the selected hit in the editor" }).first().waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".settings-editor").waitFor({ state: "hidden" });
});

await steps.run("a phrase finds what is not called so, in the order of the server", async () => {
  const words = phrase.toLowerCase().split(/\W+/).filter((word) => word.length > 2);
  assert.deepEqual(words.filter((word) => answer.toLowerCase().includes(word)), [], "no word is in the name");
  const labels = await search(phrase, answer);
  const found = JSON.parse(
    execFileSync(own.server, ["--workspace", own.workspace, "search", "--json", "--limit", "20", "--", phrase], {
      env: { ...process.env, ...workbench.environment }, stdio: ["ignore", "pipe", "ignore"],
    }).toString(),
  ) as { hits: { name: string; path: string; line: number }[] };
  const expected = found.hits.map(({ name, path }) => (name === "" ? path.split("/").at(-1) ?? "" : name));
  const shown = labels.map((label) => /^\S+ {2}([^,]*), /.exec(label)?.[1]).filter((name) => name !== undefined);
  assert.ok(shown.length >= 5, `${shown.length} rows are in sight`);
  assert.deepEqual(shown, expected.slice(0, shown.length));
  await workbench.picture("vscode-search");
});

await steps.run("what is selected is shown, and Escape puts back what was there", async () => {
  await page.keyboard.press("ArrowDown");
  await page.locator(".editor-instance .view-lines").first().waitFor();
  await workbench.picture("vscode-preview");
  await page.keyboard.press("Escape");
  await until("the editor is empty again", async () => (await page.locator(".tab").count()) === 0);
});

await steps.run("a search is narrowed to a kind, and a hit is opened to the side", async () => {
  await search(phrase, answer);
  await page.locator(".quick-input-titlebar .action-label[aria-label='Filter by Kind']").click();
  await page.locator(".quick-input-widget:visible .quick-input-title", { hasText: "Kinds of symbols" }).waitFor();
  await workbench.input().fill("struct");
  await workbench.rows().filter({ hasText: "struct" }).first().click();
  await page.keyboard.press("Enter");
  await page.locator(".quick-input-widget:visible .quick-input-title", { hasText: "only struct" }).waitFor();
  await until("only structs are listed", async () => {
    const labels = await workbench.labels();
    return labels.length > 0 && labels.every((label) => label.startsWith("symbol-structure"));
  });
  assert.equal(await workbench.input().inputValue(), phrase, "the question stays");
  await page.keyboard.press("Control+Enter");
  await page.locator(".editor-instance .view-lines").first().waitFor();
  await search(phrase, answer);
  await page.keyboard.press("Control+Enter");
  await until("two editors are side by side", async () => (await page.locator(".editor-instance .view-lines").count()) === 2);
  await workbench.command("View: Close All Editors");
  await until("none is left", async () => (await page.locator(".tab").count()) === 0);
});

await steps.run("a search is narrowed to a language and to paths, and set free again", async () => {
  const title = page.locator(".quick-input-widget:visible .quick-input-title");
  const button = (name: string): Locator => page.locator(`.quick-input-titlebar .action-label[aria-label='${name}']`);
  const onlyRows = (what: string, wanted: RegExp): Promise<void> =>
    until(what, async () => {
      const labels = await workbench.labels();
      return labels.length > 0 && labels.every((label) => wanted.test(label));
    });
  await search(phrase, answer);
  await button("Filter by Language").click();
  await title.filter({ hasText: "Languages" }).waitFor();
  await workbench.input().fill("markdown");
  await workbench.rows().filter({ hasText: "markdown" }).first().click();
  await page.keyboard.press("Enter");
  await title.filter({ hasText: "only markdown" }).waitFor();
  await onlyRows("only pages are listed", /\.md(:|, line )\d+|Show more/);
  await button("Filter by Path").click();
  await title.filter({ hasText: "Search in Paths" }).waitFor();
  await workbench.input().fill(folder);
  await page.keyboard.press("Enter");
  await title.filter({ hasText: `only markdown, ${folder}**` }).waitFor();
  await onlyRows("only pages of the folder are listed", new RegExp(`\\.md(:|, line )\\d+.* · ${folder.slice(0, -1)}|Show more`));
  await button("Clear Filters").click();
  await until("the answer is first again", async () => (await workbench.labels())[0]?.includes(`  ${answer}, `) ?? false);
  assert.equal(await workbench.input().inputValue(), phrase, "the question stays");
  await page.keyboard.press("Escape");
});

await steps.run("Escape leaves the tabs that were there", async () => {
  const tabs = page.locator(".tab");
  await search(phrase, answer);
  await page.keyboard.press("Enter");
  await page.locator(".view-lines", { hasText: answer }).first().waitFor();
  await workbench.command("View: Keep Editor");
  await workbench.command("Conexus: Open Walkthrough");
  await page.locator(".gettingStartedContainer", { hasText: "Begin with Conexus" }).waitFor();
  // The page takes the focus while it is drawn, which would end a list of commands.
  await workbench.tab().dblclick();
  await until("there are two tabs", async () => (await tabs.count()) === 2);
  const [file] = await tabs.allInnerTexts();
  // No text is in front: what is shown meanwhile is a tab that is there, and one that is not.
  await search(phrase, answer);
  await page.keyboard.press("ArrowDown");
  await until("another file is shown", async () => (await tabs.count()) === 3);
  await page.keyboard.press("ArrowUp");
  await until("the open file is shown", async () => (await workbench.tab().innerText()) === file);
  await page.keyboard.press("Escape");
  await until("the tab of the preview is gone", async () => (await tabs.count()) === 2);
  assert.ok((await tabs.allInnerTexts()).includes(file ?? ""), "the person's own stays");
  await workbench.command("View: Close All Editors");
  await until("none is left", async () => (await tabs.count()) === 0);
});

await steps.run("the hit is opened at its name", async () => {
  await search(phrase, answer);
  await page.keyboard.press("Enter");
  await page.locator(".view-lines", { hasText: answer }).first().waitFor();
  const position = await page.locator(".statusbar-item", { hasText: /^Ln \d+, Col \d+/ }).innerText();
  assert.ok(!position.startsWith("Ln 1,"), position);
});

/** Waits for the editor's own view in place, and for a text in its list. */
async function peeked(text: string): Promise<void> {
  await page.locator(".peekview-widget .ref-tree .monaco-list-row", { hasText: text }).first().waitFor();
}

for (const [command, shown] of peeks) {
  await steps.run(`${command}: the answer is shown in place`, async () => {
    await workbench.command(`Conexus: ${command}`);
    await peeked(shown);
    await workbench.picture(`vscode-${command.split(" ").at(-1)?.toLowerCase()}`);
    await page.keyboard.press("Escape");
    await page.locator(".peekview-widget").waitFor({ state: "hidden" });
  });
}

await steps.run("the server's actions are in the menu of code actions", async () => {
  await page.keyboard.press("Control+.");
  const rows = page.locator(".action-widget .monaco-list-row");
  await rows.first().waitFor();
  const titles = (await rows.allInnerTexts()).join("\n");
  for (const title of [`Find code similar to \`${answer}\``, `Show callers of \`${answer}\``]) {
    assert.ok(titles.includes(title), `${title} in ${titles}`);
  }
  await workbench.picture("vscode-actions");
  await page.keyboard.press("Escape");
});

await steps.run("the context of a symbol is copied", async () => {
  await workbench.command("Conexus: Copy Context for an Assistant");
  await until("it is told", async () => (await workbench.messages()).some((text) => text.includes("copied the context")));
  await workbench.dismissMessages();
});

/** Goes to the top of the file; an editor that has just been opened does not listen at once. */
async function goToTop(): Promise<void> {
  await until("the cursor is at the top", async () => {
    await page.keyboard.press("Control+Home");
    return (await page.locator(".statusbar-item", { hasText: /^Ln \d+, Col \d+/ }).innerText()).trim() === "Ln 1, Col 1";
  });
}

await steps.run("an edit is found before it is saved", async () => {
  await goToTop();
  await workbench.paste(typed);
  await page.locator(".tab.dirty").waitFor();
  await search(typedPhrase, typedName);
  await workbench.picture("vscode-unsaved");
  await page.keyboard.press("Enter");
  await page.locator(".tab.dirty").waitFor();
});

/** Chooses a code action. */
async function act(title: string): Promise<void> {
  // An editor that has just been opened does not listen at once.
  await until(`${title} is offered and chosen`, async () => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+.");
    await page.locator(".action-widget .monaco-list-row", { hasText: title }).first().click({ timeout: 5_000 });
    return true;
  });
}

await steps.run("a code action shows a helper that exists already", async () => {
  await goToTop();
  await workbench.paste(twin);
  await search(twinName, twinName);
  await page.keyboard.press("Enter");
  await act(`Reuse an existing helper instead of \`${twinName}\``);
  await peeked(typedName);
  await workbench.picture("vscode-reuse");
  await page.keyboard.press("Escape");
  await page.locator(".peekview-widget").waitFor({ state: "hidden" });
});

await steps.run("a code action copies the context of a symbol", async () => {
  await act(`Copy context of \`${twinName}\` for an assistant`);
  await until("it is told", async () => (await workbench.messages()).some((text) => text.includes(`copied the context of ${twinName}`)));
  const text = await page.evaluate<string>("navigator.clipboard.readText()");
  assert.ok(text.includes(twinName), text);
  await workbench.dismissMessages();
});

await steps.run("links above symbols count callers, tests and similar code when they are wanted, and lead to them", async () => {
  workbench.configure({ "conexus.codeLens": ["callers", "tests", "similar"] });
  await search(phrase, answer);
  await page.keyboard.press("Enter");
  for (const text of [/\d+\+? callers?/, /\d+\+? likely tests?/, /nothing similar|\d+\+? similar/]) {
    await page.locator(".codelens-decoration a:visible", { hasText: text }).first().waitFor();
  }
  await workbench.picture("vscode-lenses");
  // Links are drawn anew as counts come in: what is under the mouse then is gone.
  await until("the link leads to the callers", async () => {
    await page.locator(".codelens-decoration a:visible", { hasText: /[1-9]\d*\+? callers?/ }).first().click({ timeout: 3_000 });
    await page.locator(".peekview-widget .ref-tree .monaco-list-row").first().waitFor({ timeout: 3_000 });
    return true;
  });
  await page.keyboard.press("Escape");
  await page.locator(".peekview-widget").waitFor({ state: "hidden" });
  workbench.configure({});
  await until("they go again", async () => (await page.locator(".codelens-decoration").count()) === 0);
});

await steps.run("the editor's own list of symbols has names", async () => {
  await page.keyboard.press("Control+t");
  await workbench.input().fill(`#${answer}`);
  await until("the name is listed", async () => (await workbench.labels()).some((label) => label.includes(answer)));
  await page.keyboard.press("Escape");
});

/** The last line of the editor's log of the assistant's connection that says that the tools were found, with its time. */
async function discovered(): Promise<string> {
  const lines = await page.locator(".part.panel .view-line", { hasText: /Discovered\s+\d+\s+tools/ }).allTextContents();
  return lines.at(-1) ?? "";
}

/** Starts the assistant's connection and waits until it has found the tools, once more if it had before. */
async function connect(): Promise<void> {
  const before = await discovered();
  await workbench.command("MCP: List Servers");
  const row = workbench.rows().filter({ hasText: "Conexus" });
  await row.first().waitFor();
  await workbench.picture("vscode-mcp");
  await row.first().click();
  await workbench.rows().filter({ hasText: "Start Server" }).first().click();
  await page.mouse.move(590, 704);
  await until("the tools are found", async () => !["", before].includes(await discovered()));
}

await steps.run("the editor's assistant is connected, and no file holds the token", async () => {
  await connect();
  // The files, the extension and the assistant's way to them are on one machine, that of the editor's remote part.
  await page.locator(".part.panel .view-line", { hasText: /Remote\s+extension\s+host/ }).first().waitFor();
  await workbench.picture("vscode-mcp-running");
  const [file] = workbench.endpoints();
  assert.ok(file, "the session wrote its endpoint");
  const { token } = JSON.parse(readFileSync(file, "utf8")) as { token: string };
  assert.match(token, /^[0-9a-f]{64}$/);
  assert.deepEqual(workbench.filesWith(token), [file], "only the file that its user alone can read");
});

await steps.run("the index is built anew", async () => {
  await workbench.command("Conexus: Rebuild the Index");
  await page.locator(".monaco-dialog-box .monaco-button", { hasText: "Rebuild" }).click();
  await workbench.waitForStatus("Conexus: stopped");
  await workbench.waitForStatus("Conexus: live");
  await search(typedPhrase, typedName);
  await page.keyboard.press("Escape");
});

await steps.run("a server that is killed comes back without a word", async () => {
  const [file] = workbench.endpoints();
  assert.ok(file);
  const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  await until("another one runs", () => workbench.endpoints().some((other) => !other.endsWith(`-${pid}.json`)));
  await workbench.waitForStatus("Conexus: live");
  await search(typedPhrase, typedName);
  await page.keyboard.press("Escape");
  assert.deepEqual(await workbench.messages(), []);
});

await steps.run("the assistant's connection takes the token of the server that runs now", async () => {
  await connect();
});

/** Findings of the page, as the view lists them. */
const findings = page.locator(".pane-body .monaco-list-row", { hasText: `the file \`${oldPath}\`` });

/** Presses the button of a row of the view. */
async function press(row: Locator, button: string): Promise<void> {
  await row.hover();
  await row.locator(`.action-label[aria-label='${button}']`).click();
}

await steps.run("findings are turned on in their view, and listed", async () => {
  await workbench.command("View: Close All Editors");
  await page.locator(".monaco-dialog-box .monaco-button", { hasText: "Don't Save" }).click();
  await workbench.openFile(stalePage);
  await workbench.command("Conexus: Focus on Findings View");
  await page.locator(".welcome-view-content .monaco-button", { hasText: "Turn on Findings" }).click();
  // The first come so soon that what stands there until then may not be seen.
  const looking = page.locator(".welcome-view-content", { hasText: "Looking for findings" });
  await until("they are looked for", async () => (await looking.isVisible()) || (await findings.count()) > 0);
  await until("some are listed", async () => (await findings.count()) >= 4);
  await findings.first().click();
  await page.locator(".view-line", { hasText: oldPath }).first().waitFor();
  await workbench.command("View: Toggle Panel Visibility");
  await workbench.widenSideBar(220);
  await workbench.picture("vscode-findings");
});

await steps.run("a finding is fixed", async () => {
  const before = await findings.count();
  await press(findings.first(), "Fix");
  await page.locator(".tab.dirty").waitFor();
  await until("one less is listed", async () => (await findings.count()) === before - 1);
});

await steps.run("a code action changes the file", async () => {
  const before = await findings.count();
  await workbench.picture("vscode-fixed");
  await findings.first().click();
  await workbench.command("View: Focus Active Editor Group");
  await act(`Write \`${newPath}\``);
  await until("one less is listed", async () => (await findings.count()) === before - 1);
  await page.locator(".view-line", { hasText: newPath }).first().waitFor();
  await workbench.picture("vscode-action");
});

await steps.run("a finding is ignored where it stands", async () => {
  const before = await findings.count();
  await press(findings.first(), "Ignore");
  await workbench.rows().filter({ hasText: "Ignore stale-reference here" }).click();
  await until("one less is listed", async () => (await findings.count()) === before - 1);
  await page.locator(".view-line", { hasText: "conexus-ignore: stale-reference" }).first().waitFor();
});

await steps.run("a finding is ignored in the baseline", async () => {
  const before = await findings.count();
  await press(findings.first(), "Ignore");
  await workbench.rows().filter({ hasText: "Ignore this stale-reference in the baseline" }).click();
  await until("one less is listed", async () => (await findings.count()) < before);
});

await steps.run("the rest of a file is fixed at once, and undone at once", async () => {
  const before = await findings.count();
  assert.ok(before > 1, `${before} are left`);
  const file = page.locator(".pane-body .monaco-list-row", { hasText: stalePage.split("/").at(-1) ?? "" }).first();
  await press(file, "Fix All in This File");
  await until("none is left", async () => (await findings.count()) === 0);
  assert.deepEqual(await workbench.messages(), []);
  await workbench.command("File: Save");
  // The two that were fixed before, and those of now; two are ignored.
  await until("the fixes are in the file", () =>
    readFileSync(join(own.workspace, stalePage), "utf8").split(newPath).length - 1 === before + 2);
  await page.locator(".editor-instance .view-lines").first().click();
  await page.keyboard.press("Control+z");
  await until("all are back", async () => (await findings.count()) === before);
});

await steps.run("the walkthrough", async () => {
  await workbench.command("Conexus: Open Walkthrough");
  await page.locator(".gettingStartedContainer", { hasText: "Begin with Conexus" }).waitFor();
  await page.locator(`[data-step-id$="#program"][aria-checked="true"]`).waitFor();
  await workbench.picture("vscode-walkthrough");
});

await steps.finish();

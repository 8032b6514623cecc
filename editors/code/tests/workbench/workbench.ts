/** A real workbench: code-server with the packaged extension, driven in a browser as a person does it. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setInterval } from "node:timers/promises";

import { type Browser, chromium, type Locator, type Page } from "playwright-core";

/** How long a state may take to come before the test fails. */
export const PATIENCE_MS = 60_000;
/** How long a debug build may take for thousands of files on a busy machine. */
export const INDEXING_MS = 240_000;
/** How often a state is looked at that the browser cannot tell of. */
const LOOK_MS = 50;

export interface Setup {
  /** Folder of code-server and its Node.js. */
  readonly installed: string;
  readonly extensions: readonly string[];
  readonly workspace: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Where pictures go. */
  readonly pictures: string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  /** The editor asks whom to trust, as it does unless somebody has turned that off. */
  readonly asksForTrust?: boolean;
}

const QUIET = {
  "workbench.startupEditor": "none",
  "workbench.colorTheme": "Default Light Modern",
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "files.autoSave": "off",
  "files.simpleDialog.enable": true,
  "window.menuBarVisibility": "classic",
  "window.commandCenter": false,
  "telemetry.telemetryLevel": "off",
  "git.enabled": false,
  "extensions.ignoreRecommendations": true,
  "editor.minimap.enabled": false,
  "security.workspace.trust.startupPrompt": "never",
};

export class Workbench {
  private constructor(
    private readonly setup: Setup,
    private readonly folder: string,
    private readonly server: ChildProcess,
    private readonly browser: Browser,
    readonly page: Page,
    /** Where the server has its files: another program finds the session through it. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async open(setup: Setup): Promise<Workbench> {
    const folder = mkdtempSync(join(tmpdir(), "conexus-workbench-"));
    const node = join(setup.installed, "node/node_modules/.bin/node");
    const entry = join(setup.installed, "server/node_modules/code-server/out/node/entry.js");
    const places = {
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_CACHE_HOME: join(folder, "cache"),
      XDG_DATA_HOME: join(folder, "data"),
      XDG_RUNTIME_DIR: folder,
      ...setup.environment,
    };
    const environment = { ...process.env, ...places };
    const common = ["--user-data-dir", join(folder, "user"), "--extensions-dir", join(folder, "extensions")];
    const installs = setup.extensions.flatMap((extension) => ["--install-extension", extension]);
    execFileSync(node, [entry, ...common, ...installs], { env: environment, stdio: "pipe" });
    const port = await freePort();
    const trust = { "security.workspace.trust.enabled": setup.asksForTrust === true };
    setup = { ...setup, settings: { ...trust, ...setup.settings } };
    writeSettings(folder, setup.settings);
    const server = spawn(
      node,
      [
        entry, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry", "--disable-update-check",
        ...(setup.asksForTrust === true ? [] : ["--disable-workspace-trust"]), ...common, setup.workspace,
      ],
      { env: environment, stdio: "ignore" },
    );
    await until("code-server listens", async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok);
    const browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
      ],
    });
    const context = await browser.newContext({ viewport: { width: 1180, height: 720 } });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`http://127.0.0.1:${port}/?${query(setup.workspace)}`);
    await page.locator(".monaco-workbench").waitFor();
    return new Workbench(setup, folder, server, browser, page, places);
  }

  async close(): Promise<void> {
    await this.browser.close();
    const ended = new Promise((resolve) => this.server.once("exit", resolve));
    this.server.kill();
    await ended;
    // What it started ends a little later and still writes; Node's own attempts do not look for new files.
    await until("the folder is deleted", () => {
      rmSync(this.folder, { recursive: true, force: true });
      return true;
    });
  }

  /** Replaces the user's settings, as an edit of their file does. */
  configure(settings: Readonly<Record<string, unknown>>): void {
    writeSettings(this.folder, { ...this.setup.settings, ...settings });
  }

  status(): Locator {
    return this.page.locator(".statusbar-item", { hasText: "Conexus" }).first();
  }

  async waitForStatus(text: string | RegExp, patience = PATIENCE_MS): Promise<void> {
    await this.page.locator(".statusbar-item", { hasText: text }).first().waitFor({ timeout: patience });
  }

  /** Begins to note what the status item says; returns what it has said since. */
  async statuses(): Promise<() => Promise<string[]>> {
    await this.page.evaluate(`{
      const texts = (window.conexusTexts = []);
      const note = () => {
        const item = [...document.querySelectorAll(".statusbar-item")].find((each) => each.innerText.includes("Conexus"));
        const text = item?.innerText.trim() ?? "";
        if (text !== "" && texts.at(-1) !== text) texts.push(text);
      };
      note();
      new MutationObserver(note).observe(document.querySelector(".part.statusbar"), { childList: true, characterData: true, subtree: true });
    }`);
    return () => this.page.evaluate<string[]>("window.conexusTexts");
  }

  /** Opens the list that searches by meaning, and asks. */
  async ask(text: string): Promise<void> {
    await this.input().waitFor({ state: "hidden" });
    await this.page.keyboard.press("Control+Alt+t");
    await this.page.locator(".quick-input-widget:visible .quick-input-title", { hasText: "Search by Meaning" }).waitFor();
    await this.input().fill(text);
  }

  /** Runs a command by its title. */
  async command(title: string): Promise<void> {
    await this.input().waitFor({ state: "hidden" });
    await this.page.keyboard.press("F1");
    await this.input().fill(`>${title}`);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
  }

  /** Opens a file of the workspace by its path. */
  async openFile(path: string): Promise<void> {
    await this.input().waitFor({ state: "hidden" });
    await this.page.keyboard.press("Control+p");
    await this.input().fill(path);
    const name = path.slice(path.lastIndexOf("/") + 1);
    await this.rows().filter({ hasText: name }).first().waitFor();
    await this.page.keyboard.press("Enter");
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
    // A tab that was active before says nothing: until the text has the focus, keys go elsewhere.
    await this.input().waitFor({ state: "hidden" });
    await this.page.locator(".part.editor .monaco-editor.focused").first().waitFor();
  }

  async widenSideBar(pixels: number): Promise<void> {
    const box = await this.page.locator(".part.sidebar").boundingBox();
    if (box === null) {
      throw new Error("there is no side bar");
    }
    const [edge, middle] = [box.x + box.width, box.y + box.height / 2];
    await this.page.mouse.move(edge, middle);
    await this.page.mouse.down();
    await this.page.mouse.move(edge + pixels, middle, { steps: 8 });
    await this.page.mouse.up();
  }

  input(): Locator {
    return this.page.locator(".quick-input-widget:visible .quick-input-box input");
  }

  rows(): Locator {
    return this.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row");
  }

  /** Puts a text where the cursor is, as it is: typing would let the editor add indents and signs of comments. */
  async paste(text: string): Promise<void> {
    await this.page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await this.page.keyboard.press("Control+v");
  }

  /** Labels of the rows, as a screen reader reads them. */
  async labels(): Promise<string[]> {
    const labels: { index: number; label: string }[] = [];
    for (const row of await this.rows().all()) {
      labels.push({
        index: Number(await row.getAttribute("data-index")),
        label: (await row.getAttribute("aria-label")) ?? "",
      });
    }
    return labels.sort((left, right) => left.index - right.index).map(({ label }) => label);
  }

  async messages(): Promise<string[]> {
    return this.page.locator(".notifications-toasts .notification-list-item-message").allInnerTexts();
  }

  /** The tab in front. */
  tab(): Locator {
    return this.page.locator(".tab.active").first();
  }

  /** A picture for the documents, when they are wanted. */
  async picture(name: string): Promise<void> {
    if (this.setup.pictures !== undefined) {
      mkdirSync(this.setup.pictures, { recursive: true });
      // What lies under the mouse shows hints.
      await this.page.mouse.move(590, 704);
      // Lists fade in: it is finished when two pictures are alike.
      let before: Buffer | undefined;
      await until("the screen rests", async () => {
        const last = before;
        before = await this.page.screenshot({ animations: "disabled", caret: "hide" });
        return last?.equals(before) ?? false;
      });
      writeFileSync(join(this.setup.pictures, `${name}.png`), before ?? "");
    }
  }

  /** Below it lies all that the editor and the server keep. */
  get home(): string {
    return this.folder;
  }

  /** Files in which sessions say where they are. */
  endpoints(): string[] {
    return this.find(["-path", join(this.folder, "conexus", "*-*.json")]);
  }

  /** Files below the home in which a text stands. */
  filesWith(text: string): string[] {
    return this.find(["-type", "f", "-size", "-64M", "-exec", "grep", "-qaF", text, "{}", ";"]);
  }

  private find(conditions: readonly string[]): string[] {
    const found = execFileSync("find", [this.folder, ...conditions, "-print"], { stdio: ["ignore", "pipe", "ignore"] });
    return found.toString().split("\n").filter((line) => line !== "");
  }

  /** What was on the screen when something went wrong. */
  async failurePicture(name: string): Promise<string> {
    const path = join(tmpdir(), `conexus-workbench-${name.replaceAll(/\W+/g, "-")}.png`);
    await this.page.screenshot({ path });
    return path;
  }

  /** Opens another folder in the same window, or none. */
  async reopen(workspace: string | undefined): Promise<void> {
    await this.page.goto(`${new URL(this.page.url()).origin}/?${query(workspace)}`);
    await this.page.locator(".monaco-workbench").waitFor();
  }

  async dismissMessages(): Promise<void> {
    await this.command("Notifications: Clear All Notifications");
    await until("no message is shown", async () => (await this.messages()).length === 0);
  }
}

/** What the address of a window says of its workspace: a folder, a file that names several, or none. */
function query(workspace: string | undefined): string {
  if (workspace === undefined) {
    return "ew=true";
  }
  return `${workspace.endsWith(".code-workspace") ? "workspace" : "folder"}=${encodeURIComponent(workspace)}`;
}

/** Settings of the machine lie in a file of their own: the editor's files are elsewhere than its window. */
function writeSettings(folder: string, settings: Readonly<Record<string, unknown>>): void {
  const all = Object.entries({ ...QUIET, ...settings });
  for (const [place, isMachine] of [["Machine", true], ["User", false]] as const) {
    const file = join(folder, "user", place, "settings.json");
    mkdirSync(dirname(file), { recursive: true });
    const own = all.filter(([name]) => name.startsWith("conexus.") === isMachine);
    writeFileSync(file, JSON.stringify(Object.fromEntries(own), undefined, 2));
  }
}

/** Waits for a state: looks again and again, at most until the time is over. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  let last = "";
  for await (const end of setInterval(LOOK_MS, Date.now() + PATIENCE_MS)) {
    try {
      if (await holds()) {
        return;
      }
    } catch (error) {
      last = String(error);
    }
    if (Date.now() >= end) {
      throw new Error(`waited in vain until ${what} ${last}`);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) {
          resolve(address.port);
        } else {
          reject(new Error("no port"));
        }
      });
    });
  });
}

/** Begins and ends everything. Nothing here sends anything anywhere: the server runs on the machine of the files. */

import * as vscode from "vscode";

import { Findings } from "./findings";
import { Lenses } from "./lenses";
import { Mcp } from "./mcp";
import type { RelationName } from "./pure/protocol";
import { rebuild, reindex } from "./rebuild";
import { answered, AskedActions, copyContext, peek, type Subject } from "./relations";
import { Search } from "./search";
import { Server } from "./server";
import { touches } from "./settings";
import { menu, StatusItem } from "./statusItem";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Conexus", { log: true });
  const own = new Server(context, log, answered);
  server = own;
  const search = new Search(own);
  const lenses = new Lenses(own);
  const findings = new Findings(own);
  const mcp = new Mcp(own);
  context.subscriptions.push(
    log, own, search, lenses, findings, mcp, new StatusItem(own),
    vscode.languages.registerCodeLensProvider({ scheme: "file" }, lenses),
    vscode.languages.registerCodeActionsProvider([{ scheme: "file" }, { scheme: "untitled" }], new AskedActions(own), {
      providedCodeActionKinds: [AskedActions.kind],
    }),
    vscode.workspace.onDidChangeWorkspaceFolders((event) => { foldersChanged(own, event); }),
    vscode.workspace.onDidChangeConfiguration((event) => { configurationChanged(own, lenses, event); }),
    vscode.workspace.onDidSaveTextDocument(() => { lenses.refresh(); }),
    own.onDidStart(() => { lenses.refresh(); }),
    vscode.window.tabGroups.onDidChangeTabs(({ opened }) => { tabsOpened(own, opened); }),
    ...commands(own, search, findings, mcp, log, context.extension.id),
  );
  void own.restart();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
  server = undefined;
}

/**
 * Ticks the walkthrough's first step. The editor does that when a key becomes true, but never for one that is true when it
 * reads the walkthrough, which is as often as not: so the key becomes true when a page that is no file opens.
 */
function tabsOpened(own: Server, opened: readonly vscode.Tab[]): void {
  if (own.client !== undefined && opened.some(({ input }) => input === undefined)) {
    const tell = (value: boolean): Thenable<unknown> =>
      vscode.commands.executeCommand("setContext", "conexus.runsWhileReading", value);
    void tell(true).then(() => tell(false));
  }
}

function commands(
  own: Server, search: Search, findings: Findings, mcp: Mcp, log: vscode.LogOutputChannel, extension: string,
): vscode.Disposable[] {
  const on = vscode.commands.registerCommand;
  const peeks: readonly (readonly [string, RelationName])[] = [
    ["peekSimilar", "similar"], ["peekCallers", "caller"], ["peekCallees", "callee"], ["peekTests", "test"], ["peekReuse", "reuse"],
  ];
  return [
    on("conexus.search", (text?: unknown) => { search.show(typeof text === "string" ? text : undefined); }),
    on("conexus.search.openToSide", () => { search.openToSide(); }),
    ...peeks.map(([name, relation]) => on(`conexus.${name}`, () => peek(own, relation))),
    on("conexus.peek", (relation: RelationName, subject: Subject) => peek(own, relation, subject)),
    on("conexus.copyContext", () => copyContext(own)),
    on("conexus.menu", () => menu(own)),
    on("conexus.reindex", () => reindex(own)),
    on("conexus.rebuild", () => rebuild(own)),
    on("conexus.restart", () => own.restart()),
    on("conexus.showLog", () => { log.show(); }),
    on("conexus.copyMcpConfiguration", () => mcp.copyConfiguration()),
    on("conexus.settings", (setting?: unknown) =>
      vscode.commands.executeCommand("workbench.action.openSettings", typeof setting === "string" ? `@id:${setting}` : `@ext:${extension}`)),
    on("conexus.walkthrough", () =>
      vscode.commands.executeCommand("workbench.action.openWalkthrough", `${extension}#conexus.start`, false)),
    on("conexus.chooseProgram", () => chooseProgram()),
    on("conexus.turnOnFindings", () =>
      vscode.workspace.getConfiguration("conexus").update("diagnostics", true, vscode.ConfigurationTarget.Global)),
    on("conexus.findings.fix", (node?: Parameters<Findings["fix"]>[0]) => findings.fix(node)),
    on("conexus.findings.fixAll", (node?: Parameters<Findings["fixAll"]>[0]) => findings.fixAll(node)),
    on("conexus.findings.ignore", (node?: Parameters<Findings["ignore"]>[0]) => findings.ignore(node)),
  ];
}

/** The server follows folders that come and go; it begins with the first and ends with the last. */
function foldersChanged(own: Server, event: vscode.WorkspaceFoldersChangeEvent): void {
  for (const folder of event.removed) {
    own.forget(folder.uri);
  }
  const isAny = (vscode.workspace.workspaceFolders ?? []).length > 0;
  if (isAny !== (own.client !== undefined)) {
    void own.restart();
  }
}

function configurationChanged(own: Server, lenses: Lenses, event: vscode.ConfigurationChangeEvent): void {
  // What the server offers for findings it says when it starts.
  if (touches(event, "server.environment", "diagnostics", "diagnosticMode") || (touches(event, "server.path") && own.hasMoved())) {
    void own.restart();
  }
  if (touches(event, "codeLens")) {
    lenses.refresh();
  }
}

async function chooseProgram(): Promise<void> {
  const [file] = (await vscode.window.showOpenDialog({ openLabel: "Use as conexus", canSelectMany: false })) ?? [];
  if (file !== undefined) {
    await vscode.workspace.getConfiguration("conexus").update("server.path", file.fsPath, vscode.ConfigurationTarget.Global);
  }
}

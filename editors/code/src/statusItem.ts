/** The item of the status bar, and the menu behind it. */

import * as vscode from "vscode";

import { show, type Shown } from "./pure/status";
import type { Server } from "./server";

const COLOURS = {
  calm: undefined,
  warning: new vscode.ThemeColor("statusBarItem.warningBackground"),
  error: new vscode.ThemeColor("statusBarItem.errorBackground"),
};

const RESTRICTED = "This workspace is not trusted: which program is started is taken from your own settings only";

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly subscription: vscode.Disposable;

  constructor(private readonly server: Server) {
    this.item = vscode.window.createStatusBarItem("conexus.status", vscode.StatusBarAlignment.Left, 0);
    this.item.name = "Conexus";
    this.item.command = "conexus.menu";
    this.subscription = vscode.Disposable.from(
      server.onDidChange(() => { this.update(); }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => { this.update(); }),
    );
    this.update();
    this.item.show();
  }

  private update(): void {
    const shown = now(this.server);
    this.item.text = shown.text;
    this.item.backgroundColor = COLOURS[shown.level];
    this.item.tooltip = new vscode.MarkdownString(shown.details.join("\n\n"));
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }
}

function now(server: Server): Shown {
  const shown = show(server.shown, server.statuses, nameOfFolder);
  return vscode.workspace.isTrusted ? shown : { ...shown, details: [...shown.details, RESTRICTED] };
}

function nameOfFolder(uri: string): string {
  const folder = vscode.workspace.workspaceFolders?.find((candidate) => candidate.uri.toString() === uri);
  return folder?.name ?? uri.slice(uri.lastIndexOf("/") + 1);
}

interface Entry extends vscode.QuickPickItem {
  readonly command?: string;
}

const MENU: readonly Entry[] = [
  { label: "$(search) Search by meaning", command: "conexus.search" },
  { label: "$(refresh) Reindex", description: "compare all files with the index", command: "conexus.reindex" },
  { label: "$(trash) Rebuild the index", description: "throw it away and begin anew", command: "conexus.rebuild" },
  { label: "$(debug-restart) Restart the server", command: "conexus.restart" },
  { label: "Help", kind: vscode.QuickPickItemKind.Separator },
  { label: "$(output) Show the log", command: "conexus.showLog" },
  { label: "$(copy) Copy MCP configuration", description: "for assistants outside of this editor", command: "conexus.copyMcpConfiguration" },
  { label: "$(gear) Settings", command: "conexus.settings" },
  { label: "$(book) Walkthrough", command: "conexus.walkthrough" },
];

export async function menu(server: Server): Promise<void> {
  const { details } = now(server);
  const title = details.join(" · ").replaceAll("**", "");
  const chosen = await vscode.window.showQuickPick(MENU, { title, placeHolder: "Conexus" });
  if (chosen?.command !== undefined) {
    await vscode.commands.executeCommand(chosen.command);
  }
}

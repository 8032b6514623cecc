/** The findings of the server as a tree: by file, with buttons that fix and ignore. */

import { isDeepStrictEqual } from "node:util";

import * as vscode from "vscode";

import { byFile, type FileOfFindings, type Finding, looked, type Looked, summary } from "./pure/findings";
import { guarded } from "./relations";
import type { Server } from "./server";

const SOURCE = "conexus";
/** As package.json names it. */
const VIEW = "conexus.findings";
const SEVERITIES = ["error", "warning", "information", "hint"] as const;
const ICONS: Readonly<Record<Finding["severity"], string>> = {
  error: "error",
  warning: "warning",
  information: "info",
  hint: "lightbulb",
};

/** Why a finding that is listed has no action: the server knows a newer text, and will say what is left. */
const CHANGED = "the text has changed since this was found; try again when it was checked";

/** A finding with the diagnostic that it stands for. */
interface Known extends Finding {
  readonly diagnostic: vscode.Diagnostic;
  /** The server has a fix for it. */
  readonly isFixable: boolean;
}

type Node = { readonly file: FileOfFindings } | { readonly finding: Known };

export class Findings implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changes.event;
  private findings: Known[] = [];
  private readonly view: vscode.TreeView<Node>;
  private readonly subscription: vscode.Disposable;
  /** Documents that the server looks at now. */
  private underWay = 0;
  private told: Looked | undefined;

  constructor(private readonly server: Server) {
    this.view = vscode.window.createTreeView(VIEW, { treeDataProvider: this, showCollapseAll: true });
    this.subscription = vscode.Disposable.from(
      vscode.languages.onDidChangeDiagnostics(() => { this.read(); }),
      server.onDidCheck((work) => { void this.watch(work); }),
      server.onDidChange(() => { this.tell(); }),
    );
    this.read();
    this.tell();
  }

  private async watch(work: Promise<unknown>): Promise<void> {
    this.underWay += 1;
    this.tell();
    // In sight only: elsewhere it would be a clock on the icon at every keystroke.
    if (this.view.visible) {
      void vscode.window.withProgress({ location: { viewId: VIEW } }, () => work.then(undefined, () => undefined));
    }
    try {
      await work;
    } catch {
      // A newer text is looked at instead.
    }
    this.underWay -= 1;
    this.tell();
  }

  /** What an empty view means. */
  private tell(): void {
    const told = looked(this.server.shown, this.server.statuses, this.underWay);
    if (told !== this.told) {
      this.told = told;
      void vscode.commands.executeCommand("setContext", "conexus.findings", told);
    }
  }

  private read(): void {
    const findings = vscode.languages.getDiagnostics().flatMap(([uri, diagnostics]) =>
      diagnostics.filter((diagnostic) => diagnostic.source === SOURCE).map((diagnostic) => known(uri, diagnostic)),
    );
    // Other extensions have diagnostics at every keystroke; rows that are drawn anew slip away under the mouse.
    if (isDeepStrictEqual(findings, this.findings)) {
      return;
    }
    this.findings = findings;
    this.view.description = summary(this.findings);
    this.view.badge =
      this.findings.length === 0 ? undefined : { value: this.findings.length, tooltip: `${this.findings.length} findings` };
    this.changes.fire();
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) {
      return byFile(this.findings).map((file) => ({ file }));
    }
    return "file" in node ? node.file.findings.map((finding) => ({ finding: finding as Known })) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ("file" in node) {
      const item = new vscode.TreeItem(vscode.Uri.parse(node.file.uri), vscode.TreeItemCollapsibleState.Expanded);
      item.description = node.file.path.includes("/") ? node.file.path.slice(0, node.file.path.lastIndexOf("/")) : "";
      item.iconPath = vscode.ThemeIcon.File;
      item.contextValue = node.file.findings.filter((finding) => (finding as Known).isFixable).length > 1 ? "fixableFile" : "file";
      return item;
    }
    const { finding } = node;
    // The line comes first: findings of one rule begin alike, and a narrow view cuts them.
    const item = new vscode.TreeItem(`${finding.range.start.line + 1}: ${finding.message.split("\n")[0] ?? ""}`);
    item.description = finding.rule;
    item.tooltip = finding.message;
    item.iconPath = new vscode.ThemeIcon(ICONS[finding.severity]);
    item.contextValue = finding.isFixable ? "fixableFinding" : "finding";
    item.command = {
      title: "Open",
      command: "vscode.open",
      arguments: [vscode.Uri.parse(finding.uri), { selection: finding.diagnostic.range, preserveFocus: true }],
    };
    return item;
  }

  /** Applies the fix of a finding; several are offered. */
  async fix(node: Node | undefined): Promise<void> {
    await this.act(node, isFixing, CHANGED);
  }

  /** Applies the fixes of a file as one edit, which one undo takes back. */
  async fixAll(node: Node | undefined): Promise<void> {
    if (node === undefined || !("file" in node)) {
      return;
    }
    await guarded(async () => {
      const whole = new Map<string, vscode.TextEdit[]>();
      for (const finding of node.file.findings as Known[]) {
        const fix = finding.isFixable ? (await this.offered(finding)).find(isFixing) : undefined;
        for (const [uri, edits] of fix?.edit?.entries() ?? []) {
          const others = whole.get(uri.toString()) ?? [];
          whole.set(uri.toString(), [...others, ...withoutOverlaps(edits, others)]);
        }
      }
      const edit = new vscode.WorkspaceEdit();
      whole.forEach((edits, uri) => { edit.set(vscode.Uri.parse(uri), edits); });
      if (edit.size === 0 || !(await vscode.workspace.applyEdit(edit))) {
        void vscode.window.showInformationMessage(`Conexus: ${CHANGED}`);
      }
    });
  }

  /** Lets a finding be ignored where it stands. */
  async ignore(node: Node | undefined): Promise<void> {
    await this.act(node, isIgnoring, CHANGED);
  }

  private async act(node: Node | undefined, wanted: (action: vscode.CodeAction) => boolean, none: string): Promise<void> {
    if (node === undefined || !("finding" in node)) {
      return;
    }
    await guarded(async () => {
      const offered = (await this.offered(node.finding)).filter(wanted);
      const action = offered.length > 1 ? await choose(offered) : offered[0];
      if (action === undefined) {
        if (offered.length === 0) {
          void vscode.window.showInformationMessage(`Conexus: ${none}`);
        }
        return;
      }
      if (action.edit !== undefined) {
        await reveal(node.finding);
        await vscode.workspace.applyEdit(action.edit);
      }
      if (action.command !== undefined) {
        await vscode.commands.executeCommand(action.command.command, ...((action.command.arguments ?? []) as unknown[]));
      }
    });
  }

  /** What the server offers against a finding. Other extensions, which may have fixes for the same place, are not asked. */
  private async offered({ uri, diagnostic }: Known): Promise<vscode.CodeAction[]> {
    const client = await this.server.ready();
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
    const provider = client.languageClient.getFeature("textDocument/codeAction").getProvider(document);
    const token = new vscode.CancellationTokenSource().token;
    const context: vscode.CodeActionContext = {
      diagnostics: [diagnostic],
      only: vscode.CodeActionKind.QuickFix,
      triggerKind: vscode.CodeActionTriggerKind.Invoke,
    };
    const found = (await provider?.provideCodeActions(document, diagnostic.range, context, token)) ?? [];
    const actions = found.filter((action): action is vscode.CodeAction => action instanceof vscode.CodeAction);
    const whole: vscode.CodeAction[] = [];
    for (const action of actions) {
      // Another finding may lie in the same place.
      if (action.diagnostics !== undefined && !action.diagnostics.some((other) => isSame(other, diagnostic))) {
        continue;
      }
      const isBare = action.edit === undefined && action.command === undefined;
      whole.push((isBare ? await provider?.resolveCodeAction?.(action, token) : undefined) ?? action);
    }
    return whole;
  }

  dispose(): void {
    this.subscription.dispose();
    this.view.dispose();
    this.changes.dispose();
  }
}

/** Shows where an edit is about to happen. */
async function reveal({ uri, diagnostic: { range } }: Known): Promise<void> {
  const start = new vscode.Range(range.start, range.start);
  await vscode.window.showTextDocument(vscode.Uri.parse(uri), { selection: start, preserveFocus: true });
}

async function choose(actions: vscode.CodeAction[]): Promise<vscode.CodeAction | undefined> {
  const items = actions.map((action) => ({ label: action.title, action }));
  return (await vscode.window.showQuickPick(items, { placeHolder: "Several ways are open" }))?.action;
}

function isSame(left: vscode.Diagnostic, right: vscode.Diagnostic): boolean {
  return left.message === right.message && left.range.isEqual(right.range);
}

function isFixing(action: vscode.CodeAction): boolean {
  return action.edit !== undefined && !isIgnoring(action);
}

function withoutOverlaps(edits: readonly vscode.TextEdit[], others: readonly vscode.TextEdit[]): vscode.TextEdit[] {
  return edits.filter((edit) => !others.some((other) => other.range.intersection(edit.range) !== undefined));
}

function isIgnoring(action: vscode.CodeAction): boolean {
  return /^ignore\b/i.test(action.title);
}

function known(uri: vscode.Uri, diagnostic: vscode.Diagnostic): Known {
  const { code, range } = diagnostic;
  const rule = typeof code === "object" ? code.value : code;
  return {
    uri: uri.toString(),
    path: vscode.workspace.asRelativePath(uri),
    rule: String(rule ?? ""),
    message: diagnostic.message,
    severity: SEVERITIES[diagnostic.severity],
    range,
    diagnostic,
    isFixable: (diagnostic as { data?: { fixable?: boolean } }).data?.fixable === true,
  };
}

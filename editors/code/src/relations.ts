/** Peeks of what belongs to the symbol under the cursor, and the code actions that lead there. */

import * as vscode from "vscode";

import { location, position, uri } from "./places";
import { banner, capital } from "./pure/results";
import { type ContextResult, methods, type RelatedResult, type RelationName } from "./pure/protocol";
import type { Server } from "./server";

/** Where a command was asked for. */
export interface Subject {
  readonly uri: string;
  readonly position: { readonly line: number; readonly character: number };
}

/** What a relation is called when there is none of it. */
const NONE: Readonly<Record<RelationName, string>> = {
  similar: "no similar code was found",
  caller: "no callers were found",
  callee: "no calls were found",
  test: "no likely tests were found",
  reuse: "no existing helper was found",
};

/** The commands of the server's code actions. */
const COMMANDS: Readonly<Record<string, RelationName>> = {
  "conexus.showSimilar": "similar",
  "conexus.showCallers": "caller",
  "conexus.showCallees": "callee",
  "conexus.showTests": "test",
  "conexus.showReuse": "reuse",
};

const CONTEXT = "conexus.showContext";
/** Goes to the other place of a finding. */
const OPEN_PLACE = "conexus.openPlace";

/** Asks about the symbol under the cursor and peeks what is found. */
export async function peek(server: Server, relation: RelationName, subject = underCursor()): Promise<void> {
  if (subject === undefined) {
    void vscode.window.showInformationMessage("Conexus: open a file and put the cursor on a symbol first");
    return;
  }
  await guarded(async () => {
    const client = await server.ready();
    const params = { textDocument: { uri: subject.uri }, position: subject.position, relations: [relation] };
    await present(relation, subject, await client.ask<RelatedResult>(methods.related, params));
  });
}

/** Puts what an assistant should read about the symbol under the cursor on the clipboard. */
export async function copyContext(server: Server, subject = underCursor()): Promise<void> {
  if (subject === undefined) {
    void vscode.window.showInformationMessage("Conexus: open a file and put the cursor on a symbol first");
    return;
  }
  await guarded(async () => {
    const client = await server.ready();
    const params = { textDocument: { uri: subject.uri }, position: subject.position };
    await presentContext(await client.ask<ContextResult>(methods.context, params));
  });
}

/** Shows what a command of the server found: this client presents results itself. */
export async function answered(command: string, subject: unknown, answer: unknown): Promise<void> {
  const relation = COMMANDS[command];
  if (relation !== undefined && isSubject(subject)) {
    await present(relation, subject, answer as RelatedResult);
  } else if (command === CONTEXT) {
    await presentContext(answer as ContextResult);
  } else if (command === OPEN_PLACE && isSubject(subject)) {
    const at = position(subject.position);
    await vscode.window.showTextDocument(uri(subject.uri), { selection: new vscode.Range(at, at) });
  }
}

async function present(relation: RelationName, subject: Subject, result: RelatedResult): Promise<void> {
  const found = result.relations.filter((candidate) => candidate.relation === relation);
  const notice = banner(result.notices);
  if (found.length > 0) {
    const at = position(subject.position);
    await vscode.commands.executeCommand("editor.action.peekLocations", uri(subject.uri), at, found.map(location), "peek");
  }
  if (found.length === 0 || notice !== undefined) {
    const name = result.target === undefined ? "" : `${result.target.name}: `;
    void vscode.window.showInformationMessage(`Conexus: ${name}${notice ?? NONE[relation]}`);
  }
}

async function presentContext(pack: ContextResult): Promise<void> {
  if (pack.markdown === "") {
    void vscode.window.showInformationMessage(`Conexus: ${capital(banner(pack.notices) ?? "there is nothing to say here")}`);
    return;
  }
  await vscode.env.clipboard.writeText(pack.markdown);
  const subject = pack.target === undefined ? "this file" : pack.target.name;
  const message = `Conexus: copied the context of ${subject}, about ${pack.tokens} tokens`;
  if ((await vscode.window.showInformationMessage(message, "Show")) === "Show") {
    const document = await vscode.workspace.openTextDocument({ language: "markdown", content: pack.markdown });
    await vscode.window.showTextDocument(document, { preview: true });
  }
}

function underCursor(): Subject | undefined {
  const editor = vscode.window.activeTextEditor;
  // The panels below the editor are documents too.
  if (editor === undefined || !["file", "untitled"].includes(editor.document.uri.scheme)) {
    return undefined;
  }
  const { line, character } = editor.selection.active;
  return { uri: editor.document.uri.toString(), position: { line, character } };
}

function isSubject(value: unknown): value is Subject {
  return typeof value === "object" && value !== null && "uri" in value && "position" in value;
}

export async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    void vscode.window.showErrorMessage(`Conexus: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface ServerAction {
  title: string;
  kind: string;
  command?: { title: string; command: string; arguments?: unknown[] };
}

/**
 * Offers the server's code actions in the menu of Ctrl+. too. They are source actions, which the editor shows in a menu
 * of their own only; here they come when a person asks, so that they cause no light bulb.
 */
export class AskedActions implements vscode.CodeActionProvider {
  static readonly kind = vscode.CodeActionKind.Empty.append("conexus");

  constructor(private readonly server: Server) {}

  async provideCodeActions(
    document: vscode.TextDocument,
    at: vscode.Range,
    context: vscode.CodeActionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeAction[]> {
    const client = this.server.client;
    if (client === undefined || context.triggerKind !== vscode.CodeActionTriggerKind.Invoke) {
      return [];
    }
    const controller = new AbortController();
    token.onCancellationRequested(() => { controller.abort(); });
    const params = {
      textDocument: { uri: document.uri.toString() },
      range: at,
      context: { diagnostics: [], only: ["source.conexus"], triggerKind: 1 },
    };
    const actions = await client.ask<ServerAction[] | null>("textDocument/codeAction", params, controller.signal);
    return (actions ?? []).map(({ title, kind, command }) => {
      const action = new vscode.CodeAction(title, AskedActions.kind.append(kind.split(".").at(-1) ?? ""));
      if (command !== undefined) {
        action.command = { title, command: command.command, arguments: command.arguments ?? [] };
      }
      return action;
    });
  }
}

/** Links above symbols: callers, tests, similar code. They are off until a setting names some. */

import * as vscode from "vscode";

import { range } from "./places";
import { COUNTED, lensesOf, type LensName, lensTitle, RELATION_OF } from "./pure/lenses";
import { methods, type OutlineResult, type RelatedResult } from "./pure/protocol";
import type { Server } from "./server";
import { lenses } from "./settings";

class Lens extends vscode.CodeLens {
  constructor(
    at: vscode.Range,
    readonly name: LensName,
    readonly uri: string,
  ) {
    super(at);
  }
}

export class Lenses implements vscode.CodeLensProvider<Lens>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changes.event;

  constructor(private readonly server: Server) {}

  /** Counts may have changed. */
  refresh(): void {
    this.changes.fire();
  }

  async provideCodeLenses(document: vscode.TextDocument, token: vscode.CancellationToken): Promise<Lens[]> {
    const wanted = lenses();
    const client = this.server.client;
    if (wanted.length === 0 || client === undefined) {
      return [];
    }
    const uri = document.uri.toString();
    const outline = await client.ask<OutlineResult>(methods.outline, { textDocument: { uri } }, aborted(token));
    return outline.symbols.flatMap((symbol) =>
      lensesOf(symbol, wanted).map((name) => new Lens(range(symbol.selectionRange), name, uri)),
    );
  }

  /** Counts when a lens comes into sight, not before. */
  async resolveCodeLens(lens: Lens, token: vscode.CancellationToken): Promise<Lens> {
    const relation = RELATION_OF[lens.name];
    const { line, character } = lens.range.start;
    const subject = { uri: lens.uri, position: { line, character } };
    const params = {
      textDocument: { uri: lens.uri },
      position: subject.position,
      relations: [relation],
      limit: COUNTED,
    };
    let title: string = lens.name;
    try {
      const result = await this.server.client?.ask<RelatedResult>(methods.related, params, aborted(token));
      title = result === undefined ? title : lensTitle(lens.name, result);
    } catch {
      // Without a count it leads there all the same: the editor would go on showing the last link, which is dead by now.
    }
    lens.command = { title, command: "conexus.peek", arguments: [relation, subject] };
    return lens;
  }

  dispose(): void {
    this.changes.dispose();
  }
}

function aborted(token: vscode.CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => { controller.abort(); });
  return controller.signal;
}

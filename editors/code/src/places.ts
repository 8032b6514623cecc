/** From the server's places to the editor's. Both count in UTF-16. */

import * as vscode from "vscode";

import type { Position, Range } from "./pure/protocol";

export function position(from: Position): vscode.Position {
  return new vscode.Position(from.line, from.character);
}

export function range(from: Range): vscode.Range {
  return new vscode.Range(position(from.start), position(from.end));
}

export function uri(from: string): vscode.Uri {
  return vscode.Uri.parse(from, true);
}

export function location(from: { uri: string; selectionRange: Range }): vscode.Location {
  return new vscode.Location(uri(from.uri), range(from.selectionRange));
}

/** The settings of this extension, and the part of them that the server gets. */

import * as vscode from "vscode";

import { tables } from "./pure/fileSettings";
import type { LensName } from "./pure/lenses";

const section = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration("conexus");

export function serverPath(): string {
  return section().get("server.path", "");
}

export function serverEnvironment(): Record<string, string> {
  const values = Object.entries(section().get<Record<string, unknown>>("server.environment", {}));
  return Object.fromEntries(values.map(([name, value]) => [name, String(value)]));
}

export function symbolsSetting(): "auto" | "all" | "off" {
  return section().get("symbols", "auto");
}

/** What goes to the server. It knows the other values by the same names. */
export function serverSettings(): Record<string, unknown> {
  const settings = section();
  return {
    // The editor shows names only, so that meaning would be dropped.
    symbols: symbolsSetting() === "off" ? "off" : "auto",
    symbolLimit: settings.get("symbolLimit", 100),
    contextTokens: settings.get("contextTokens", 4000),
    codeActions: settings.get("codeActions", true),
    ...(settings.get<boolean>("diagnostics", false)
      ? { diagnostics: true, diagnosticMode: settings.get("diagnosticMode", "openFilesOnly") }
      : {}),
    ...tables((name) => {
      const set = settings.inspect(name);
      const values = [set?.globalValue, set?.workspaceValue, set?.workspaceFolderValue];
      return values.some((value) => value !== undefined) ? settings.get(name) : undefined;
    }),
  };
}

export function searchLimit(): number {
  return section().get("search.limit", 20);
}

export function searchPreview(): boolean {
  return section().get("search.preview", true);
}

/** The lenses that are wanted; none by default. */
export function lenses(): LensName[] {
  return section().get("codeLens", []);
}

export function isMcpEnabled(): boolean {
  return section().get("mcp.enabled", true);
}

/** Whether a change touches a setting of this extension. */
export function touches(event: vscode.ConfigurationChangeEvent, ...names: string[]): boolean {
  return names.some((name) => event.affectsConfiguration(`conexus.${name}`));
}

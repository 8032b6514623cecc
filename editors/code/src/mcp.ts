/** Makes the running session known to the editor's own assistant, so that it needs no configuration. */

import * as vscode from "vscode";

import { clientConfiguration, type Definition, definitions, headers } from "./pure/mcp";
import { type McpResult, methods } from "./pure/protocol";
import { guarded } from "./relations";
import type { Server } from "./server";
import { isMcpEnabled, touches } from "./settings";

/** As package.json names it. */
const PROVIDER = "conexus.index";

export class Mcp implements vscode.McpServerDefinitionProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeMcpServerDefinitions = this.changes.event;
  private readonly subscriptions: vscode.Disposable[];
  private known = new Map<string, Definition>();
  /** The folders that the server has told of. */
  private served = "";

  constructor(private readonly server: Server) {
    this.subscriptions = [
      server.onDidStart(() => { this.changes.fire(); }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => { this.changes.fire(); }),
      // The server may be asked before it knows of a folder that was added.
      server.onDidChange(() => { this.lookAgain(); }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (touches(event, "mcp.enabled")) {
          this.changes.fire();
        }
      }),
    ];
    // Editors that are built on an older VS Code do not have it.
    if (typeof (vscode.lm as Partial<typeof vscode.lm> | undefined)?.registerMcpServerDefinitionProvider === "function") {
      this.subscriptions.push(vscode.lm.registerMcpServerDefinitionProvider(PROVIDER, this));
    }
  }

  private lookAgain(): void {
    const served = this.server.statuses.map(({ workspace }) => workspace).join("\n");
    if (served !== this.served) {
      this.served = served;
      this.changes.fire();
    }
  }

  /** The editor asks early and keeps the answer: no token is in it. */
  async provideMcpServerDefinitions(): Promise<vscode.McpServerDefinition[]> {
    const client = this.server.client;
    const program = this.server.program;
    if (!isMcpEnabled() || client === undefined || program === undefined) {
      return [];
    }
    const found = definitions(await client.ask<McpResult>(methods.mcp, {}));
    this.known = new Map(found.map((definition) => [definition.label, definition]));
    return found.map(({ label, url, folder }) =>
      url === undefined
        ? new vscode.McpStdioServerDefinition(label, program, ["mcp", "--workspace", folder], {}, client.version)
        : new vscode.McpHttpServerDefinition(label, vscode.Uri.parse(url), {}, client.version),
    );
  }

  /** The editor starts to use it: now it gets the token of the session that runs now. */
  async resolveMcpServerDefinition(server: vscode.McpServerDefinition): Promise<vscode.McpServerDefinition> {
    const definition = this.known.get(server.label);
    if (server instanceof vscode.McpHttpServerDefinition && definition !== undefined) {
      const client = await this.server.ready();
      const now = await client.ask<McpResult>(methods.mcp, {});
      if (now.url === undefined) {
        throw new Error("the session of Conexus has no endpoint for assistants; its log says why");
      }
      server.uri = vscode.Uri.parse(now.url);
      server.headers = headers(definition, now);
    }
    return server;
  }

  /** For assistants outside of this editor. */
  async copyConfiguration(): Promise<void> {
    await guarded(async () => {
      const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
      if (folders.length === 0) {
        throw new Error("open a folder first: the configuration names it");
      }
      const text = clientConfiguration(this.server.find().program, folders.map(({ uri }) => uri.fsPath));
      await vscode.env.clipboard.writeText(text);
      void vscode.window.showInformationMessage("Conexus: copied the MCP configuration; paste it into the settings of your assistant");
    });
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
    this.changes.dispose();
  }
}

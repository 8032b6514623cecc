/** Keeps the server running for whoever asks, and tells the person once when it cannot. */

import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";

import * as vscode from "vscode";

import { Client, type Surroundings } from "./client";
import { settingNamedIn } from "./pure/fileSettings";
import { type Located, locate, type Machine } from "./pure/locate";
import { methods, type StatusResult, type WorkspaceStatus } from "./pure/protocol";
import { capital } from "./pure/results";
import type { Server as ShownServer } from "./pure/status";
import { type State, Supervisor } from "./pure/supervisor";
import { mismatch } from "./pure/version";
import { serverEnvironment, serverPath } from "./settings";

/** Types of messages of the protocol. */
const ERROR = 1;
const WARNING = 2;

export class Server implements vscode.Disposable {
  private readonly supervisor: Supervisor<Client>;
  private readonly changes = new vscode.EventEmitter<void>();
  /** Fires when the state of the server or of a folder has changed. */
  readonly onDidChange = this.changes.event;
  private readonly starts = new vscode.EventEmitter<Client>();
  /** Fires when a server runs that did not before. */
  readonly onDidStart = this.starts.event;
  private readonly checks = new vscode.EventEmitter<Promise<unknown>>();
  /** Fires when the server begins to look for findings in a document. */
  readonly onDidCheck = this.checks.event;
  private readonly folders = new Map<string, WorkspaceStatus>();
  /** What was told and stays on the screen or was answered. */
  private readonly told = new Set<string>();
  private located: Located | undefined;
  /** The server that runs was asked for its status, and has answered in some way. */
  private hasAnswered = false;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly answered: Surroundings["answered"],
  ) {
    this.supervisor = new Supervisor<Client>({
      start: (ended) => this.launch(ended),
      now: () => Date.now(),
      later: (milliseconds, work) => {
        const timer = setTimeout(work, milliseconds);
        return () => { clearTimeout(timer); };
      },
      changed: (state) => { this.entered(state); },
    });
  }

  /** What runs now. */
  get client(): Client | undefined {
    const state = this.supervisor.state;
    return state.name === "running" ? state.server : undefined;
  }

  /** The program that was started last. */
  get program(): string | undefined {
    return this.located?.program;
  }

  /** In the order of the workspace's folders. */
  get statuses(): WorkspaceStatus[] {
    const place = ({ workspace }: WorkspaceStatus): number =>
      vscode.workspace.getWorkspaceFolder(vscode.Uri.parse(workspace))?.index ?? Number.MAX_SAFE_INTEGER;
    return [...this.folders.values()].sort((left, right) => place(left) - place(right));
  }

  get shown(): ShownServer {
    const state = this.supervisor.state;
    switch (state.name) {
      case "running":
        return { name: "running", version: state.server.version, hasAnswered: this.hasAnswered };
      case "stopped":
        return { name: hasFolder() ? "stopped" : "noFolder" };
      case "starting":
        return { name: "starting" };
      default:
        return state;
    }
  }

  /** Starts the server, or starts it anew. Without a folder there is nothing to serve. */
  async restart(): Promise<void> {
    this.told.clear();
    if (hasFolder()) {
      await this.supervisor.restart();
    } else {
      await this.supervisor.stop();
    }
  }

  async stop(): Promise<void> {
    await this.supervisor.stop();
  }

  /** A server to ask. Throws a sentence for the person when there will be none. */
  ready(signal?: AbortSignal): Promise<Client> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const state = this.supervisor.state;
        if (state.name === "running") {
          done();
          resolve(state.server);
        } else if (state.name === "missing" || state.name === "failed") {
          done();
          reject(new Error(state.why));
        } else if (state.name === "stopped") {
          done();
          reject(new Error(hasFolder() ? "the server of Conexus is stopped" : "open a folder first: there is nothing to search"));
        }
      };
      const subscription = this.onDidChange(look);
      const done = (): void => { subscription.dispose(); };
      signal?.addEventListener("abort", done, { once: true });
      look();
    });
  }

  /** Another program would be started now than the one that runs. */
  hasMoved(): boolean {
    try {
      return this.find().program !== this.located?.program;
    } catch {
      return true;
    }
  }

  find(): Located {
    return locate(
      {
        setting: serverPath(),
        extension: this.context.extensionPath,
        folder: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath,
      },
      MACHINE,
    );
  }

  private async launch(ended: (why: string) => void): Promise<Client> {
    this.folders.clear();
    this.hasAnswered = false;
    this.located = this.find();
    this.log.info(`starting ${this.located.program} (${this.located.origin})`);
    return Client.start(this.located.program, {
      log: this.log,
      environment: serverEnvironment(),
      statusChanged: (status) => {
        this.folders.set(status.workspace, status);
        this.changes.fire();
      },
      checks: (work) => { this.checks.fire(work); },
      said: (type, message) => { void this.tell(type, message); },
      answered: this.answered,
    }, ended);
  }

  private entered(state: State<Client>): void {
    this.log.debug(`server: ${state.name}`);
    void vscode.commands.executeCommand("setContext", "conexus.running", state.name === "running");
    switch (state.name) {
      case "running":
        void this.begin(state.server);
        break;
      case "missing":
        void this.tellMissing(state.why);
        break;
      case "failed":
        this.log.error(`given up after ${state.crashes} crashes: ${state.why}`);
        void this.tellFailed(state.why);
        break;
      case "waiting":
        this.log.warn(`${state.why}; next start in ${state.milliseconds} ms`);
        break;
      default:
        break;
    }
    this.changes.fire();
  }

  /** The first status; what comes later is told by the server. */
  private async begin(client: Client): Promise<void> {
    this.starts.fire(client);
    void this.compareVersions(client.version);
    try {
      const status = await client.ask<StatusResult>(methods.status, {});
      for (const workspace of status.workspaces) {
        if (!this.folders.has(workspace.workspace)) {
          this.folders.set(workspace.workspace, workspace);
        }
      }
    } catch (error) {
      this.log.debug(`no status: ${String(error)}`);
    }
    const state = this.supervisor.state;
    if (state.name === "running" && state.server === client) {
      this.hasAnswered = true;
      this.changes.fire();
    }
  }

  /** A folder was closed. */
  forget(folder: vscode.Uri): void {
    this.folders.delete(folder.toString());
    this.changes.fire();
  }

  private async compareVersions(server: string): Promise<void> {
    const extension = (this.context.extension.packageJSON as { version: string }).version;
    const message = mismatch(server, extension);
    const key = `told ${server} ${extension}`;
    if (message === undefined || this.context.globalState.get(key) === true) {
      return;
    }
    await this.context.globalState.update(key, true);
    const choice = await vscode.window.showWarningMessage(message, "Choose Program…", "Show Log");
    await this.act(choice);
  }

  private async tellMissing(why: string): Promise<void> {
    await this.act(await vscode.window.showErrorMessage(capital(why), "Choose Program…", "How to Install", "Try Again"));
  }

  private async tellFailed(why: string): Promise<void> {
    const message = `Conexus crashed several times and is not started again by itself: ${why}`;
    await this.act(await vscode.window.showErrorMessage(message, "Restart", "Show Log", "Choose Program…"));
  }

  /** What the server says is shown once, with a way to learn more. */
  private async tell(type: number, message: string): Promise<void> {
    if (this.told.has(message)) {
      return;
    }
    this.told.add(message);
    const text = `Conexus: ${message}`;
    if (type === ERROR) {
      await this.act(await vscode.window.showErrorMessage(text, "Show Log", "Settings"), message);
    } else if (type === WARNING) {
      await this.act(await vscode.window.showWarningMessage(text, "Settings"), message);
    } else {
      void vscode.window.showInformationMessage(text);
    }
  }

  private async act(choice: string | undefined, message = ""): Promise<void> {
    const command = choice === undefined ? undefined : ACTS[choice];
    if (command === "conexus.settings") {
      await vscode.commands.executeCommand(command, settingNamedIn(message));
    } else if (command !== undefined) {
      await vscode.commands.executeCommand(command);
    }
  }

  dispose(): void {
    void this.supervisor.stop();
    this.changes.dispose();
    this.starts.dispose();
    this.checks.dispose();
  }
}

/** The buttons of messages. */
const ACTS: Readonly<Record<string, string>> = {
  "Choose Program…": "conexus.chooseProgram",
  "How to Install": "conexus.walkthrough",
  "Try Again": "conexus.restart",
  Restart: "conexus.restart",
  "Show Log": "conexus.showLog",
  Settings: "conexus.settings",
};

const MACHINE: Machine = {
  platform: process.platform,
  environment: process.env,
  home: homedir(),
  isProgram(file) {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  },
};

export function hasFolder(): boolean {
  return (vscode.workspace.workspaceFolders ?? []).some((folder) => folder.uri.scheme === "file");
}

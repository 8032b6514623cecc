/** One run of `conexus lsp`: the process, the protocol's client, and what is peculiar to this server. */

import { spawn, type ChildProcess } from "node:child_process";

import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  type StaticFeature,
} from "vscode-languageclient/node";

import { methods, type WorkspaceStatus } from "./pure/protocol";
import type { Running } from "./pure/supervisor";
import { answeredElsewhere, isNoise } from "./pure/symbols";
import { serverSettings, symbolsSetting } from "./settings";

/** How long a program may take to say that it is a language server. */
const START_MS = 20_000;
/** How long the end of the process may come after the end of its output. */
const EXIT_MS = 300;
/** How long the process may take to end when it was asked to. */
const STOP_MS = 5_000;

/** Where a client takes its means from. */
export interface Surroundings {
  readonly log: vscode.LogOutputChannel;
  readonly environment: Readonly<Record<string, string>>;
  statusChanged(status: WorkspaceStatus): void;
  /** It looks for findings in a document. */
  checks(work: Promise<unknown>): void;
  /** The server has something to say to the person. */
  said(type: number, message: string): void;
  /** A command of the server has answered. */
  answered(command: string, subject: unknown, answer: unknown): Promise<void>;
}

/** A client that tells nothing by itself: its owner does, once and with a way out. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** A server that runs. */
export class Client implements Running {
  private constructor(
    readonly languageClient: LanguageClient,
    readonly version: string,
    private readonly end: ProcessEnd,
  ) {}

  static async start(program: string, around: Surroundings, ended: (why: string) => void): Promise<Client> {
    const end = new ProcessEnd();
    const launch = (): Promise<{ process: ChildProcess; detached: boolean }> => {
      const child = spawn(program, ["lsp"], { env: { ...process.env, ...around.environment } });
      end.watch(child);
      return new Promise((resolve, reject) => {
        child.once("spawn", () => { resolve({ process: child, detached: false }); });
        child.once("error", (error) => { reject(error); });
      });
    };
    const client = new QuietClient("conexus", "Conexus", launch, options(around, async () => {
      ended((await end.why()) ?? "the server closed its output");
    }));
    client.registerFeature(capabilities);
    client.onNotification(methods.statusChanged, (status: WorkspaceStatus) => { around.statusChanged(status); });
    client.onNotification("window/showMessage", (message: { type: number; message: string }) => {
      around.said(message.type, message.message);
    });
    try {
      await within(START_MS, client.start(), `${program} does not answer as a language server`);
    } catch (error) {
      // That writing to it failed says less than how it ended.
      const why = (await end.why()) ?? (error instanceof Error ? error.message : String(error));
      end.kill();
      throw new Error(why);
    }
    return new Client(client, client.initializeResult?.serverInfo?.version ?? "", end);
  }

  async stop(): Promise<void> {
    try {
      await this.languageClient.dispose(2_000);
    } catch {
      // It did not end in time and was killed.
    }
    // Until then it owns the index.
    await this.end.ended(STOP_MS);
  }

  /** Sends a request; the signal cancels it. */
  async ask<Answer>(method: string, params: unknown, signal?: AbortSignal): Promise<Answer> {
    const source = new vscode.CancellationTokenSource();
    const cancel = (): void => { source.cancel(); };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await this.languageClient.sendRequest<Answer>(method, params, source.token);
    } finally {
      signal?.removeEventListener("abort", cancel);
      source.dispose();
    }
  }
}

/** Remembers how a process ended and what it said last. */
class ProcessEnd {
  private child: ChildProcess | undefined;
  private last = "";

  watch(child: ChildProcess): void {
    this.child = child;
    child.stderr?.on("data", (bytes: Buffer) => {
      const lines = bytes.toString().split("\n").map((line) => line.trim()).filter((line) => line !== "");
      this.last = lines.at(-1) ?? this.last;
    });
  }

  /** The end in words; nothing when it goes on. Output ends before the process does, so it waits a moment. */
  async why(): Promise<string | undefined> {
    const child = this.child;
    if (child?.pid === undefined) {
      return undefined;
    }
    await this.ended(EXIT_MS);
    if (child.exitCode === null && child.signalCode === null) {
      return undefined;
    }
    const how = child.signalCode === null ? `ended with code ${child.exitCode}` : `was ended by ${child.signalCode}`;
    return `the server ${how}${this.last === "" ? "" : `: ${this.last}`}`;
  }

  /** Until it has ended, or so long. */
  async ended(milliseconds: number): Promise<void> {
    const child = this.child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      child.once("exit", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  kill(): void {
    this.child?.kill();
  }
}

/** What the server wants to know of this client, beside what the library tells. */
const capabilities: StaticFeature = {
  fillClientCapabilities(offered) {
    offered.experimental = {
      ...(offered.experimental as object | undefined),
      conexus: { statusChanged: true, presentsResults: true },
    };
    // The status item shows how far indexing is.
    offered.window = { ...offered.window, workDoneProgress: false };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

function options(around: Surroundings, closed: () => Promise<void>): LanguageClientOptions {
  return {
    documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
    outputChannel: around.log,
    initializationOptions: () => serverSettings(),
    initializationFailedHandler: () => false,
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: async () => {
        await closed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    middleware: middleware(around),
  };
}

function middleware(around: Surroundings): Middleware {
  return {
    executeCommand: async (command, args: unknown[], next) => {
      const answer: unknown = await next(command, args);
      // None is how the library passes on that the document has changed since the command was offered.
      if (answer !== undefined) {
        await around.answered(command, args[0], answer);
      }
      return answer;
    },
    provideWorkspaceSymbols: async (query, token, next) => {
      const symbols = (await next(query, token)) ?? [];
      if (symbolsSetting() === "all") {
        return symbols;
      }
      const elsewhere = answeredElsewhere((id) => vscode.extensions.getExtension(id)?.isActive ?? false);
      return symbols.filter((symbol) => !isNoise(symbol.location.uri.path, elsewhere));
    },
    provideDiagnostics: (document, previous, token, next) => {
      const answer = Promise.resolve(next(document, previous, token));
      around.checks(answer);
      return answer;
    },
    workspace: {
      // The section holds settings of this extension too.
      configuration: (params) => params.items.map((item) => (item.section === "conexus" ? serverSettings() : null)),
      didChangeConfiguration: async (_, next) => {
        await next(undefined);
      },
    },
  };
}

async function within<T>(milliseconds: number, work: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => { reject(new Error(otherwise)); }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

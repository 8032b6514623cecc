/** Looks at all files again, or throws the index away and builds it anew. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import * as vscode from "vscode";

import { methods } from "./pure/protocol";
import { guarded } from "./relations";
import type { Server } from "./server";
import { serverEnvironment } from "./settings";

export async function reindex(server: Server): Promise<void> {
  await guarded(async () => {
    const client = await server.ready();
    await client.ask(methods.reindex, {});
  });
}

/** One process may write an index: the server ends first and comes back when all is built. */
export async function rebuild(server: Server): Promise<void> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
  const question = "Throw the index of this workspace away and build it anew? Your files are not touched.";
  if ((await vscode.window.showWarningMessage(question, { modal: true }, "Rebuild")) !== "Rebuild") {
    return;
  }
  await guarded(async () => {
    const { program } = server.find();
    await server.stop();
    try {
      await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: "Conexus: rebuilding the index", cancellable: true },
        async (_, token) => {
          const controller = new AbortController();
          token.onCancellationRequested(() => { controller.abort(); });
          for (const { uri } of folders) {
            await promisify(execFile)(program, ["--workspace", uri.fsPath, "index", "--force", "--quiet"], {
              env: { ...process.env, ...serverEnvironment() },
              signal: controller.signal,
            });
          }
        },
      );
    } catch (error) {
      if ((error as Error).name !== "AbortError") {
        throw error;
      }
    } finally {
      await server.restart();
    }
  });
}

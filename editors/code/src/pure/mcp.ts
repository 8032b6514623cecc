/** How assistants reach the index: inside the editor over HTTP, elsewhere by a program that they start. */

import type { McpResult } from "./protocol";

/** A server that the editor is told of. It holds no token: that is filled in when the editor starts it. */
export interface Definition {
  readonly label: string;
  /** The address, for a folder that a header can name; else the editor starts the program. */
  readonly url: string | undefined;
  /** Path of the folder as the server knows it. */
  readonly folder: string;
}

/** One definition for each folder. */
export function definitions(result: McpResult): Definition[] {
  const several = result.workspaces.length > 1;
  return result.workspaces.map(({ path }) => ({
    label: several ? `Conexus (${lastPart(path)})` : "Conexus",
    // A header holds no other characters, and with one folder it is not needed.
    url: several && !/^[\x20-\x7E]*$/.test(path) ? undefined : result.url,
    folder: path,
  }));
}

/** The headers of a definition, from what the server said a moment ago. */
export function headers(definition: Definition, now: McpResult): Record<string, string> {
  return {
    ...(now.token !== undefined && { Authorization: `Bearer ${now.token}` }),
    ...(now.workspaces.length > 1 && { "Conexus-Workspace": definition.folder }),
  };
}

/** What other assistants take into their settings. No token: the program finds the session by itself. */
export function clientConfiguration(program: string, folders: readonly string[]): string {
  const several = folders.length > 1;
  const servers = folders.map((folder) => [
    several ? `conexus-${lastPart(folder)}` : "conexus",
    { command: program, args: ["mcp", "--workspace", folder] },
  ]);
  return `${JSON.stringify({ mcpServers: Object.fromEntries(servers) as unknown }, undefined, 2)}\n`;
}

function lastPart(path: string): string {
  return path.split(/[\\/]/).filter((part) => part !== "").pop() ?? path;
}

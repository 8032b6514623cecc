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

/** One definition for each folder, with a label of its own. */
export function definitions(result: McpResult): Definition[] {
  const several = result.workspaces.length > 1;
  const names = namesOf(result.workspaces.map(({ path }) => path));
  return result.workspaces.map(({ path }, index) => ({
    label: several ? `Conexus (${names[index] ?? path})` : "Conexus",
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
  const names = folders.length > 1 ? namesOf(folders).map((name) => `conexus-${name.replaceAll("/", "-")}`) : ["conexus"];
  const servers: Record<string, { command: string; args: string[] }> = {};
  folders.forEach((folder, index) => {
    const name = names[index] ?? folder;
    let key = name;
    // The folder a-app beside a/app and b/app.
    for (let number = 2; key in servers; number += 1) {
      key = `${name}-${number}`;
    }
    servers[key] = { command: program, args: ["mcp", "--workspace", folder] };
  });
  return `${JSON.stringify({ mcpServers: servers }, undefined, 2)}\n`;
}

/** A name for each folder: its last part, and as many before it as tell it from the others. */
function namesOf(folders: readonly string[]): string[] {
  const paths = folders.map((folder) => folder.split(/[\\/]/).filter((part) => part !== ""));
  const end = (path: readonly string[], length: number): string => path.slice(-length).join("/");
  return paths.map((path, index) => {
    const isShared = (length: number): boolean =>
      paths.some((other, at) => at !== index && end(other, length) === end(path, length));
    let length = 1;
    while (length < path.length && isShared(length)) {
      length += 1;
    }
    return end(path, length);
  });
}

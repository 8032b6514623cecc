/** What the status item says of the server and its folders. */

import type { WorkspaceStatus } from "./protocol";

/** What the rest of the extension knows of the server. */
export type Server =
  | { readonly name: "stopped" | "starting" | "noFolder" }
  | { readonly name: "waiting"; readonly milliseconds: number; readonly why: string }
  | { readonly name: "missing" | "failed"; readonly why: string }
  | {
      readonly name: "running";
      readonly version: string;
      /** It was asked how its folders stand, and has answered, if only that it does not know the question. */
      readonly hasAnswered: boolean;
    };

export interface Shown {
  /** With an icon; short. */
  readonly text: string;
  /** Lines of Markdown. */
  readonly details: string[];
  readonly level: "calm" | "warning" | "error";
}

export function show(server: Server, folders: readonly WorkspaceStatus[], nameOf: (uri: string) => string): Shown {
  switch (server.name) {
    case "noFolder":
      return calm("$(circle-slash) Conexus", "No folder is open: there is nothing to index.");
    case "stopped":
      return calm("$(circle-slash) Conexus: stopped", "The server is stopped.");
    case "starting":
      return calm("$(sync~spin) Conexus: starting", "The server is starting.");
    case "waiting":
      return {
        text: "$(sync~spin) Conexus: restarting",
        details: [`The server starts again in ${seconds(server.milliseconds)}: ${server.why}.`],
        level: "warning",
      };
    case "missing":
      return { text: "$(error) Conexus: not found", details: [sentence(server.why)], level: "error" };
    case "failed":
      return { text: "$(error) Conexus: failed", details: [sentence(server.why)], level: "error" };
    case "running":
      return isSilent(server, folders)
        ? { text: "$(sync~spin) Conexus: starting", details: [`Server ${server.version}`], level: "calm" }
        : running(server.version, folders, nameOf);
  }
}

/** Whether it runs and nothing is known of its folders yet. */
export function isSilent(server: Server, folders: readonly WorkspaceStatus[]): boolean {
  return server.name === "running" && !server.hasAnswered && folders.length === 0;
}

function running(version: string, folders: readonly WorkspaceStatus[], nameOf: (uri: string) => string): Shown {
  const details = folders.map((folder) => line(folder, nameOf));
  details.push(`Server ${version}`);
  const fault = folders.find((folder) => folder.fault !== undefined || folder.activity === "failed");
  if (fault !== undefined) {
    return { text: "$(error) Conexus: error", details, level: "error" };
  }
  const busy = folders.filter((folder) => work(folder) !== undefined);
  if (busy.length > 0) {
    return { text: `$(sync~spin) Conexus: ${progress(busy)}`, details, level: "calm" };
  }
  if (folders.some((folder) => folder.lexicalOnly !== undefined)) {
    return { text: "$(warning) Conexus: lexical only", details, level: "warning" };
  }
  if (folders.some((folder) => folder.builtinModel !== undefined)) {
    return { text: "$(warning) Conexus: built-in model", details, level: "warning" };
  }
  if (folders.some((folder) => folder.activity === "detached")) {
    return { text: "$(warning) Conexus: detached", details, level: "warning" };
  }
  if (folders.some((folder) => folder.role === "follower")) {
    return { text: "$(debug-disconnect) Conexus: detached", details, level: "calm" };
  }
  return { text: "$(pulse) Conexus: live", details, level: "calm" };
}

/** What a folder is busy with. */
function work(folder: WorkspaceStatus): string | undefined {
  switch (folder.activity) {
    case "opening":
      return "opening";
    case "walking":
      return "looking for files";
    case "indexing":
    case "finishing":
      return "indexing";
    case "embedding":
      return "computing vectors";
    default:
      return undefined;
  }
}

/** The work of the busy folders as one: the share of all that is to be done. */
function progress(busy: readonly WorkspaceStatus[]): string {
  const [first] = busy;
  const name = (first === undefined ? undefined : work(first)) ?? "indexing";
  const counted = busy.filter((folder) => (folder.total ?? 0) > 0);
  const done = counted.reduce((sum, folder) => sum + (folder.done ?? 0), 0);
  const total = counted.reduce((sum, folder) => sum + (folder.total ?? 0), 0);
  return total === 0 ? name : `${name} ${percent(done, total)} %`;
}

/** What a folder does before all of its files can be found. */
const BUILDING = new Set(["opening", "walking", "indexing", "finishing"]);

/** The share of files that can be found; 1 when, and only when, nothing more comes. */
export function indexedShare(folders: readonly WorkspaceStatus[]): number {
  const building = folders.filter(({ activity }) => BUILDING.has(activity));
  const done = building.reduce((sum, folder) => sum + (folder.done ?? 0), 0);
  const total = building.reduce((sum, folder) => sum + (folder.total ?? 0), 0);
  return building.length === 0 ? 1 : Math.min(0.99, total === 0 ? 0 : done / total);
}

/** Full only when all is done. */
export function percent(done: number, total: number): number {
  return Math.min(done >= total ? 100 : 99, Math.floor((100 * done) / total));
}

function line(folder: WorkspaceStatus, nameOf: (uri: string) => string): string {
  const parts = [`${count(folder.files, "file")}, ${count(folder.chunks, "piece")}`];
  const busy = work(folder);
  if (busy !== undefined) {
    parts.push((folder.total ?? 0) > 0 ? `${busy}: ${folder.done ?? 0} of ${folder.total}` : busy);
  }
  if (folder.buffers > 0) {
    parts.push(`${count(folder.buffers, "unsaved document")} searched as typed`);
  }
  if (folder.activity === "detached") {
    parts.push("another program writes this index and does not follow the disk, or hangs; answers are as of its last commit");
  } else if (folder.role === "follower") {
    parts.push("another program writes this index; its commits are followed");
  }
  if (folder.pollingReason !== undefined) {
    parts.push(`files are looked at again and again: ${folder.pollingReason}`);
  }
  if (folder.lexicalOnly !== undefined) {
    parts.push(`searched by names and words only: ${folder.lexicalOnly}`);
  }
  if (folder.builtinModel !== undefined) {
    parts.push(`answered with the built-in model: ${folder.builtinModel}`);
  }
  const aside = folder.setAside ?? [];
  if (aside.length > 0) {
    parts.push(`${count(aside.length, "file")} searched without symbols, since parsing ended the server`);
  }
  if (folder.fault !== undefined) {
    parts.push(folder.fault);
  }
  return `**${nameOf(folder.workspace)}**: ${parts.join("; ")}`;
}

function count(number: number, thing: string): string {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1_000 ? "a moment" : `${Math.round(milliseconds / 1_000)} s`;
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}

function calm(text: string, detail: string): Shown {
  return { text, details: [detail], level: "calm" };
}

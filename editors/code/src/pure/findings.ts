/** Findings by file, as the tree shows them. */

import type { Range, WorkspaceStatus } from "./protocol";
import { indexedShare, isSilent, type Server } from "./status";

export interface Finding {
  readonly uri: string;
  readonly path: string;
  readonly rule: string;
  readonly message: string;
  readonly severity: "error" | "warning" | "information" | "hint";
  readonly range: Range;
}

export interface FileOfFindings {
  readonly uri: string;
  readonly path: string;
  readonly findings: readonly Finding[];
}

/** Files by path, their findings from top to bottom. */
export function byFile(findings: readonly Finding[]): FileOfFindings[] {
  const files = new Map<string, Finding[]>();
  for (const finding of findings) {
    const known = files.get(finding.uri);
    if (known === undefined) {
      files.set(finding.uri, [finding]);
    } else {
      known.push(finding);
    }
  }
  return [...files.values()]
    .map((own) => [...own].sort((left, right) => before(left.range, right.range) || compare(left.rule, right.rule)))
    .map((own) => ({ uri: own[0]?.uri ?? "", path: own[0]?.path ?? "", findings: own }))
    .sort((left, right) => compare(left.path, right.path));
}

export function summary(findings: readonly Finding[]): string {
  const files = new Set(findings.map((finding) => finding.uri)).size;
  return findings.length === 0 ? "" : `${findings.length} in ${files} file${files === 1 ? "" : "s"}`;
}

/** What is known of the findings of open files. */
export type Looked = "never" | "underWay" | "done";

/** No finding means that there is none only when all was looked at. */
export function looked(server: Server, folders: readonly WorkspaceStatus[], underWay: number): Looked {
  switch (server.name) {
    case "starting":
    case "waiting":
      return "underWay";
    case "running":
      return underWay > 0 || isSilent(server, folders) || indexedShare(folders) < 1 ? "underWay" : "done";
    default:
      return "never";
  }
}

function before(left: Range, right: Range): number {
  return left.start.line - right.start.line || left.start.character - right.start.character;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** How hits and notices are written into the rows of a list. The server's order is never changed. */

import type { Contribution, Hit, Notice, SearchResult } from "./protocol";

/** A row of a list. */
export interface Row {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  readonly hit: Hit;
}

/** Icons of the editor by kind of symbol. */
const ICONS: Readonly<Record<string, string>> = {
  function: "symbol-method",
  method: "symbol-method",
  constructor: "symbol-method",
  macro: "symbol-method",
  test: "beaker",
  class: "symbol-class",
  struct: "symbol-structure",
  union: "symbol-structure",
  impl: "symbol-class",
  enum: "symbol-enum",
  enum_member: "symbol-enum-member",
  interface: "symbol-interface",
  trait: "symbol-interface",
  type: "symbol-type-parameter",
  constant: "symbol-constant",
  variable: "symbol-variable",
  field: "symbol-field",
  property: "symbol-property",
  module: "symbol-module",
  namespace: "symbol-namespace",
  section: "symbol-string",
};

export function icon(kind: string | undefined): string {
  return `$(${(kind !== undefined ? ICONS[kind] : undefined) ?? "file-code"})`;
}

/** The row of a hit; with several folders the name of its own is shown. */
export function row(hit: Hit, root?: string): Row {
  const line = hit.selectionRange.start.line + 1;
  // What has no name is called by its file, which need not be said twice.
  const place = hit.name === "" ? `line ${line}` : `${fileName(hit.path)}:${line}`;
  const reasons = why(hit.contributions ?? []);
  return {
    label: `${icon(hit.kind)} ${plain(hit.name === "" ? fileName(hit.path) : hit.name)}`,
    // The folder comes last: the editor cuts what does not fit into the line.
    description: [hit.container, place, folder(root === undefined ? hit.path : `${root}/${hit.path}`)].filter((part) => part !== "").map(plain).join(" · "),
    detail: [plain(short(hit.preview)), reasons].filter((part) => part !== "").join("  — "),
    hit,
  };
}

/** What the ranking features mean to a person. Factors below 1 say why something sank. */
const REASONS: Readonly<Record<string, string>> = {
  vector: "meaning",
  bm25: "words",
  quoted_matches: "the quoted text",
  defines_query: "defines the name",
  defines_name: "defines a name of the query",
  kind_matches: "kind",
  stem_is_query: "file name",
  stem_matches: "file name",
  folders_match: "folder",
  path_matches: "path",
  active_file: "open here",
  open_file: "open",
  coherence: "near other hits",
};

/** Why a hit was found: the terms that weigh most, the heaviest first. */
export function why(contributions: readonly Contribution[]): string {
  const terms = contributions.filter((term) => term.value > 0 && !term.feature.endsWith("_factor"));
  const total = terms.reduce((sum, term) => sum + term.value, 0);
  const heaviest = [...terms].sort((left, right) => right.value - left.value);
  const reasons = heaviest
    .filter((term) => term.value >= total / 10)
    .map((term) => REASONS[term.feature] ?? term.feature.replaceAll("_", " "));
  return [...new Set(reasons)].slice(0, 3).join(", ");
}

/** All terms of a score, for whoever wants to know exactly. */
export function explanation(contributions: readonly Contribution[]): string {
  return contributions
    .map(({ feature, value }) => {
      const sign = feature.endsWith("_factor") ? "×" : "+";
      return `${sign}${value.toFixed(2)} ${feature.replace(/_factor$/, "").replaceAll("_", " ")}`;
    })
    .join("\n");
}

/** What stands in the place of hits when there are none; never nothing. */
export function emptyMessage(result: SearchResult): string {
  return result.notices.length > 0 ? capital(spoken(result.notices)) : "No match";
}

/** Notices that a person must know beside hits. */
export function banner(notices: readonly Notice[]): string | undefined {
  const worth = notices.filter((notice) => !["noMatch", "emptyQuery"].includes(notice.kind));
  return worth.length === 0 ? undefined : spoken(worth);
}

/** Folders may have the same to say. */
function spoken(notices: readonly Notice[]): string {
  return [...new Set(notices.map((notice) => notice.message))].join("; ");
}

/** Text in which the editor finds no icon. */
export function plain(text: string): string {
  return text.replaceAll("$(", "$\u200B(");
}

/** Letters of a line that are shown: the list is as wide as 90 of them, and the reasons fit beside it. */
const PREVIEW = 54;

function short(line: string): string {
  return line.length <= PREVIEW ? line : `${line.slice(0, PREVIEW - 1).trimEnd()}…`;
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function folder(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

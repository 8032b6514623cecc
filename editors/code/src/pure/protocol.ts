/** What `conexus lsp` understands beyond the protocol; docs/lsp-extensions.md describes it. */

export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Contribution {
  feature: string;
  value: number;
}

export interface Hit {
  uri: string;
  range: Range;
  selectionRange: Range;
  path: string;
  name: string;
  container: string;
  kind?: string;
  language: string;
  score: number;
  preview: string;
  contributions?: Contribution[];
}

export interface Notice {
  kind: string;
  message: string;
  done?: number;
  total?: number;
  workspace?: string;
}

export interface SearchParams {
  query: string;
  limit?: number;
  include?: string[];
  languages?: string[];
  kinds?: string[];
  activeDocument?: string;
  explain?: boolean;
}

export interface SearchResult {
  hits: Hit[];
  more: boolean;
  notices: Notice[];
}

/** The names of relations. */
export type RelationName = "caller" | "callee" | "test" | "similar" | "reuse";

export interface RelatedParams {
  textDocument: { uri: string };
  position: Position;
  relations?: RelationName[];
  limit?: number;
}

export interface Target {
  uri: string;
  range: Range;
  selectionRange: Range;
  name: string;
  container: string;
  kind?: string;
}

export interface Relation {
  relation: string;
  uri: string;
  range: Range;
  selectionRange: Range;
  path: string;
  name: string;
  container: string;
  kind?: string;
  reason: string;
  confidence: number;
}

export interface RelatedResult {
  target?: Target;
  relations: Relation[];
  more: string[];
  notices: Notice[];
}

export interface ContextResult {
  markdown: string;
  tokens: number;
  target?: Target;
  notices: Notice[];
}

export interface OutlineSymbol {
  name: string;
  container: string;
  kind: string;
  range: Range;
  selectionRange: Range;
  test: boolean;
}

export interface OutlineResult {
  symbols: OutlineSymbol[];
  notices: Notice[];
}

export interface WorkspaceStatus {
  workspace: string;
  activity: string;
  done?: number;
  total?: number;
  role: string;
  watching: string;
  pollingReason?: string;
  generation: number;
  files: number;
  chunks: number;
  buffers: number;
  fault?: string;
  lexicalOnly?: string;
  /** Why the built-in embedding model answers in place of the chosen one. */
  builtinModel?: string;
  setAside?: string[];
}

export interface StatusResult {
  version: string;
  workspaces: WorkspaceStatus[];
}

export interface McpWorkspace {
  workspace: string;
  path: string;
}

export interface McpResult {
  url?: string;
  token?: string;
  workspaces: McpWorkspace[];
}

export const methods = {
  search: "conexus/search",
  related: "conexus/related",
  context: "conexus/context",
  outline: "conexus/outline",
  status: "conexus/status",
  statusChanged: "conexus/statusChanged",
  reindex: "conexus/reindex",
  mcp: "conexus/mcp",
} as const;

/** What a search is narrowed to. */

import type { SearchParams } from "./protocol";

export interface Filters {
  readonly kinds: readonly string[];
  readonly languages: readonly string[];
  /** Globs of paths. */
  readonly paths: readonly string[];
}

export const NO_FILTERS: Filters = { kinds: [], languages: [], paths: [] };

/** The kinds of symbols that the server knows, the most asked for first. */
export const KINDS = [
  "function", "method", "class", "struct", "interface", "trait", "enum", "type", "constructor", "test", "macro",
  "constant", "variable", "field", "property", "enum_member", "module", "namespace", "impl", "union", "section",
] as const;

/** The languages that the server cuts into symbols, and some that it cuts into windows of lines. */
export const LANGUAGES = [
  "rust", "go", "python", "javascript", "typescript", "tsx", "java", "c", "cpp", "csharp", "ruby", "php", "kotlin",
  "swift", "scala", "bash", "lua", "elixir", "haskell", "zig", "markdown",
  "json", "yaml", "toml", "html", "css", "sql", "protobuf", "dockerfile", "text",
] as const;

/** Parameters of a search; the text goes as it is. */
export function searchParams(query: string, filters: Filters, limit: number, activeDocument?: string): SearchParams {
  return {
    query,
    limit,
    explain: true,
    ...(filters.kinds.length > 0 && { kinds: [...filters.kinds] }),
    ...(filters.languages.length > 0 && { languages: [...filters.languages] }),
    ...(filters.paths.length > 0 && { include: [...filters.paths] }),
    ...(activeDocument !== undefined && { activeDocument }),
  };
}

/** As the title of the list shows it. */
export function describe(filters: Filters): string {
  return [...filters.kinds, ...filters.languages, ...filters.paths].join(", ");
}

/** Globs as a person types them, with commas or spaces between. A folder stands for what is in it. */
export function parsePaths(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((part) => part.replace(/^\.?\/+/, ""))
    .filter((part) => part !== "")
    .map((part) => (part.endsWith("/") ? `${part}**` : part));
}

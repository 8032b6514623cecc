/** Which symbols get a line of links above them, and what it says. */

import type { OutlineSymbol, RelatedResult, RelationName } from "./protocol";

export type LensName = "callers" | "tests" | "similar";

export const RELATION_OF: Readonly<Record<LensName, RelationName>> = {
  callers: "caller",
  tests: "test",
  similar: "similar",
};

/** Most relations that are counted; more are shown as such. */
export const COUNTED = 20;

/** Kinds that are called. */
const CALLABLE = new Set(["function", "method", "constructor", "macro"]);
/** Kinds of which the users are worth knowing. */
const TYPES = new Set(["class", "struct", "enum", "interface", "trait", "type", "union"]);

/** The lenses of a symbol, of those that are wanted. */
export function lensesOf(symbol: OutlineSymbol, wanted: readonly LensName[]): LensName[] {
  if (symbol.test) {
    return [];
  }
  if (CALLABLE.has(symbol.kind)) {
    return [...wanted];
  }
  return TYPES.has(symbol.kind) ? wanted.filter((name) => name !== "similar") : [];
}

/** What a lens says. */
export function lensTitle(name: LensName, result: RelatedResult): string {
  const relation = RELATION_OF[name];
  const number = result.relations.filter((found) => found.relation === relation).length;
  const shown = result.more.includes(relation) ? `${number}+` : String(number);
  switch (name) {
    case "callers":
      return number === 1 ? "1 caller" : `${shown} callers`;
    case "tests":
      return number === 1 ? "1 likely test" : `${shown} likely tests`;
    case "similar":
      return number === 0 ? "nothing similar" : `${shown} similar`;
  }
}

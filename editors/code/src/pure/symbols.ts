/** Which symbols of the server go into the editor's own list (Ctrl+T): none that another language server finds too. */

/** Extensions that answer for all symbols of a workspace, by the ends of the file names that they answer for. */
const OTHERS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["rust-lang.rust-analyzer"], ["rs"]],
  [["golang.go"], ["go"]],
  [["ms-python.vscode-pylance", "ms-python.python", "detachhead.basedpyright", "anysphere.cursorpyright"], ["py", "pyi"]],
  [["vscode.typescript-language-features"], ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"]],
  [["redhat.java"], ["java"]],
  [["ms-vscode.cpptools", "llvm-vs-code-extensions.vscode-clangd"], ["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx"]],
  [["ms-dotnettools.csharp"], ["cs"]],
  [["bmewburn.vscode-intelephense-client"], ["php"]],
  [["shopify.ruby-lsp"], ["rb"]],
  [["scalameta.metals"], ["scala"]],
  [["fwcd.kotlin", "jetbrains.kotlin"], ["kt", "kts"]],
  [["sswg.swift-lang", "swiftlang.swift-vscode"], ["swift"]],
  [["ziglang.vscode-zig"], ["zig"]],
  [["sumneko.lua"], ["lua"]],
  [["mads-hartmann.bash-ide-vscode"], ["sh", "bash"]],
  [["jakebecker.elixir-ls", "elixir-lsp.elixir-ls", "expertlsp.expert", "lexical-lsp.lexical"], ["ex", "exs"]],
  [["haskell.haskell"], ["hs", "hs-boot"]],
  [["vscode.markdown-language-features"], ["md"]],
];

/** Ends of file names, without the dot, for which an active extension answers. */
export function answeredElsewhere(isActive: (extension: string) => boolean): Set<string> {
  return new Set(OTHERS.filter(([extensions]) => extensions.some(isActive)).flatMap(([, ends]) => ends));
}

/** Whether a symbol of a file would stand in the list twice. */
export function isNoise(path: string, elsewhere: ReadonlySet<string>): boolean {
  const dot = path.lastIndexOf(".");
  return dot >= 0 && elsewhere.has(path.slice(dot + 1).toLowerCase());
}

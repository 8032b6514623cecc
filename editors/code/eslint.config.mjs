import js from "@eslint/js";
import typescript from "typescript-eslint";

/** What reaches other machines: the extension starts a program on this one and talks to that alone. */
const NETWORK = ["http", "https", "http2", "net", "tls", "dgram", "dns"].flatMap((name) => [name, `node:${name}`]);

export default typescript.config(
  { ignores: ["dist/", "out/", "node_modules/", "**/*.mjs"] },
  js.configs.recommended,
  ...typescript.configs.strictTypeChecked,
  ...typescript.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "error",
    },
  },
  {
    // No telemetry.
    files: ["src/**"],
    rules: {
      "no-restricted-imports": ["error", { paths: NETWORK }],
      "no-restricted-globals": ["error", "fetch", "WebSocket", "XMLHttpRequest", "EventSource"],
      "no-restricted-syntax": ["error", "MemberExpression[property.name=/^(createTelemetryLogger|fetch)$/]"],
    },
  },
  {
    // What holds the logic must run without an editor.
    files: ["src/pure/**"],
    rules: { "no-restricted-imports": ["error", { paths: [...NETWORK, "vscode", "vscode-languageclient/node"] }] },
  },
);

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { FILE_SETTINGS, settingNamedIn, tables } from "../../src/pure/fileSettings";
import { byFile, type Finding, looked, type Looked, summary } from "../../src/pure/findings";
import { lensesOf, lensTitle } from "../../src/pure/lenses";
import { clientConfiguration, definitions, headers } from "../../src/pure/mcp";
import type { OutlineSymbol, RelatedResult, WorkspaceStatus } from "../../src/pure/protocol";
import type { Server } from "../../src/pure/status";
import { answeredElsewhere, isNoise } from "../../src/pure/symbols";

const at = (line: number): Finding["range"] => ({ start: { line, character: 0 }, end: { line, character: 1 } });

void test("the server is told what somebody has set, and files say the rest", () => {
  const set: Record<string, unknown> = { "index.any_folder": true, "index.exclude": [], "log.level": "debug" };
  assert.deepEqual(tables((name) => set[name]), { index: { any_folder: true, exclude: [] }, log: { level: "debug" } });
  assert.deepEqual(tables(() => undefined), {});
});

void test("the button of a message leads to the setting that it names", () => {
  for (const [message, expected] of [
    ["\"/x\" is a home folder: allow it by `any_folder = true` below `[index]`", "conexus.index.any_folder"],
    ["the folder x is not indexed", undefined],
  ] as const) {
    assert.equal(settingNamedIn(message), expected);
  }
});

void test("symbols that another extension finds are no noise beside it", () => {
  const elsewhere = answeredElsewhere((id) => id === "rust-lang.rust-analyzer");
  assert.ok(isNoise("/w/src/main.RS", elsewhere));
  assert.ok(!isNoise("/w/src/main.go", elsewhere));
  assert.ok(!isNoise("/w/Makefile", elsewhere));
  assert.ok(!isNoise("/w/src/main.rs", answeredElsewhere(() => false)));
});

void test("each language that Conexus has symbols of is known with a server of its own", () => {
  const table = readFileSync(join("..", "..", "server/syntax/src/languages/table.rs"), "utf8");
  const languages = [...table.matchAll(/Language::named\("([^"]+)"\),[^[]*extensions: &\[\s*"([^"]+)"/g)];
  const names = [...table.matchAll(/Language::named\("([^"]+)"\)/g)].map(([, name]) => name);
  assert.deepEqual(languages.map(([, name]) => name), names);
  assert.ok(names.length >= 20, "the table of languages is read");
  const elsewhere = answeredElsewhere(() => true);
  assert.deepEqual(languages.filter(([, , end]) => !elsewhere.has(end ?? "")).map(([, name]) => name), []);
});

const one = { url: "http://127.0.0.1:4000/mcp", token: "secret", workspaces: [{ workspace: "file:///w/a", path: "/w/a" }] };
const two = { ...one, workspaces: [...one.workspaces, { workspace: "file:///w/b", path: "/w/b" }] };

void test("a definition holds no token; the headers do, when they are needed", () => {
  assert.deepEqual(definitions(one), [{ label: "Conexus", url: one.url, folder: "/w/a" }]);
  assert.deepEqual(definitions(two).map(({ label }) => label), ["Conexus (a)", "Conexus (b)"]);
  assert.ok(!JSON.stringify([definitions(one), definitions(two)]).includes("secret"));
  const [first] = definitions(two);
  assert.ok(first);
  assert.deepEqual(headers(first, one), { Authorization: "Bearer secret" });
  assert.deepEqual(headers(first, two), { Authorization: "Bearer secret", "Conexus-Workspace": "/w/a" });
  assert.deepEqual(definitions({ workspaces: [] }), []);
});

void test("folders of one name are told apart by what stands before it", () => {
  const cases: readonly (readonly [folders: readonly string[], labels: readonly string[], keys: readonly string[]])[] = [
    [["/w/a/app", "/w/b/app", "/w/shop"], ["a/app", "b/app", "shop"], ["a-app", "b-app", "shop"]],
    [["/a/x/app", "/b/x/app", "/app"], ["a/x/app", "b/x/app", "app"], ["a-x-app", "b-x-app", "app"]],
    [["C:\\w\\a\\app", "C:\\w\\b\\app"], ["a/app", "b/app"], ["a-app", "b-app"]],
    [["/w/a/app", "/w/b/app", "/w/a-app"], ["a/app", "b/app", "a-app"], ["a-app", "b-app", "a-app-2"]],
  ];
  for (const [folders, labels, keys] of cases) {
    const workspaces = folders.map((path) => ({ workspace: `file://${path}`, path }));
    const found = definitions({ ...one, workspaces });
    assert.deepEqual(found.map(({ label, folder }) => [label, folder]), folders.map((path, index) => [`Conexus (${labels[index] ?? ""})`, path]));
    const { mcpServers } = JSON.parse(clientConfiguration("c", folders)) as { mcpServers: Record<string, { args: string[] }> };
    assert.deepEqual(
      Object.entries(mcpServers).map(([key, { args }]) => [key, args.at(-1)]),
      folders.map((path, index) => [`conexus-${keys[index] ?? ""}`, path]),
    );
  }
});

void test("a folder that no header can name is reached by the program", () => {
  const named = { ...two, workspaces: [{ workspace: "file:///w/%C3%A9", path: "/w/é" }, ...one.workspaces] };
  assert.deepEqual(definitions(named).map(({ url }) => url), [undefined, one.url]);
  assert.deepEqual(definitions({ ...named, workspaces: named.workspaces.slice(0, 1) })[0]?.url, one.url);
});

void test("the configuration for other assistants starts the program and holds no token", () => {
  assert.deepEqual(JSON.parse(clientConfiguration("/bin/conexus", ["/w/a"])), {
    mcpServers: { conexus: { command: "/bin/conexus", args: ["mcp", "--workspace", "/w/a"] } },
  });
  const several = JSON.parse(clientConfiguration("c", ["/w/a", "C:\\w\\b"])) as { mcpServers: object };
  assert.deepEqual(Object.keys(several.mcpServers), ["conexus-a", "conexus-b"]);
});

void test("findings are ordered by file and place", () => {
  const finding = (path: string, line: number, rule: string): Finding => ({
    uri: `file:///w/${path}`, path, rule, message: "m", severity: "warning", range: at(line),
  });
  const all = [finding("b.rs", 9, "y"), finding("a.rs", 3, "x"), finding("b.rs", 2, "z"), finding("b.rs", 9, "x")];
  const files = byFile(all).map(({ path, findings }) => [path, findings.map(({ rule, range }) => `${range.start.line} ${rule}`)]);
  assert.deepEqual(files, [["a.rs", ["3 x"]], ["b.rs", ["2 z", "9 x", "9 y"]]]);
  assert.equal(summary(all), "4 in 2 files");
  assert.equal(summary(all.slice(0, 1)), "1 in 1 file");
  assert.equal(summary([]), "");
});

void test("lenses stand above what can be called or used, and not above tests", () => {
  const symbol = (kind: string, isTest = false): OutlineSymbol => ({
    name: "s", container: "", kind, range: at(0), selectionRange: at(0), test: isTest,
  });
  const wanted = ["callers", "tests", "similar"] as const;
  assert.deepEqual(lensesOf(symbol("function"), wanted), wanted);
  assert.deepEqual(lensesOf(symbol("struct"), wanted), ["callers", "tests"]);
  assert.deepEqual(lensesOf(symbol("variable"), wanted), []);
  assert.deepEqual(lensesOf(symbol("function", true), wanted), []);
});

void test("a lens counts, and says when it does not know all", () => {
  const result = (count: number, more: string[]): RelatedResult => ({
    relations: Array.from({ length: count }, () => ({
      relation: "caller", uri: "", range: at(0), selectionRange: at(0), path: "", name: "", container: "", reason: "", confidence: 1,
    })),
    more,
    notices: [],
  });
  assert.equal(lensTitle("callers", result(0, [])), "0 callers");
  assert.equal(lensTitle("callers", result(1, [])), "1 caller");
  assert.equal(lensTitle("callers", result(20, ["caller"])), "20+ callers");
  assert.equal(lensTitle("tests", result(3, [])), "0 likely tests");
  assert.equal(lensTitle("similar", result(3, [])), "nothing similar");
});

interface Manifest {
  version: string;
  contributes: {
    commands: { command: string }[];
    configuration: { properties: Record<string, { description?: string; markdownDescription?: string }> };
    walkthroughs: { steps: { description: string; media: { markdown: string } }[] }[];
  };
}

void test("what package.json declares is there, and what is there is declared", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const source = readFileSync("src/extension.ts", "utf8");
  const own = new Set([...source.matchAll(/on\("(conexus\.[\w.]+)"/g)].map(([, name]) => name));
  for (const [, name] of source.matchAll(/\["(peek\w+)", "\w+"\]/g)) {
    own.add(`conexus.${name ?? ""}`);
  }
  // The target of code lenses takes arguments, so that the palette does not have it.
  own.delete("conexus.peek");
  const declared = manifest.contributes.commands.map(({ command }) => command);
  assert.deepEqual([...own].sort(), [...declared].sort());
  const used = [...readFileSync("src/settings.ts", "utf8").matchAll(/get(?:<[^(]+>)?\("([\w.]+)"/g)].map(([, name]) => `conexus.${name ?? ""}`);
  used.push(...FILE_SETTINGS.map((name) => `conexus.${name}`));
  const settings = manifest.contributes.configuration.properties;
  for (const name of used) {
    assert.ok(settings[name], `${name} is declared`);
  }
  for (const [name, setting] of Object.entries(settings)) {
    assert.ok((setting.description ?? setting.markdownDescription ?? "").length > 10, `${name} is described`);
    assert.ok(name === "conexus.trace.server" || used.includes(name), `${name} is used`);
  }
  for (const step of manifest.contributes.walkthroughs.flatMap(({ steps }) => steps)) {
    assert.ok(readFileSync(step.media.markdown, "utf8").length > 100);
    for (const [, command] of step.description.matchAll(/\(command:([\w.]+)\)/g)) {
      assert.ok(declared.includes(command ?? ""), command);
    }
  }
});

void test("the extension and the program have one version", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const cargo = readFileSync(join("..", "..", "Cargo.toml"), "utf8");
  assert.equal(manifest.version, /^version = "([^"]+)"/m.exec(cargo)?.[1]);
});

void test("the requests of the extension are those of the server's page", () => {
  const page = readFileSync(join("..", "..", "docs", "lsp-extensions.md"), "utf8");
  const protocol = readFileSync("src/pure/protocol.ts", "utf8");
  for (const [, name, body] of protocol.matchAll(/export interface (\w+) \{\n([^}]*)\}/g)) {
    const theirs = new RegExp(`interface ${name ?? ""} \\{\n([^}]*)\\}`).exec(page)?.[1];
    if (["Position", "Range"].includes(name ?? "")) {
      continue;
    }
    assert.ok(theirs, `${name ?? ""} is on the page`);
    for (const [, field] of (body ?? "").matchAll(/^ {2}(\w+\??): /gm)) {
      assert.ok(theirs.includes(`  ${field ?? ""}: `), `${name ?? ""}.${field ?? ""} is on the page`);
    }
  }
  for (const [, method] of protocol.matchAll(/"(conexus\/\w+)"/g)) {
    assert.ok(page.includes(`## \`${method ?? ""}\``), method);
  }
});

void test("that there is no finding is said when all was looked at, not before", () => {
  const folder = (activity: string): WorkspaceStatus => ({
    workspace: "file:///w", activity, role: "owner", watching: "events", generation: 1, files: 1, chunks: 1, buffers: 0,
  });
  const running: Server = { name: "running", version: "0.1.0", hasAnswered: true };
  const asked: Server = { ...running, hasAnswered: false };
  const cases: readonly (readonly [Server, readonly WorkspaceStatus[], number, Looked])[] = [
    [{ name: "missing", why: "not found" }, [], 0, "never"],
    [{ name: "failed", why: "it crashed" }, [folder("idle")], 0, "never"],
    [{ name: "starting" }, [], 0, "underWay"],
    [{ name: "waiting", milliseconds: 500, why: "it crashed" }, [], 0, "underWay"],
    [asked, [], 0, "underWay"],
    [asked, [folder("idle")], 0, "done"],
    [running, [], 0, "done"],
    [running, [folder("idle"), folder("indexing")], 0, "underWay"],
    [running, [folder("idle")], 1, "underWay"],
    [running, [folder("idle"), folder("embedding")], 0, "done"],
  ];
  for (const [server, folders, underWay, expected] of cases) {
    assert.equal(looked(server, folders, underWay), expected, JSON.stringify([server, folders, underWay]));
  }
});

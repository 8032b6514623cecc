import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { describe, KINDS, LANGUAGES, NO_FILTERS, parsePaths, searchParams } from "../../src/pure/filters";
import { Latest } from "../../src/pure/latest";
import type { Hit } from "../../src/pure/protocol";
import { banner, emptyMessage, explanation, row, why } from "../../src/pure/results";
import { openedByPreview } from "../../src/pure/tabs";

const repository = join(process.cwd(), "..", "..");
const point = { line: 4, character: 2 };

const hit: Hit = {
  uri: "file:///w/src/retry.rs",
  range: { start: point, end: point },
  selectionRange: { start: point, end: point },
  path: "src/retry.rs",
  name: "retry_failed_request",
  container: "Client",
  kind: "method",
  language: "rust",
  score: 1,
  preview: "pub fn retry_failed_request() {",
  contributions: [
    { feature: "bm25", value: 0.2 },
    { feature: "vector", value: 0.6 },
    { feature: "open_file", value: 0.01 },
    { feature: "test_factor", value: 0.5 },
  ],
};

void test("a row says what, where, the line and why", () => {
  const { label, description, detail } = row(hit);
  assert.equal(label, "$(symbol-method) retry_failed_request");
  assert.equal(description, "Client · retry.rs:5 · src");
  assert.equal(detail, "pub fn retry_failed_request() {  — meaning, words");
});

void test("with several folders a row names its own", () => {
  assert.equal(row(hit, "server").description, "Client · retry.rs:5 · server/src");
  assert.equal(row({ ...hit, path: "retry.rs" }, "server").description, "Client · retry.rs:5 · server");
});

void test("what several folders have to say is said once", () => {
  const notice = { kind: "noMatch", message: "no match" };
  assert.equal(emptyMessage({ hits: [], more: false, notices: [notice, notice] }), "No match");
});

void test("a long line leaves room for the reasons", () => {
  const { detail } = row({ ...hit, preview: "x".repeat(200) });
  assert.equal(detail, `${"x".repeat(53)}…  — meaning, words`);
});

void test("a hit without a symbol has the name of its file, and text of files draws no icons", () => {
  const { label, description, detail } = row({ ...hit, name: "", container: "", kind: undefined as never, preview: "$(rm) x", contributions: [] });
  assert.equal(label, "$(file-code) retry.rs");
  assert.equal(description, "line 5 · src");
  assert.ok(!detail.includes("$(rm)"), detail);
});

void test("reasons are the heaviest terms, each once, and unknown ones by their name", () => {
  assert.equal(why([]), "");
  assert.equal(why([{ feature: "stem_is_query", value: 1 }, { feature: "stem_matches", value: 1 }]), "file name");
  assert.equal(why([{ feature: "brand_new", value: 1 }, { feature: "gap_factor", value: 9 }]), "brand new");
  assert.equal(explanation(hit.contributions ?? []).split("\n").at(-1), "×0.50 test");
});

void test("an empty answer is never silent", () => {
  const empty = { hits: [], more: false };
  assert.equal(emptyMessage({ ...empty, notices: [] }), "No match");
  const notices = [{ kind: "noMatch", message: "no match" }, { kind: "indexing", message: "still indexing: 3 of 9 files" }];
  assert.equal(emptyMessage({ ...empty, notices }), "No match; still indexing: 3 of 9 files");
  assert.equal(banner(notices), "still indexing: 3 of 9 files");
  assert.equal(banner([]), undefined);
});

void test("the whole text goes to the server, with the filters", () => {
  const query = "  where do we: retry \"failed\" requests? ";
  assert.deepEqual(searchParams(query, NO_FILTERS, 20), { query, limit: 20, explain: true });
  const filters = { kinds: ["function"], languages: ["rust"], paths: ["src/**"] };
  assert.deepEqual(searchParams("q", filters, 5, "file:///a"), {
    query: "q", limit: 5, explain: true, kinds: ["function"], languages: ["rust"], include: ["src/**"], activeDocument: "file:///a",
  });
  assert.equal(describe(filters), "function, rust, src/**");
});

void test("paths are understood as people write them", () => {
  assert.deepEqual(parsePaths(" src/, ./docs/*.md  **/*.rs "), ["src/**", "docs/*.md", "**/*.rs"]);
  assert.deepEqual(parsePaths("  "), []);
});

void test("kinds and languages are those of the server", () => {
  const symbols = readFileSync(join(repository, "server/core/src/symbol.rs"), "utf8");
  const kinds = [...symbols.matchAll(/= \d+ "(\w+)"/g)].map(([, name]) => name);
  assert.deepEqual(KINDS.filter((kind) => !kinds.includes(kind)), []);
  const table = readFileSync(join(repository, "server/syntax/src/languages/table.rs"), "utf8");
  const plain = readFileSync(join(repository, "server/syntax/src/languages/plain.rs"), "utf8");
  const known = [...table.matchAll(/Language::named\("([^"]+)"\)/g)].map(([, name]) => name ?? "");
  assert.deepEqual(known.filter((name) => !(LANGUAGES as readonly string[]).includes(name)), [], "languages without a filter");
  const rest = LANGUAGES.filter((name) => !known.includes(name) && !plain.includes(`    "${name}" "`));
  assert.deepEqual(rest, [], "filters without a language");
});

/** Questions whose answers the test gives. */
class Desk {
  readonly asked: { question: string; signal: AbortSignal; answer: (text: string) => void; fail: (error: Error) => void }[] = [];
  readonly told: string[] = [];
  readonly timers: (() => void)[] = [];
  readonly latest = new Latest<string, string>(
    {
      ask: (question, signal) =>
        new Promise((answer, fail) => { this.asked.push({ question, signal, answer, fail }); }),
      begun: () => undefined,
      answered: (question, answer) => { this.told.push(`${question}: ${answer}`); },
      failed: (question, error) => { this.told.push(`${question} failed: ${(error as Error).message}`); },
      later: (_, work) => {
        this.timers.push(work);
        return () => { this.timers.splice(this.timers.indexOf(work), 1); };
      },
    },
    80,
  );
}

const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

void test("while one types nothing is asked, and then the last text", () => {
  const desk = new Desk();
  for (const text of ["r", "re", "retry"]) {
    desk.latest.askSoon(text);
  }
  assert.equal(desk.asked.length, 0);
  assert.equal(desk.timers.length, 1, "one pause, not three");
  desk.timers[0]?.();
  assert.deepEqual(desk.asked.map(({ question }) => question), ["retry"]);
});

void test("a new question cancels the one before, whose late answer is dropped", async () => {
  const desk = new Desk();
  desk.latest.askNow("first");
  desk.latest.askNow("second");
  assert.deepEqual(desk.asked.map(({ signal }) => signal.aborted), [true, false]);
  desk.asked[1]?.answer("two");
  desk.asked[0]?.answer("one");
  await settled();
  assert.deepEqual(desk.told, ["second: two"]);
});

void test("a failure is told, unless nobody waits any more", async () => {
  const desk = new Desk();
  desk.latest.askNow("first");
  desk.latest.cancel();
  desk.asked[0]?.fail(new Error("cancelled"));
  desk.latest.askNow("second");
  desk.asked[1]?.fail(new Error("no server"));
  await settled();
  assert.deepEqual(desk.told, ["second failed: no server"]);
});

void test("it is known whether the rows in sight answer a text", async () => {
  const desk = new Desk();
  assert.ok(!desk.latest.isAnswered(""));
  desk.latest.askNow("first");
  assert.ok(!desk.latest.isAnswered("first"), "it is under way");
  desk.asked[0]?.answer("one");
  await settled();
  assert.ok(desk.latest.isAnswered("first"));
  desk.latest.askSoon("second");
  assert.deepEqual([desk.latest.isAnswered("first"), desk.latest.isAnswered("second")], [true, false]);
  desk.timers[0]?.();
  desk.asked[1]?.fail(new Error("no server"));
  await settled();
  assert.deepEqual([desk.latest.isAnswered("first"), desk.latest.isAnswered("second")], [false, true]);
  // The same text is asked anew: the rows still answer it.
  desk.latest.askNow("second");
  assert.ok(desk.latest.isAnswered("second"));
  desk.latest.cancel();
  assert.ok(!desk.latest.isAnswered("second"));
});

void test("only the tabs that a preview has opened are closed", () => {
  const tab = (uri: string, group = 1, isDirty = false): { uri: string; group: number; isDirty: boolean } => ({ uri, group, isDirty });
  const before = [tab("mine"), tab("open-already"), tab("elsewhere", 2)];
  const now = [...before, tab("hit"), tab("elsewhere"), tab("typed-into", 1, true), tab("opened-by-somebody")];
  const previewed = new Set(["open-already", "hit", "elsewhere", "typed-into"]);
  assert.deepEqual(openedByPreview(before, now, previewed), [tab("hit"), tab("elsewhere")]);
  assert.deepEqual(openedByPreview(before, before, previewed), []);
});

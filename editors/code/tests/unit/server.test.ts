import assert from "node:assert/strict";
import { test } from "node:test";

import { locate, type Machine } from "../../src/pure/locate";
import type { WorkspaceStatus } from "../../src/pure/protocol";
import { indexedShare, percent, type Server, show } from "../../src/pure/status";
import { NotFound } from "../../src/pure/supervisor";
import { fit, mismatch } from "../../src/pure/version";

function machine(...programs: string[]): Machine {
  return {
    platform: "linux",
    environment: { PATH: "/usr/bin:relative:/opt/bin", TOOLS: "/tools" },
    home: "/h",
    isProgram: (file) => programs.includes(file),
  };
}

const wish = { setting: "", extension: "/extension", folder: "/w" };

void test("the setting wins over the bundled program, and that over the path", () => {
  const all = machine("/extension/bundled/conexus", "/opt/bin/conexus", "/set/conexus");
  assert.deepEqual(locate({ ...wish, setting: "/set/conexus" }, all), { program: "/set/conexus", origin: "setting" });
  assert.deepEqual(locate(wish, all), { program: "/extension/bundled/conexus", origin: "bundled" });
  assert.deepEqual(locate(wish, machine("/opt/bin/conexus")), { program: "/opt/bin/conexus", origin: "path" });
  assert.deepEqual(locate(wish, machine("/h/.cargo/bin/conexus")), { program: "/h/.cargo/bin/conexus", origin: "path" });
});

void test("a path of the setting is understood as people write it", () => {
  for (const [setting, program] of [
    [" /set/conexus ", "/set/conexus"],
    ["~/bin/conexus", "/h/bin/conexus"],
    ["${workspaceFolder}/target/conexus", "/w/target/conexus"],
    ["${env:TOOLS}/conexus", "/tools/conexus"],
    ["./conexus", "/w/conexus"],
    ["conexus-nightly", "/opt/bin/conexus-nightly"],
  ] as const) {
    assert.equal(locate({ ...wish, setting }, machine(program)).program, program, setting);
  }
});

void test("what is missing is named, and a wrong setting is no reason to take another program", () => {
  assert.throws(() => locate(wish, machine()), NotFound);
  const others = machine("/usr/bin/conexus", "/extension/bundled/conexus");
  assert.throws(() => locate({ ...wish, setting: "/gone/conexus" }, others), /conexus\.server\.path names \/gone\/conexus/);
  assert.throws(() => locate(wish, machine("relative/conexus")), NotFound, "a relative part of the path is not searched");
});

void test("versions fit when they promise the same", () => {
  for (const [server, extension, expected] of [
    ["0.1.0", "0.1.7", "same"],
    ["0.1.0-rc.1", "0.1.0", "same"],
    ["0.1.9", "0.2.0", "older"],
    ["0.3.0", "0.2.9", "newer"],
    ["1.0.0", "0.9.0", "newer"],
    ["1.9.0", "1.2.0", "same"],
    ["2.0.0", "1.2.0", "newer"],
    ["", "0.1.0", "unknown"],
    ["banana", "0.1.0", "unknown"],
  ] as const) {
    assert.equal(fit(server, extension), expected, `${server} with ${extension}`);
    assert.equal(mismatch(server, extension) === undefined, expected === "same");
  }
});

const idle: WorkspaceStatus = {
  workspace: "file:///w", activity: "idle", role: "owner", watching: "events", generation: 7, files: 1, chunks: 2000, buffers: 0,
};
const up: Server = { name: "running", version: "0.1.0", hasAnswered: true };

void test("the status item says how things stand", () => {
  const folders: readonly (readonly [Partial<WorkspaceStatus>, string, string])[] = [
    [{}, "$(pulse) Conexus: live", "calm"],
    [{ activity: "walking" }, "$(sync~spin) Conexus: looking for files", "calm"],
    [{ activity: "indexing", done: 638, total: 1000 }, "$(sync~spin) Conexus: indexing 63 %", "calm"],
    [{ activity: "embedding", done: 1, total: 4 }, "$(sync~spin) Conexus: computing vectors 25 %", "calm"],
    [{ lexicalOnly: "no model" }, "$(warning) Conexus: lexical only", "warning"],
    [{ builtinModel: "the endpoint does not answer" }, "$(warning) Conexus: built-in model", "warning"],
    [{ role: "follower" }, "$(debug-disconnect) Conexus: detached", "calm"],
    [{ role: "follower", activity: "detached" }, "$(warning) Conexus: detached", "warning"],
    [{ fault: "the disk is read-only" }, "$(error) Conexus: error", "error"],
    [{ fault: "the workspace is gone", activity: "detached" }, "$(error) Conexus: error", "error"],
    [{ activity: "failed" }, "$(error) Conexus: error", "error"],
  ];
  for (const [change, text, level] of folders) {
    const shown = show(up, [{ ...idle, ...change }], () => "w");
    assert.deepEqual([shown.text, shown.level], [text, level]);
  }
  const silent: Server = { ...up, hasAnswered: false };
  assert.equal(show(silent, [idle], () => "w").text, "$(pulse) Conexus: live", "it has told by itself");
  assert.equal(show(up, [], () => "w").text, "$(pulse) Conexus: live", "a server that cannot tell");
  assert.deepEqual(show(silent, [], () => "w"), { text: "$(sync~spin) Conexus: starting", details: ["Server 0.1.0"], level: "calm" });
  const servers: readonly (readonly [Server, string])[] = [
    [{ name: "noFolder" }, "$(circle-slash) Conexus"],
    [{ name: "starting" }, "$(sync~spin) Conexus: starting"],
    [{ name: "waiting", milliseconds: 4000, why: "it crashed" }, "$(sync~spin) Conexus: restarting"],
    [{ name: "missing", why: "not found" }, "$(error) Conexus: not found"],
    [{ name: "failed", why: "it crashed" }, "$(error) Conexus: failed"],
  ];
  for (const [server, text] of servers) {
    assert.equal(show(server, [idle], () => "w").text, text);
  }
});

void test("of several folders the busy ones count, and each has a line", () => {
  const busy = { ...idle, workspace: "file:///b", activity: "indexing", done: 10, total: 100 };
  const shown = show(up, [idle, busy, { ...busy, done: 30 }], (uri) => uri.slice(-1));
  assert.equal(shown.text, "$(sync~spin) Conexus: indexing 20 %");
  assert.deepEqual(shown.details, [
    "**w**: 1 file, 2,000 pieces",
    "**b**: 1 file, 2,000 pieces; indexing: 10 of 100",
    "**b**: 1 file, 2,000 pieces; indexing: 30 of 100",
    "Server 0.1.0",
  ]);
});

void test("all is there to be found when no folder is being indexed", () => {
  const building = { ...idle, activity: "indexing", done: 30, total: 100 };
  assert.equal(indexedShare([]), 1);
  assert.equal(indexedShare([idle, { ...idle, activity: "embedding", done: 1, total: 9 }]), 1);
  assert.equal(indexedShare([idle, building, { ...building, done: 10 }]), 0.2);
  assert.equal(indexedShare([{ ...idle, activity: "walking" }]), 0);
  assert.equal(indexedShare([{ ...building, activity: "finishing", done: 100 }]), 0.99);
});

void test("100 % is said when all is done, not before", () => {
  assert.deepEqual([percent(999, 1000), percent(1000, 1000), percent(0, 3)], [99, 100, 0]);
});

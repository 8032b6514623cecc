import assert from "node:assert/strict";
import { test } from "node:test";

import { NotFound, PAUSES, type Running, type State, STEADY_MS, Supervisor } from "../../src/pure/supervisor";

/** A machine whose clock and processes the test moves. */
class Machine {
  now = 0;
  readonly states: string[] = [];
  readonly timers: { at: number; work: () => void }[] = [];
  readonly servers: { ended: (why: string) => void; stopped: boolean }[] = [];
  /** What the next starts do: run, or throw. */
  starts: (Error | "run")[] = [];

  readonly supervisor = new Supervisor<Running>({
    start: (ended) => {
      const next = this.starts.shift() ?? "run";
      if (next !== "run") {
        return Promise.reject(next);
      }
      const server = { ended, stopped: false };
      this.servers.push(server);
      return Promise.resolve({
        version: "1.0.0",
        stop: () => {
          server.stopped = true;
          return Promise.resolve();
        },
      });
    },
    now: () => this.now,
    later: (milliseconds, work) => {
      const timer = { at: this.now + milliseconds, work };
      this.timers.push(timer);
      return () => { this.timers.splice(this.timers.indexOf(timer), 1); };
    },
    changed: (state: State<Running>) => { this.states.push(state.name); },
  });

  /** The next timer's work, at its time. */
  async pass(): Promise<void> {
    const timer = this.timers.shift();
    assert.ok(timer, "something waits");
    this.now = timer.at;
    timer.work();
    await settled();
  }

  async crash(afterMs: number): Promise<void> {
    this.now += afterMs;
    this.servers.at(-1)?.ended("the server ended with code 101");
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

void test("a crash is followed by a start after a pause", async () => {
  const machine = new Machine();
  await machine.supervisor.restart();
  await machine.crash(1_000);
  assert.deepEqual(machine.supervisor.state, {
    name: "waiting", milliseconds: PAUSES[0], why: "the server ended with code 101",
  });
  await machine.pass();
  assert.equal(machine.supervisor.state.name, "running");
  assert.equal(machine.servers.length, 2);
});

void test("pauses grow, and then it gives up once", async () => {
  const machine = new Machine();
  machine.starts = Array<Error>(20).fill(new Error("no such option"));
  await machine.supervisor.restart();
  const pauses: number[] = [];
  while (machine.supervisor.state.name === "waiting") {
    pauses.push(machine.supervisor.state.milliseconds);
    await machine.pass();
  }
  assert.deepEqual(pauses, [...PAUSES]);
  assert.deepEqual(machine.supervisor.state, { name: "failed", crashes: PAUSES.length + 1, why: "no such option" });
  assert.equal(machine.timers.length, 0, "nothing starts by itself any more");
  assert.equal(machine.states.filter((state) => state === "failed").length, 1, "it is told once");
  machine.starts = [];
  await machine.supervisor.restart();
  assert.equal(machine.supervisor.state.name, "running");
});

void test("a server that ran for long has not crashed in a row", async () => {
  const machine = new Machine();
  await machine.supervisor.restart();
  for (let crash = 0; crash < 3 * PAUSES.length; crash += 1) {
    await machine.crash(STEADY_MS);
    assert.deepEqual(machine.supervisor.state.name, "waiting");
    await machine.pass();
  }
  assert.equal(machine.supervisor.state.name, "running");
});

void test("a missing program is not looked for again and again", async () => {
  const machine = new Machine();
  machine.starts = [new NotFound("not found")];
  await machine.supervisor.restart();
  assert.deepEqual(machine.supervisor.state, { name: "missing", why: "not found" });
  assert.equal(machine.timers.length, 0);
});

void test("stopping ends a pause and a server, and its end is no crash", async () => {
  const machine = new Machine();
  await machine.supervisor.restart();
  await machine.crash(10);
  await machine.supervisor.stop();
  assert.equal(machine.timers.length, 0);
  await machine.supervisor.restart();
  await machine.supervisor.stop();
  assert.equal(machine.servers.at(-1)?.stopped, true);
  await machine.crash(10);
  assert.equal(machine.supervisor.state.name, "stopped");
});

void test("a server that comes up after it was given up is stopped", async () => {
  const machine = new Machine();
  const starting = machine.supervisor.restart();
  await machine.supervisor.stop();
  await starting;
  await settled();
  assert.equal(machine.supervisor.state.name, "stopped");
  assert.ok(machine.servers.every((server) => server.stopped));
});

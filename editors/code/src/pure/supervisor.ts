/**
 * Keeps one server running: starts it, starts it again after a crash with pauses that grow, and gives up with one
 * message when it crashes again and again. Clocks and processes are passed in, so that tests need neither.
 */

/** A server that runs. */
export interface Running {
  /** What it says of itself. */
  readonly version: string;
  stop(): Promise<void>;
}

/** What the supervisor does its work with. */
export interface Means<Server extends Running> {
  /** Starts a server. `ended` is called with the reason when it ends without having been stopped. Throws {@link NotFound}. */
  start(ended: (why: string) => void): Promise<Server>;
  now(): number;
  /** Calls back later; returns what cancels it. */
  later(milliseconds: number, work: () => void): () => void;
  /** Told of each new state. */
  changed(state: State<Server>): void;
}

/** There is no program to start. */
export class NotFound extends Error {}

export type State<Server> =
  | { readonly name: "stopped" }
  | { readonly name: "starting"; readonly attempt: number }
  | { readonly name: "running"; readonly server: Server }
  | { readonly name: "waiting"; readonly milliseconds: number; readonly why: string }
  | { readonly name: "missing"; readonly why: string }
  | { readonly name: "failed"; readonly crashes: number; readonly why: string };

/** Pauses before the next start, in milliseconds. After as many crashes in a row the supervisor gives up. */
export const PAUSES = [500, 1_000, 2_000, 4_000, 8_000] as const;
/** A server that ran for so long has not crashed in a row. */
export const STEADY_MS = 180_000;

export class Supervisor<Server extends Running> {
  private current: State<Server> = { name: "stopped" };
  private crashes = 0;
  private cancelPause: (() => void) | undefined;
  /** Raised by each start and stop: what belongs to an older one is ignored. */
  private epoch = 0;

  constructor(private readonly means: Means<Server>) {}

  get state(): State<Server> {
    return this.current;
  }

  /** Starts anew, whatever was before; crashes of the past are forgotten. */
  async restart(): Promise<void> {
    const stopping = this.stop();
    const epoch = this.epoch;
    await stopping;
    if (epoch === this.epoch) {
      this.crashes = 0;
      await this.start();
    }
  }

  async stop(): Promise<void> {
    this.epoch += 1;
    this.cancelPause?.();
    this.cancelPause = undefined;
    const before = this.current;
    this.enter({ name: "stopped" });
    if (before.name === "running") {
      await before.server.stop();
    }
  }

  private async start(): Promise<void> {
    this.epoch += 1;
    const epoch = this.epoch;
    this.enter({ name: "starting", attempt: this.crashes + 1 });
    let startedAt = this.means.now();
    const ended = (why: string): void => {
      if (epoch === this.epoch && this.current.name === "running") {
        this.crashed(this.means.now() - startedAt, why);
      }
    };
    try {
      const server = await this.means.start(ended);
      if (epoch !== this.epoch) {
        await server.stop();
        return;
      }
      startedAt = this.means.now();
      this.enter({ name: "running", server });
    } catch (error) {
      if (epoch !== this.epoch) {
        return;
      }
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof NotFound) {
        this.enter({ name: "missing", why });
      } else {
        this.crashed(0, why);
      }
    }
  }

  private crashed(ranFor: number, why: string): void {
    this.epoch += 1;
    this.crashes = ranFor >= STEADY_MS ? 1 : this.crashes + 1;
    const milliseconds = PAUSES[this.crashes - 1];
    if (milliseconds === undefined) {
      this.enter({ name: "failed", crashes: this.crashes, why });
      return;
    }
    this.enter({ name: "waiting", milliseconds, why });
    this.cancelPause = this.means.later(milliseconds, () => {
      this.cancelPause = undefined;
      void this.start();
    });
  }

  private enter(state: State<Server>): void {
    this.current = state;
    this.means.changed(state);
  }
}

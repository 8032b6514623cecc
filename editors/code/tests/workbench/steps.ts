/** Steps of a story, and what the shell says about where it takes place. */

import type { Setup, Workbench } from "./workbench";

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set; run tests/workbench/run`);
  }
  return value;
}

/** The setup that tests/workbench/run hands over. */
export function setup(): Setup & { readonly server: string; readonly bundled: string } {
  const server = variable("CONEXUS");
  return {
    installed: variable("WORKBENCH"),
    extensions: [variable("EXTENSION")],
    workspace: variable("REPOSITORY"),
    settings: { "conexus.server.path": server },
    pictures: process.env["PICTURES"],
    server,
    bundled: variable("BUNDLED"),
  };
}

export class Steps {
  private readonly start = Date.now();
  private readonly failed: string[] = [];
  private count = 0;

  constructor(private readonly workbench: Workbench) {}

  /** A step that fails leaves a picture of what was on the screen, and the story goes on. */
  async run(name: string, work: () => Promise<void>): Promise<void> {
    const begun = Date.now();
    this.count += 1;
    try {
      await work();
      print(`ok: ${name} (${((Date.now() - begun) / 1_000).toFixed(1)} s)`);
    } catch (error) {
      this.failed.push(name);
      const messages = await this.workbench.messages().catch(() => []);
      const picture = await this.workbench.failurePicture(name).catch(() => "none");
      print(`FAILED: ${name}: ${String(error)}\n  messages: ${JSON.stringify(messages)}\n  picture: ${picture}`);
      // Lists may lie over each other.
      for (let list = 0; list < 4; list += 1) {
        await this.workbench.page.keyboard.press("Escape");
      }
    }
  }

  async finish(): Promise<void> {
    await this.workbench.close();
    print(`${this.count - this.failed.length} of ${this.count} steps passed in ${((Date.now() - this.start) / 1_000).toFixed(0)} s`);
    if (this.failed.length > 0) {
      process.exitCode = 1;
    }
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

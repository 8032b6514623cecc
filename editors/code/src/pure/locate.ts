/** Which program is the server: the one of the setting, else the one in the extension, else the one on the path. */

import * as path from "node:path";

import { NotFound } from "./supervisor";

/** What a machine has. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  isProgram(file: string): boolean;
}

export interface Wish {
  /** The setting `conexus.server.path`; empty when it is not set. */
  readonly setting: string;
  /** Folder of the extension. */
  readonly extension: string;
  /** The first folder of the workspace, if any: a path may be relative to it. */
  readonly folder: string | undefined;
}

/** Where the program came from. */
export interface Located {
  readonly program: string;
  readonly origin: "setting" | "bundled" | "path";
}

const NAME = "conexus";

/** The program; throws {@link NotFound} with a sentence for the person. */
export function locate(wish: Wish, machine: Machine): Located {
  const setting = wish.setting.trim();
  if (setting !== "") {
    return { program: ofSetting(setting, wish, machine), origin: "setting" };
  }
  const bundled = path.join(wish.extension, "bundled", fileName(machine));
  if (machine.isProgram(bundled)) {
    return { program: bundled, origin: "bundled" };
  }
  const program = onPath(NAME, machine);
  if (program === undefined) {
    throw new NotFound("the program conexus was not found: install it, or name it in the setting conexus.server.path");
  }
  return { program, origin: "path" };
}

function ofSetting(setting: string, wish: Wish, machine: Machine): string {
  let program = setting
    .replaceAll("${workspaceFolder}", wish.folder ?? "")
    .replace(/\$\{env:(\w+)\}/g, (_, name: string) => machine.environment[name] ?? "");
  if (program === "~" || program.startsWith("~/")) {
    program = path.join(machine.home, program.slice(1));
  }
  const isName = !program.includes("/") && !program.includes("\\");
  const found = isName ? onPath(program, machine) : path.resolve(wish.folder ?? machine.home, program);
  if (found === undefined || !machine.isProgram(found)) {
    throw new NotFound(`the setting conexus.server.path names ${setting}, which is no program on this machine`);
  }
  return found;
}

function onPath(name: string, machine: Machine): string | undefined {
  const windows = machine.platform === "win32";
  const folders = (machine.environment["PATH"] ?? machine.environment["Path"] ?? "").split(windows ? ";" : ":");
  // Where cargo installs; editors that start from a menu often do not have it on their path.
  folders.push(path.join(machine.home, ".cargo", "bin"));
  const file = windows && !name.toLowerCase().endsWith(".exe") ? `${name}.exe` : name;
  return folders
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, file))
    .find((candidate) => machine.isProgram(candidate));
}

function fileName(machine: Machine): string {
  return machine.platform === "win32" ? `${NAME}.exe` : NAME;
}

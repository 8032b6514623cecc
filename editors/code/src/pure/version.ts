/** Whether a server and this extension understand each other. */

export type Fit = "same" | "older" | "newer" | "unknown";

/** Compares the server's version with the extension's. Before 1.0 a minor version may break; after it a major one. */
export function fit(server: string, extension: string): Fit {
  const ours = promise(extension);
  const theirs = promise(server);
  if (ours === undefined || theirs === undefined) {
    return "unknown";
  }
  const difference = theirs[0] - ours[0] || theirs[1] - ours[1];
  return difference === 0 ? "same" : difference < 0 ? "older" : "newer";
}

/** The part of a version that promises something: the minor one counts before 1.0 only. */
function promise(version: string): [number, number] | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.|$)/.exec(version);
  if (match === null) {
    return undefined;
  }
  const major = Number(match[1]);
  return [major, major === 0 ? Number(match[2]) : 0];
}

/** What the person is told, once; `undefined` when all is well. */
export function mismatch(server: string, extension: string): string | undefined {
  switch (fit(server, extension)) {
    case "same":
      return undefined;
    case "older":
      return `conexus ${server} is older than this extension (${extension}): some of its features will be missing. Update the program, or name another one.`;
    case "newer":
      return `conexus ${server} is newer than this extension (${extension}). Update the extension to use all of it.`;
    case "unknown":
      return `the server does not tell its version; this extension was made for conexus ${extension}.`;
  }
}

// Packages the extension, without network. With a server it is for one kind of machine:
//   npm run package -- [--server PROGRAM --target linux-x64] [--out FILE]
import { cpSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { createVSIX } from "@vscode/vsce";

const folder = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: { server: { type: "string" }, target: { type: "string" }, out: { type: "string" } },
});
if ((values.server === undefined) !== (values.target === undefined)) {
  throw new Error("--server and --target belong together: a program runs on one kind of machine");
}
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const bundled = `${folder}bundled`;
rmSync(bundled, { recursive: true, force: true });
// The licenses and pictures of the project lie outside of this folder.
for (const license of ["LICENSE-MIT", "LICENSE-APACHE"]) {
  cpSync(`${folder}../../${license}`, `${folder}dist/${license}`);
}
const images = "../../docs/images/";
const readme = readFileSync(`${folder}README.md`, "utf8");
for (const [, name] of readme.matchAll(/\]\(\.\.\/\.\.\/docs\/images\/([\w-]+\.png)\)/g)) {
  cpSync(`${folder}${images}${name}`, `${folder}dist/images/${name}`);
}
writeFileSync(`${folder}dist/README.md`, readme.replaceAll(images, "dist/images/"));
try {
  if (values.server !== undefined) {
    const program = `${bundled}/${values.target.startsWith("win32") ? "conexus.exe" : "conexus"}`;
    mkdirSync(bundled);
    cpSync(values.server, program);
    chmodSync(program, 0o755);
  }
  await createVSIX({
    cwd: folder,
    packagePath: values.out ?? `${folder}conexus-${values.target ?? "any"}-${version}.vsix`,
    dependencies: false,
    readmePath: "dist/README.md",
    skipLicense: true,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
    ...(values.target !== undefined && { target: values.target }),
  });
} finally {
  rmSync(bundled, { recursive: true, force: true });
}

/** Beside another language server, the editor's own for TypeScript: no name stands twice, and neither takes what the other says. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { setup, Steps } from "./steps";
import { until, Workbench } from "./workbench";

const place = mkdtempSync(join(tmpdir(), "conexus-beside-"));

function write(path: string, text: string): void {
  const file = join(place, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What the price of an order is, under any name; before it stands what is longer in bytes than in UTF-16. */
const price = (name: string): string => `/* ä😀 */ export function ${name}(net: number, country: string): number {
  const rates: Record<string, number> = { de: 0.19, fr: 0.2, it: 0.22, se: 0.25 };
  const rate = rates[country.toLowerCase()] ?? 0;
  if (net < 0 || rate < 0) {
    throw new Error("there is no price below nothing");
  }
  return Math.round(net * (1 + rate) * 100) / 100;
}
`;
write("tsconfig.json", JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: "es2022" }, include: ["src"] }));
write("conexus.toml", '[check]\nselect = ["duplicate-code"]\n');
write("src/price.ts", `${price("grossAmount")}\n/* ä😀 */ export const mistaken: number = "ä😀";\n`);
write("src/till.ts", price("paidAtTheTill"));
write("store/shelf.py", "def gross_weight(shelf):\n    return sum(shelf)\n");

const workbench = await Workbench.open({ ...setup(), workspace: place });
const { page } = workbench;
const steps = new Steps(workbench);
const problems = page.locator(".markers-panel .monaco-list-row");

/** Texts of the problems, a line each. */
async function told(): Promise<string[]> {
  const texts = await problems.allInnerTexts();
  return texts.map((text) => text.replaceAll(/\s+/g, " ").trim());
}

const mistake = /not assignable to type 'number'.*Ln 10, Col 24/;
const finding = /`grossAmount` (is|does) the same.*Ln 1, Col 11/;

await steps.run("the other server tells of a mistake", async () => {
  await workbench.waitForStatus("Conexus: live");
  await workbench.openFile("src/price.ts");
  await workbench.command("Problems: Focus on Problems View");
  await until("the mistake is listed", async () => (await told()).some((text) => mistake.test(text)));
});

await steps.run("a name that both servers know is listed once", async () => {
  await page.keyboard.press("Control+t");
  await workbench.input().fill("#gross");
  await until("both languages are listed", async () => {
    const labels = await workbench.labels();
    return ["grossAmount", "gross_weight"].every((name) => labels.some((label) => label.includes(name)));
  });
  const labels = await workbench.labels();
  assert.equal(labels.filter((label) => label.includes("grossAmount")).length, 1, labels.join("\n"));
  assert.equal(labels.length, 2, labels.join("\n"));
  await page.keyboard.press("Escape");
});

await steps.run("a finding stands beside the mistake, each at its place", async () => {
  workbench.configure({ "conexus.diagnostics": true });
  await until("both are listed", async () => {
    const texts = await told();
    return [mistake, finding].every((wanted) => texts.some((text) => wanted.test(text)));
  });
});

await steps.run("each takes back what is its own alone", async () => {
  workbench.configure({});
  await until("the finding goes and the mistake stays", async () => {
    const texts = await told();
    return texts.some((text) => mistake.test(text)) && !texts.some((text) => finding.test(text));
  });
  workbench.configure({ "conexus.diagnostics": true });
  await until("the finding is back", async () => (await told()).some((text) => finding.test(text)));
  await workbench.openFile("src/price.ts");
  await page.keyboard.press("Control+End");
  for (const key of ["ArrowUp", "End", "Shift+Home"]) {
    await page.keyboard.press(key);
  }
  await workbench.paste("export const right: number = 1;");
  await until("the mistake goes and the finding stays", async () => {
    const texts = await told();
    return texts.some((text) => finding.test(text)) && !texts.some((text) => mistake.test(text));
  });
});

await steps.finish();
rmSync(place, { recursive: true, force: true });

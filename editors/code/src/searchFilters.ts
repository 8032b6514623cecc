/** Lists in which a search is narrowed. Leaving one keeps what was chosen before. */

import * as vscode from "vscode";

import { KINDS, LANGUAGES, parsePaths } from "./pure/filters";
import { icon } from "./pure/results";

export function chooseKinds(chosen: readonly string[]): Promise<readonly string[]> {
  const items = KINDS.map((kind) => ({ label: `${icon(kind)} ${kind.replace("_", " ")}`, value: kind }));
  return choose("Kinds of symbols", items, chosen);
}

export function chooseLanguages(chosen: readonly string[]): Promise<readonly string[]> {
  const items = LANGUAGES.map((language) => ({ label: language, value: language }));
  return choose("Languages", items, chosen);
}

export async function choosePaths(chosen: readonly string[]): Promise<readonly string[]> {
  const text = await vscode.window.showInputBox({
    title: "Conexus: Search in Paths",
    prompt: "Globs with spaces between, such as src/ or **/*.test.ts; empty for all",
    value: chosen.join(" "),
  });
  return text === undefined ? chosen : parsePaths(text);
}

async function choose(
  title: string,
  items: readonly { label: string; value: string }[],
  chosen: readonly string[],
): Promise<readonly string[]> {
  const picked = await vscode.window.showQuickPick(
    items.map((item) => ({ ...item, picked: chosen.includes(item.value) })),
    { title: `Conexus: ${title}`, placeHolder: "None for all", canPickMany: true },
  );
  return picked?.map(({ value }) => value) ?? chosen;
}

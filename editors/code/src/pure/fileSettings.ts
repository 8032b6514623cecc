/** Settings of the editor that are otherwise in `conexus.toml`; the server knows them by the same names. */

/** Their names, as in the manifest but for the section. */
export const FILE_SETTINGS = [
  "index.exclude", "index.hidden", "index.ignore_files", "index.max_file_bytes", "index.any_folder",
  "check.select", "check.ignore", "log.level",
] as const;

/** The values as tables: `index.hidden` is `hidden` in `index`. What nobody has set is left to the files. */
export function tables(value: (name: string) => unknown): Record<string, Record<string, unknown>> {
  const all: Record<string, Record<string, unknown>> = {};
  for (const name of FILE_SETTINGS) {
    const [table = "", key = ""] = name.split(".");
    const set = value(name);
    if (set !== undefined) {
      (all[table] ??= {})[key] = set;
    }
  }
  return all;
}

/** The setting that a message of the server speaks of, by the name that files give it: `any_folder`. */
export function settingNamedIn(message: string): string | undefined {
  const name = FILE_SETTINGS.find((setting) => message.includes(`\`${setting.split(".")[1] ?? setting} = `));
  return name && `conexus.${name}`;
}

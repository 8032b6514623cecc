/** Which tabs a preview has opened. */

export interface Tab {
  readonly uri: string;
  /** The group of editors that it is in. */
  readonly group: number;
  /** There is something in it that is not saved. */
  readonly isDirty: boolean;
}

/** Of the tabs there are now, those that came with what was previewed: the person's own stay. */
export function openedByPreview<T extends Tab>(before: readonly Tab[], now: readonly T[], previewed: ReadonlySet<string>): T[] {
  const wasThere = (tab: Tab): boolean => before.some(({ uri, group }) => uri === tab.uri && group === tab.group);
  return now.filter((tab) => previewed.has(tab.uri) && !tab.isDirty && !wasThere(tab));
}

/** *Conexus: Search by meaning*: a list that asks the server as one types, and shows what is selected. */

import * as vscode from "vscode";

import { position, range, uri } from "./places";
import { describe, type Filters, NO_FILTERS, searchParams } from "./pure/filters";
import { Latest } from "./pure/latest";
import { type Hit, methods, type SearchResult } from "./pure/protocol";
import { banner, emptyMessage, explanation, type Row, row } from "./pure/results";
import { indexedShare } from "./pure/status";
import { openedByPreview, type Tab } from "./pure/tabs";
import { chooseKinds, chooseLanguages, choosePaths } from "./searchFilters";
import type { Server } from "./server";
import { searchLimit, searchPreview } from "./settings";

/** How long typing must pause before the server is asked; its answer takes some 10 ms. */
const PAUSE_MS = 80;
/** What share of all files must have been added for an open list to ask again. */
const WORTH_ASKING = 0.1;
/** A selection that stays for so long is shown. */
const PREVIEW_MS = 60;

interface Item extends vscode.QuickPickItem {
  readonly hit?: Hit;
  /** Asks for more hits. */
  readonly more?: boolean;
}

type Picker = vscode.QuickPick<Item>;

const SIDE: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("split-horizontal"), tooltip: "Open to the Side (Ctrl+Enter)" };
const KIND: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("symbol-class"), tooltip: "Filter by Kind" };
const LANGUAGE: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("code"), tooltip: "Filter by Language" };
const PATH: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("folder"), tooltip: "Filter by Path" };
const CLEAR: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("clear-all"), tooltip: "Clear Filters" };

/** The command; one list at a time. */
export class Search implements vscode.Disposable {
  private open: OpenSearch | undefined;
  private readonly highlight = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    isWholeLine: true,
  });

  constructor(private readonly server: Server) {}

  show(text?: string): void {
    this.open?.close();
    const own = new OpenSearch(this.server, this.highlight, text ?? selectedText(), () => {
      if (this.open === own) {
        this.open = undefined;
      }
    });
    this.open = own;
  }

  openToSide(): void {
    this.open?.acceptToSide();
  }

  dispose(): void {
    this.open?.close();
    this.highlight.dispose();
  }
}

class OpenSearch {
  private readonly picker: Picker;
  private readonly latest: Latest<string, SearchResult>;
  private readonly preview: Preview;
  private readonly subscription: vscode.Disposable;
  /** How much was indexed, and of how many folders, when the server was asked last. */
  private share = 1;
  private folders = 0;
  private filters: Filters = NO_FILTERS;
  private limit = searchLimit();
  /** A list of filters is shown in its place. */
  private isAway = false;
  private isDone = false;
  /** The person has moved the selection; before that the first row is not shown by itself. */
  private isBrowsing = false;
  /** Enter was pressed before the answer was there whose first hit it is to open. */
  private awaited: { readonly toSide: boolean } | undefined;

  constructor(
    private readonly server: Server,
    highlight: vscode.TextEditorDecorationType,
    text: string,
    private readonly closed: () => void,
  ) {
    this.preview = new Preview(highlight);
    this.picker = vscode.window.createQuickPick<Item>();
    this.latest = new Latest(
      {
        ask: (query, signal) => this.ask(query, signal),
        begun: () => { this.picker.busy = true; },
        answered: (_, result) => { this.answered(result); },
        failed: (_, error) => { this.failed(error); },
        later: (milliseconds, work) => {
          const timer = setTimeout(work, milliseconds);
          return () => { clearTimeout(timer); };
        },
      },
      PAUSE_MS,
    );
    const picker = this.picker;
    // The order is the server's: the editor would sort rows by their labels.
    (picker as Picker & { sortByLabel?: boolean }).sortByLabel = false;
    picker.placeholder = "Ask in plain words, for a name, or for \"quoted text\"";
    picker.value = text;
    this.describe();
    picker.onDidChangeValue((value) => { this.changed(value); });
    picker.onDidChangeActive(([item]) => { this.selected(item); });
    picker.onDidAccept(() => { this.acceptActive(false); });
    picker.onDidTriggerItemButton(({ item }) => { void this.accept(item, true); });
    picker.onDidTriggerButton((button) => { void this.filter(button); });
    picker.onDidHide(() => { this.hidden(); });
    this.subscription = server.onDidChange(() => { this.indexChanged(); });
    picker.show();
    void vscode.commands.executeCommand("setContext", "conexus.searching", true);
    if (text.trim() !== "") {
      this.latest.askNow(text);
    }
  }

  close(): void {
    this.picker.hide();
  }

  /** What is there by now may be better; whoever has begun to choose is left alone. */
  private indexChanged(): void {
    const share = indexedShare(this.server.statuses);
    const hasMore = share - this.share >= WORTH_ASKING || (share === 1 && this.share < 1) || this.server.statuses.length !== this.folders;
    if (hasMore && !this.isBrowsing && !this.isAway && this.picker.value.trim() !== "") {
      this.latest.askNow(this.picker.value);
    }
  }

  acceptToSide(): void {
    this.acceptActive(true);
  }

  /** A row that nobody chose may be one of the text before: then the answer to this one is waited for. */
  private acceptActive(toSide: boolean): void {
    if (this.isBrowsing || this.latest.isAnswered(this.picker.value)) {
      void this.accept(this.picker.activeItems[0], toSide);
    } else {
      this.awaited = { toSide };
    }
  }

  private async ask(query: string, signal: AbortSignal): Promise<SearchResult> {
    const client = await this.server.ready(signal);
    this.share = indexedShare(this.server.statuses);
    this.folders = this.server.statuses.length;
    const active = vscode.window.activeTextEditor?.document.uri.toString();
    return client.ask(methods.search, searchParams(query, this.filters, this.limit, active), signal);
  }

  private changed(value: string): void {
    this.limit = searchLimit();
    this.isBrowsing = false;
    this.awaited = undefined;
    if (value.trim() === "") {
      this.latest.cancel();
      this.picker.busy = false;
      this.picker.items = [];
    } else {
      this.latest.askSoon(value);
    }
  }

  private answered(result: SearchResult): void {
    this.picker.busy = false;
    const items: Item[] = result.hits.map((hit) => item(row(hit, rootOf(hit))));
    const notice = banner(result.notices);
    if (items.length === 0) {
      items.push(words(emptyMessage(result)));
    } else if (notice !== undefined) {
      items.unshift({ label: notice, kind: vscode.QuickPickItemKind.Separator });
    }
    if (result.more) {
      items.push({ label: "$(ellipsis) Show more", alwaysShow: true, more: true });
    }
    this.picker.keepScrollPosition = this.limit > searchLimit();
    this.picker.items = items;
    if (this.awaited !== undefined && this.latest.isAnswered(this.picker.value)) {
      const { toSide } = this.awaited;
      this.awaited = undefined;
      void this.accept(items.find(({ hit }) => hit !== undefined), toSide);
    }
  }

  private failed(error: unknown): void {
    this.picker.busy = false;
    if (this.latest.isAnswered(this.picker.value)) {
      this.awaited = undefined;
    }
    this.picker.items = [words(`$(error) ${error instanceof Error ? error.message : String(error)}`)];
  }

  private selected(item: Item | undefined): void {
    if (item?.hit === undefined || this.isDone) {
      return;
    }
    const first = this.picker.items.find((candidate) => candidate.hit !== undefined);
    this.isBrowsing ||= item.hit !== first?.hit;
    if (this.isBrowsing && searchPreview()) {
      this.preview.show(item.hit);
    }
  }

  private async accept(item: Item | undefined, toSide: boolean): Promise<void> {
    if (item?.more === true) {
      this.limit += searchLimit();
      this.latest.askNow(this.picker.value);
    } else if (item?.hit !== undefined) {
      this.isDone = true;
      this.picker.hide();
      await this.preview.open(item.hit, toSide);
    }
  }

  private async filter(button: vscode.QuickInputButton): Promise<void> {
    this.isAway = true;
    this.latest.cancel();
    try {
      this.filters = await narrowed(this.filters, button);
    } finally {
      this.isAway = false;
    }
    this.describe();
    this.picker.show();
    void vscode.commands.executeCommand("setContext", "conexus.searching", true);
    if (this.picker.value.trim() !== "") {
      this.latest.askNow(this.picker.value);
    }
  }

  private describe(): void {
    const filtered = describe(this.filters);
    this.picker.title = filtered === "" ? "Conexus: Search by Meaning" : `Conexus: Search by Meaning — only ${filtered}`;
    this.picker.buttons = filtered === "" ? [KIND, LANGUAGE, PATH] : [CLEAR, KIND, LANGUAGE, PATH];
  }

  private hidden(): void {
    void vscode.commands.executeCommand("setContext", "conexus.searching", false);
    if (this.isAway) {
      return;
    }
    this.latest.cancel();
    this.subscription.dispose();
    if (!this.isDone) {
      this.isDone = true;
      void this.preview.restore();
    }
    this.preview.dispose();
    this.picker.dispose();
    this.closed();
  }
}

async function narrowed(filters: Filters, button: vscode.QuickInputButton): Promise<Filters> {
  switch (button) {
    case KIND:
      return { ...filters, kinds: await chooseKinds(filters.kinds) };
    case LANGUAGE:
      return { ...filters, languages: await chooseLanguages(filters.languages) };
    case PATH:
      return { ...filters, paths: await choosePaths(filters.paths) };
    default:
      return NO_FILTERS;
  }
}

function item({ label, description, detail, hit }: Row): Item {
  const terms = explanation(hit.contributions ?? []);
  const info: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("info"), tooltip: terms };
  return { label, description, detail, hit, alwaysShow: true, buttons: terms === "" ? [SIDE] : [info, SIDE] };
}

function rootOf(hit: Hit): string | undefined {
  return (vscode.workspace.workspaceFolders ?? []).length > 1
    ? vscode.workspace.getWorkspaceFolder(uri(hit.uri))?.name
    : undefined;
}

function words(label: string): Item {
  return { label, alwaysShow: true };
}

/** One line that is selected, as a question to begin with. */
function selectedText(): string {
  const editor = vscode.window.activeTextEditor;
  return editor?.selection.isSingleLine === true ? editor.document.getText(editor.selection).trim() : "";
}

/** Whole lines are marked: one that a range only touches is not meant. */
function withoutEmptyEnd(marked: vscode.Range): vscode.Range {
  const { start, end } = marked;
  return end.character === 0 && end.line > start.line
    ? new vscode.Range(start, new vscode.Position(end.line - 1, Number.MAX_SAFE_INTEGER))
    : marked;
}

/** Shows hits in the editor while one looks at the list, and puts back what was there. */
class Preview {
  private readonly before = vscode.window.activeTextEditor;
  private readonly viewBefore = this.before?.visibleRanges[0];
  private readonly selectionBefore = this.before?.selection;
  private readonly tabsBefore = textTabs();
  /** Documents that were to be shown. */
  private readonly previewed = new Set<string>();
  /** Ends when what was to be shown last is. */
  private showing: Promise<void> = Promise.resolve();
  private shown: vscode.TextEditor | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Raised by each request to show something: only the last one counts. */
  private turn = 0;

  constructor(private readonly highlight: vscode.TextEditorDecorationType) {}

  show(hit: Hit): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.showing = this.showNow(hit); }, PREVIEW_MS);
  }

  private async showNow(hit: Hit): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    const column = this.before?.viewColumn ?? vscode.ViewColumn.Active;
    try {
      const document = await vscode.workspace.openTextDocument(uri(hit.uri));
      if (turn !== this.turn) {
        return;
      }
      this.previewed.add(document.uri.toString());
      const editor = await vscode.window.showTextDocument(document, { preview: true, preserveFocus: true, viewColumn: column });
      if (turn !== this.turn) {
        return;
      }
      this.unmark();
      this.shown = editor;
      editor.setDecorations(this.highlight, [withoutEmptyEnd(range(hit.range))]);
      editor.revealRange(range(hit.selectionRange), vscode.TextEditorRevealType.InCenter);
    } catch {
      // The file went a moment ago.
    }
  }

  async open(hit: Hit, toSide: boolean): Promise<void> {
    this.stop();
    const at = position(hit.selectionRange.start);
    const viewColumn = toSide ? vscode.ViewColumn.Beside : (this.before?.viewColumn ?? vscode.ViewColumn.Active);
    if (toSide) {
      await this.restore();
    }
    try {
      const editor = await vscode.window.showTextDocument(uri(hit.uri), { viewColumn, selection: new vscode.Range(at, at) });
      editor.revealRange(range(hit.selectionRange), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    } catch (error) {
      void vscode.window.showErrorMessage(`Conexus: ${hit.path} cannot be opened: ${String(error)}`);
    }
  }

  async restore(): Promise<void> {
    this.stop();
    await this.showing;
    if (this.previewed.size === 0) {
      return;
    }
    await this.goBack();
    const opened = openedByPreview(this.tabsBefore, textTabs(), this.previewed);
    try {
      await vscode.window.tabGroups.close(opened.map(({ tab }) => tab), true);
    } catch {
      // The document that was there before has taken the tab's place.
    }
  }

  private async goBack(): Promise<void> {
    if (this.before === undefined) {
      return;
    }
    const editor = await vscode.window.showTextDocument(this.before.document, {
      ...(this.before.viewColumn !== undefined && { viewColumn: this.before.viewColumn }),
      ...(this.selectionBefore !== undefined && { selection: this.selectionBefore }),
    });
    if (this.viewBefore !== undefined) {
      editor.revealRange(this.viewBefore, vscode.TextEditorRevealType.AtTop);
    }
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.turn += 1;
    this.unmark();
  }

  private unmark(): void {
    this.shown?.setDecorations(this.highlight, []);
    this.shown = undefined;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.turn += 1;
  }
}

/** The tabs with documents. */
function textTabs(): (Tab & { readonly tab: vscode.Tab })[] {
  return vscode.window.tabGroups.all.flatMap(({ tabs, viewColumn }) =>
    tabs.flatMap((tab) =>
      tab.input instanceof vscode.TabInputText
        ? [{ tab, uri: tab.input.uri.toString(), group: viewColumn, isDirty: tab.isDirty }]
        : [],
    ),
  );
}

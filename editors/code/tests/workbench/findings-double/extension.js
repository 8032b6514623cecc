// A diagnostic for each line of an open document that says "retyped", with a fix and a way to ignore it.
const vscode = require("vscode");

exports.activate = ({ subscriptions }) => {
  const collection = vscode.languages.createDiagnosticCollection("double");
  const look = (document) => {
    const diagnostics = [];
    for (let line = 0; line < document.lineCount; line += 1) {
      const { text, range } = document.lineAt(line);
      if (text.includes("retyped") && !text.includes("ignored")) {
        const diagnostic = new vscode.Diagnostic(range, "this function was written before", 1);
        diagnostic.source = "conexus";
        diagnostic.code = "duplicate-function";
        diagnostics.push(diagnostic);
      }
    }
    collection.set(document.uri, diagnostics);
  };
  const action = (title, document, diagnostic, edit) => {
    const made = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    made.diagnostics = [diagnostic];
    made.edit = new vscode.WorkspaceEdit();
    edit(made.edit, document.uri, diagnostic.range);
    return made;
  };
  const provider = {
    provideCodeActions: (document, _, { diagnostics }) =>
      diagnostics.filter(({ source }) => source === "conexus").flatMap((diagnostic) => [
        action("Call the first one", document, diagnostic, (edit, uri, range) => edit.replace(uri, range, "// fixed")),
        action("Ignore this here", document, diagnostic, (edit, uri, range) => edit.insert(uri, range.end, " ignored")),
      ]),
  };
  subscriptions.push(
    collection,
    vscode.workspace.onDidChangeTextDocument(({ document }) => look(document)),
    vscode.languages.registerCodeActionsProvider({ scheme: "file" }, provider, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
  );
};

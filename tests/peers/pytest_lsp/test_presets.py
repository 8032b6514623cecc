"""`conexus lsp`, driven by pytest-lsp with the capabilities that Neovim and Visual Studio Code announce.

The program is the one that CONEXUS names. Run it with `tests/peers/run`.
"""

import asyncio
import os
import pathlib
import subprocess
import time
import typing
import urllib.parse

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

DEADLINE_SECONDS = 60

REPOSITORY = {
    "src/retry.rs": """\
/// Sends a request again after it failed, with pauses that grow.
pub fn backoff_loop(attempts: u32) -> bool {
    (0..attempts).any(|attempt| deliver_once(attempt))
}

fn deliver_once(attempt: u32) -> bool {
    attempt > 1
}
""",
    "cmd/pool.go": """\
package pool

// AcquireLease hands out a free connection to the database, or waits for one.
func AcquireLease(timeout int) error {
	return nil
}
""",
    "app/preferences.py": '''\
def load_preferences(path):
    """Reads the settings of the user from a file."""
    return open(path).read()
''',
    "web/cart.ts": """\
/** Adds up the prices of everything in the shopping basket. */
export function grandTotal(items: { price: number }[]): number {
  return items.reduce((sum, item) => sum + item.price, 0);
}
""",
    "docs/guide.md": "# Guide\n\nWhere the coffee is.\n",
}

# The text that is typed. The letter before the comment takes two units of UTF-16 and four bytes.
TYPED = "/* 😀 */ /// Warms up the coffee machine.\nfn brew_espresso() {}\n\n"


@pytest.fixture
def repository(tmp_path) -> pathlib.Path:
    root = tmp_path / "repository"
    for path, text in REPOSITORY.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    author = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", "-C", root, *arguments], check=True)
    return root


def make_editor():
    """A client that also understands what both editors do and pytest-lsp does not."""
    client = make_test_lsp_client()
    client.registered = []

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams):
        client.registered.extend(registration.method for registration in params.registrations)

    # lsprotocol 2025.0.0 takes a code action that has a command for a command.
    def command_or_action(value, _):
        kind = types.Command if isinstance(value.get("command"), str) else types.CodeAction
        return client.protocol._converter.structure(value, kind)

    union = typing.Union[types.Command, types.CodeAction]
    client.protocol._converter.register_structure_hook(union, command_or_action)
    return client


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[os.environ["CONEXUS"], "lsp"], client_factory=make_editor),
    params=["neovim", "visual-studio-code"],
)
async def editor(client: LanguageClient, request, repository):
    """A session over the repository, begun as the editor would begin it, with a complete index."""
    capabilities = client_capabilities(request.param)
    result = await client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            client_info=types.ClientInfo(name=request.param),
            root_uri=repository.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=repository.as_uri(), name="repository")],
        )
    )
    client.server = result.capabilities
    await until_idle(client)

    yield

    await client.shutdown_session()
    assert client._server.returncode == 0, "the exit code after a shutdown"
    said = client.messages + client.log_messages
    assert [message for message in said if message.type <= types.MessageType.Warning] == []


async def eventually(condition):
    """Waits for a condition, a function or a coroutine function, to become true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        held = condition()
        if await held if asyncio.iscoroutine(held) else held:
            return
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


async def until_idle(client):
    async def idle():
        workspaces = (await ask(client, "conexus/status", {})).workspaces
        return workspaces and all(workspace.activity == "idle" for workspace in workspaces)

    await eventually(idle)


async def ask(client, method, params):
    return await asyncio.wait_for(client.protocol.send_request_async(method, params), DEADLINE_SECONDS)


async def symbols(client, query):
    params = types.WorkspaceSymbolParams(query=query)
    return list(await asyncio.wait_for(client.workspace_symbol_async(params), DEADLINE_SECONDS) or [])


async def names(client, query):
    return [symbol.name for symbol in await symbols(client, query)]


def open_document(client, file, language):
    text = file.read_text(encoding="utf-8")
    item = types.TextDocumentItem(uri=file.as_uri(), language_id=language, version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))


def type_at_the_top(client, file, version, text):
    top = types.Position(line=0, character=0)
    change = types.TextDocumentContentChangePartial(range=types.Range(start=top, end=top), text=text)
    identifier = types.VersionedTextDocumentIdentifier(uri=file.as_uri(), version=version)
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
    )


async def code_actions(client, file, line, character):
    place = types.Position(line=line, character=character)
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=file.as_uri()),
        range=types.Range(start=place, end=place),
        context=types.CodeActionContext(diagnostics=[]),
    )
    actions = await asyncio.wait_for(client.text_document_code_action_async(params), DEADLINE_SECONDS)
    return {action.kind: action for action in actions or []}


async def execute(client, action):
    params = types.ExecuteCommandParams(command=action.command.command, arguments=action.command.arguments)
    return await asyncio.wait_for(client.workspace_execute_command_async(params), DEADLINE_SECONDS)


async def first_of(messages):
    """What the server shows after the answer to a command."""
    await eventually(lambda: messages)
    return messages[0]


def path_of(uri):
    return pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path))


@pytest.mark.parametrize("name, path, line", [
    ("backoff_loop", "src/retry.rs", 1),
    ("AcquireLease", "cmd/pool.go", 3),
    ("load_preferences", "app/preferences.py", 0),
    ("grandTotal", "web/cart.ts", 1),
])
async def test_a_symbol_is_found_by_its_name(editor, repository, name, path, line):
    found = (await symbols(editor, name))[0]
    assert found.name == name
    assert path_of(found.location.uri) == repository / path
    assert found.location.range.start.line == line
    written = REPOSITORY[path].splitlines()[line]
    assert written[found.location.range.start.character:found.location.range.end.character] == name


@pytest.mark.parametrize("phrase, name", [
    ("try a request once more when it failed", "backoff_loop"),
    ("get a free database connection", "AcquireLease"),
    ("read the settings of the user", "load_preferences"),
    ("add up the prices of a shopping basket", "grandTotal"),
])
async def test_a_symbol_is_found_by_what_it_does(editor, phrase, name):
    assert not any(word in name.lower() for word in phrase.split() if len(word) > 2), "the phrase gives the name away"
    assert (await names(editor, phrase))[0] == name


async def test_what_is_typed_is_found_by_meaning_until_it_is_closed(editor, repository):
    file = repository / "src/retry.rs"
    open_document(editor, file, "rust")
    type_at_the_top(editor, file, 2, TYPED)
    found = (await symbols(editor, "warm up the coffee machine"))[0]
    assert (found.name, path_of(found.location.uri)) == ("brew_espresso", file)
    assert found.location.range.start == types.Position(line=1, character=3)
    moved = (await symbols(editor, "backoff_loop"))[0]
    assert moved.location.range.start.line == 4, "what stands below has moved"
    assert file.read_text(encoding="utf-8") == REPOSITORY["src/retry.rs"], "nothing was saved"

    closed = types.TextDocumentIdentifier(uri=file.as_uri())
    editor.text_document_did_close(types.DidCloseTextDocumentParams(text_document=closed))
    assert "brew_espresso" not in await names(editor, "warm up the coffee machine")
    assert await names(editor, "brew_espresso") == []
    back = (await symbols(editor, "backoff_loop"))[0]
    assert back.location.range.start.line == 1, "the file on disk counts again"


async def test_columns_count_as_the_editor_counts_them(editor, repository):
    encoding = editor.server.position_encoding or types.PositionEncodingKind.Utf16
    file = repository / "src/retry.rs"
    open_document(editor, file, "rust")
    type_at_the_top(editor, file, 2, "/* 😀 */ fn after_a_smile() {}\n")
    start = (await symbols(editor, "after_a_smile"))[0].location.range.start
    before = "/* 😀 */ fn "
    columns = {
        types.PositionEncodingKind.Utf8: len(before.encode()),
        types.PositionEncodingKind.Utf16: len(before.encode("utf-16-le")) // 2,
        types.PositionEncodingKind.Utf32: len(before),
    }
    assert start == types.Position(line=0, character=columns[types.PositionEncodingKind(encoding)])


async def test_actions_are_offered_and_go_to_one_place(editor, repository):
    file = repository / "src/retry.rs"
    open_document(editor, file, "rust")
    actions = await code_actions(editor, file, 1, 10)
    for kind in ("similar", "callers", "callees", "tests", "context"):
        assert f"source.conexus.{kind}" in actions
    assert "backoff_loop" in actions["source.conexus.callees"].title

    answer = await execute(editor, actions["source.conexus.callees"])
    assert [relation["name"] for relation in answer["relations"]] == ["deliver_once"]
    if editor.capabilities.window.show_document:
        shown = await first_of(editor.shown_documents)
        assert path_of(shown.uri) == file
        assert shown.selection.start.line == 5
    else:
        assert "retry.rs:6" in (await first_of(editor.messages)).message


async def test_a_context_pack_is_shown(editor, repository):
    file = repository / "web/cart.ts"
    open_document(editor, file, "typescript")
    actions = await code_actions(editor, file, 1, 20)
    answer = await execute(editor, actions["source.conexus.context"])
    assert "grandTotal" in answer["markdown"]
    if editor.capabilities.window.show_document:
        shown = await first_of(editor.shown_documents)
        assert path_of(shown.uri).read_text(encoding="utf-8") == answer["markdown"]
    else:
        assert "grandTotal" in (await first_of(editor.messages)).message


async def test_our_own_requests_are_answered(editor, repository):
    file = repository / "cmd/pool.go"
    open_document(editor, file, "go")
    type_at_the_top(editor, file, 2, "// Not saved.\n")
    answer = await ask(editor, "conexus/search", {"query": "a free connection to the database", "limit": 3})
    assert (answer.hits[0].path, answer.hits[0].name) == ("cmd/pool.go", "AcquireLease")
    assert 0 < len(answer.hits) <= 3
    assert answer.seen[0].documents[0].version == 2, "the answer says which text it saw"
    only = await ask(editor, "conexus/search", {"query": "settings", "languages": ["go"]})
    assert all(hit.language == "go" for hit in only.hits)

    status = await ask(editor, "conexus/status", {})
    workspace = status.workspaces[0]
    assert path_of(workspace.workspace) == repository
    assert (workspace.files, status.documents, workspace.role) == (len(REPOSITORY), 1, "owner")
    assert (status.versionGaps, status.unknownDocuments) == (0, 0)


async def test_what_is_written_beside_the_editor_is_found(editor, repository):
    (repository / "src/late.rs").write_text("/// Counts sheep.\npub fn fall_asleep() {}\n", encoding="utf-8")

    async def seen():
        return "fall_asleep" in await names(editor, "fall_asleep")

    await eventually(seen)


async def test_settings_are_fetched_from_the_editor(editor):
    assert len(await symbols(editor, "settings and prices and requests")) > 1
    if editor.capabilities.workspace.did_change_configuration.dynamic_registration:
        await eventually(lambda: "workspace/didChangeConfiguration" in editor.registered)
    editor.set_configuration(1, section="conexus.symbolLimit")
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))

    async def limited():
        return len(await symbols(editor, "settings and prices and requests")) == 1

    await eventually(limited)

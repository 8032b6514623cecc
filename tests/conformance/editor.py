"""An editor in which somebody types and never saves: opens a file with `conexus lsp` and changes it until it is ended.

usage: editor.py PROGRAM WORKSPACE FILE     prints where assistants ask the session, as JSON with "url" and "token"
"""

import json
import pathlib
import subprocess
import sys
import threading
import time

# Between two changes; long enough for a client to read one before the next.
PAUSE_S = 0.2

program, workspace, file = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
server = subprocess.Popen([program, "lsp"], cwd=workspace, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def send(method, params, **fields):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **fields}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    server.stdin.flush()


def receive():
    length = 0
    while (line := server.stdout.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(server.stdout.read(length))


def call(number, method, params):
    send(method, params, id=number)
    while (message := receive()).get("id") != number or "method" in message:
        pass
    return message["result"]


# What an editor must be able to do for `context_editor`.
capabilities = {
    "window": {"showDocument": {"support": True}},
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
}
call(1, "initialize", {"processId": None, "rootUri": workspace.as_uri(), "capabilities": capabilities})
send("initialized", {})
uri = (workspace / file).as_uri()
text = (workspace / file).read_text()
send("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "python", "version": 0, "text": text}})
endpoint = call(2, "conexus/mcp", {})
threading.Thread(target=lambda: [receive() for _ in iter(int, 1)], daemon=True).start()
print(json.dumps({"url": endpoint["url"], "token": endpoint["token"]}), flush=True)
for version in range(1, sys.maxsize):
    document = {"uri": uri, "version": version}
    send("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": f"draft = {version}\n"}]})
    time.sleep(PAUSE_S)

--- What goes wrong, and what the person sees of it: one clear message with a way out.
---
--- nvim --headless -u NONE -i NONE -l editors/neovim/tests/bad_situations.lua
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2)))
local harness = dofile(here .. "/harness.lua")
local check, equal, wait_for = harness.check, harness.equal, harness.wait_for

local conexus = require("conexus")
local server = require("conexus.server")
server.pauses_ms = { 20, 40, 80 }

local folder = vim.fn.tempname()
local function new_workspace(name)
  local root = folder .. "/" .. name
  vim.fn.mkdir(root .. "/.git", "p")
  for number = 1, 3 do
    vim.fn.writefile({ "return " .. number }, ("%s/file%d.lua"):format(root, number))
  end
  return vim.uv.fs_realpath(root)
end

local function open(root, number)
  vim.cmd(("hide edit %s/file%d.lua"):format(root, number))
  vim.bo.filetype = "lua"
end

--- The only message so far, after a while in which others could have come.
local function only_message()
  wait_for("a message", function()
    return #harness.shown > 0
  end)
  vim.wait(300)
  local shown = harness.take_shown()
  equal(#shown, 1, "number of messages, " .. vim.inspect(shown))
  return shown[1]
end

local fake = harness.fake

-- No workspace: nothing is started, and a search says why.
conexus.setup({ cmd = { harness.program(), "lsp" }, picker = "select" })
vim.fn.mkdir(folder, "p")
vim.fn.writefile({ "return 1" }, folder .. "/loose.lua")
vim.cmd("hide edit " .. folder .. "/loose.lua")
vim.bo.filetype = "lua"
vim.cmd("Conexus search something")
check(only_message():find("there is no workspace here: it begins where .git", 1, true), "a search without a workspace")
equal(#vim.lsp.get_clients({ name = "conexus" }), 0, "servers without a workspace")

-- The program is missing.
conexus.setup({ cmd = { folder .. "/conexus", "lsp" }, picker = "select" })
local root = new_workspace("missing")
open(root, 1)
open(root, 2)
open(root, 3)
check(only_message():find("is not there: install it, or name it in the option `cmd`", 1, true), "the missing program")
vim.cmd("Conexus search something")
check(only_message():find("is not there", 1, true), "a search without the program")
vim.cmd("checkhealth conexus")
local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
check(health:find("ERROR") and health:find("install it: cargo install", 1, true), health)
vim.cmd.bwipeout({ bang = true })

-- It ends at once, each time.
local broken = folder .. "/broken"
vim.fn.writefile({ "#!/bin/sh", "echo 'conexus: the settings file is broken' >&2", "exit 3" }, broken)
vim.fn.setfperm(broken, "rwxr-xr-x")
conexus.setup({ cmd = { broken, "lsp" }, picker = "select" })
root = new_workspace("crashing")
open(root, 1)
open(root, 2)
local message = only_message()
check(message:find("the server ended 4 times (exit code 3: the settings file is broken)", 1, true), message)
check(message:find(":Conexus log shows why, :Conexus restart tries again", 1, true), message)
equal(conexus.status(), "conexus stopped", "the status line")
open(root, 3)
vim.wait(200)
equal(harness.take_shown(), {}, "messages after it was given up")
vim.cmd("Conexus search something")
check(only_message():find(":Conexus restart tries again", 1, true), "a search after it was given up")

-- The way out works: with a program that lives, a restart brings it back to the files that wait.
conexus.setup({ cmd = { harness.program(), "lsp" }, picker = "select" })
vim.cmd("Conexus restart")
wait_for("the server after the restart", function()
  return conexus.status() == "conexus live"
end)
equal(#vim.lsp.get_clients({ name = "conexus", bufnr = 0 }), 1, "servers of the file")
equal(harness.take_shown(), {}, "messages of a restart")

-- It is killed in the middle of work: it comes back, and nothing is said.
vim.cmd.normal({ "Go-- Warms up the coffee machine.\rlocal function brew_espresso() end", bang = true })
local before = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
--- Kills the server of a workspace.
local function kill(workspace)
  local killed = 0
  for _, pid in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
    if vim.uv.fs_readlink(("/proc/%d/cwd"):format(pid)) == workspace then
      vim.uv.kill(pid, "sigkill")
      killed = killed + 1
    end
  end
  equal(killed, 1, "processes of the server")
end
kill(root)
wait_for("another server", function()
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
  return client and client.id ~= before.id and conexus.status() == "conexus live"
end)
local rows, title
vim.ui.select = function(items, options)
  rows, title = vim.tbl_map(options.format_item, items), options.prompt
end
vim.cmd("Conexus search warm up the coffee machine")
wait_for("rows", function()
  return rows
end)
check(rows[1]:find("brew_espresso", 1, true), "what is not saved is unknown after a crash: " .. vim.inspect(rows))
equal(harness.take_shown(), {}, "messages of one crash")

-- It is killed again and again after it was there: it is given up after a while, with a way out.
root = new_workspace("again")
open(root, 1)
local last
for time = 1, 4 do
  last = wait_for("start " .. time, function()
    local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
    return client and client.id ~= last and conexus.status() == "conexus live" and client.id
  end)
  equal(harness.take_shown(), {}, "messages while it is started again")
  kill(root)
end
message = only_message()
check(message:find("the server ended 4 times (signal 9); :Conexus log shows why, :Conexus restart", 1, true), message)
equal(conexus.status(), "conexus stopped", "the status line")
vim.cmd("Conexus restart")
wait_for("the server after the restart", function()
  return conexus.status() == "conexus live"
end)
equal(harness.take_shown(), {}, "messages of a restart")

-- A home folder that was opened by mistake is not indexed; the message says how to allow it, and the way out works.
root = new_workspace("home")
local home = vim.env.HOME
vim.env.HOME = root
open(root, 1)
message = only_message()
check(message:find("is a home folder", 1, true) and message:find("any_folder = true", 1, true), message)
equal(conexus.status(), "conexus error", "the status line of a home folder")
vim.fn.writefile({ "[index]", "any_folder = true" }, root .. "/conexus.toml")
vim.cmd("Conexus restart")
wait_for("the index of the home folder", function()
  return conexus.status() == "conexus live"
end)
vim.env.HOME = home
equal(harness.take_shown(), {}, "messages about a home folder that is allowed")

--- The first row of a search, or what is said in its place.
local function first_row(words)
  rows, title = nil, nil
  vim.cmd("Conexus search " .. words)
  wait_for("rows of " .. words, function()
    return rows or #harness.shown > 0
  end)
  return rows and rows[1] or vim.inspect(harness.take_shown())
end

-- A workspace on a disk that is read-only is searched like any other, what is typed included.
local ways = { "unshare --mount", "unshare --user --map-root-user --mount" }
local private = vim.iter(ways):find(function(way)
  return vim.system({ "sh", "-c", ("%s mount --bind '%s' '%s'"):format(way, folder, folder) }):wait().code == 0
end)
if private then
  root = new_workspace("frozen")
  local frozen = folder .. "/frozen.sh"
  vim.fn.writefile({
    "#!/bin/sh",
    'if [ -z "$CONEXUS_TEST_ROOT" ]; then',
    ('  CONEXUS_TEST_ROOT=$PWD exec %s "$0" "$@"'):format(private),
    "fi",
    'mount --bind "$CONEXUS_TEST_ROOT" "$CONEXUS_TEST_ROOT"',
    'mount -o remount,bind,ro "$CONEXUS_TEST_ROOT"',
    'cd "$CONEXUS_TEST_ROOT"',
    ("if touch here 2>/dev/null; then exit 9; fi; exec '%s' \"$@\""):format(harness.program()),
  }, frozen)
  vim.fn.setfperm(frozen, "rwxr-xr-x")
  conexus.setup({ cmd = { frozen, "lsp" }, picker = "select" })
  open(root, 1)
  vim.cmd.normal({ "Go-- Boils water for tea.\rlocal function fill_kettle() end", bang = true })
  wait_for("the server", function()
    return conexus.status() == "conexus live"
  end)
  local row = first_row("boil water for tea")
  check(row:find("fill_kettle", 1, true), row)
  equal(harness.take_shown(), {}, "messages about a disk that is read-only")
  conexus.setup({ cmd = { harness.program(), "lsp" }, picker = "select" })
else
  io.stderr:write("bad situations: skipped: a disk that is read-only; this machine lets nobody mount one\n")
end

-- An index is being built: the status line says how far, and a search that it does not know all files yet.
vim.env.CONEXUS_INDEX_DIR, vim.env.CONEXUS_THREADS = folder .. "/fresh", "1"
vim.cmd("hide edit server/core/src/lib.rs")
vim.bo.filetype = "rust"
wait_for("the share of files", function()
  return conexus.status():find("^conexus [1-9]%d?%%%%$")
end)
local said = first_row("error") .. (title or "")
check(said:find("still indexing: %d+ of %d+ files") or conexus.status() == "conexus live", said)
wait_for("the complete index", function()
  return conexus.status() == "conexus live"
end)
equal(harness.take_shown(), {}, "messages while an index is built")
vim.env.CONEXUS_INDEX_DIR, vim.env.CONEXUS_THREADS = nil, nil

-- The index cannot be written: nothing below a file can be a folder.
vim.env.XDG_CACHE_HOME = "/dev/null/cache"
root = new_workspace("no-cache")
open(root, 1)
message = only_message()
check(message:find("/dev/null/cache", 1, true), message)
equal(conexus.status(), "conexus error", "the status line without an index")
-- The server of another workspace has the same trouble, which was told.
for _, name in ipairs({ "no-cache-either", "no-cache-too" }) do
  open(new_workspace(name), 1)
  wait_for("the state of " .. name, function()
    return conexus.status() == "conexus error"
  end)
end
vim.wait(300)
equal(harness.take_shown(), {}, "messages of the other workspaces")
vim.env.XDG_CACHE_HOME = nil

-- There is no model: names and words only are searched, which the status line says.
vim.env.CONEXUS_EMBEDDING = "off"
root = new_workspace("no-model")
open(root, 1)
wait_for("the state without a model", function()
  return conexus.status() == "conexus names"
end)
check(conexus.state().why:find("no embedding model is set", 1, true), vim.inspect(conexus.state()))
vim.env.CONEXUS_EMBEDDING = nil

-- The model of the settings cannot be reached: the built-in one answers, which the status line and the report say.
local settings = folder .. "/settings.toml"
vim.fn.writefile({
  "[embedding]",
  'provider = "openai"',
  'url = "http://127.0.0.1:9"',
  'model = "none"',
  "attempts = 1",
}, settings)
vim.env.CONEXUS_CONFIG = settings
root = new_workspace("no-endpoint")
open(root, 1)
wait_for("the state with the built-in model", function()
  return conexus.status() == "conexus built-in model"
end)
check(conexus.state().why:find("127.0.0.1:9", 1, true), vim.inspect(conexus.state()))
vim.cmd("checkhealth conexus")
health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
check(health:find("WARNING[^\n]*no%-endpoint: answered with the built%-in model"), health)
vim.cmd.bwipeout({ bang = true })
vim.env.CONEXUS_CONFIG = nil
equal(harness.take_shown(), {}, "messages of models that are missing")

-- What a folder says, and what the status line makes of it.
for _, case in ipairs({
  { { activity = "idle", role = "follower" }, "detached" },
  { { activity = "detached", role = "follower" }, "behind" },
  { { activity = "detached", role = "follower", lexicalOnly = "why" }, "behind" },
  { { activity = "detached", role = "owner", fault = "the workspace is gone" }, "error" },
  { { activity = "idle", role = "follower", builtinModel = "why" }, "built-in" },
  { { activity = "idle", role = "owner", builtinModel = "why", lexicalOnly = "why" }, "names-only" },
  { { activity = "idle", role = "owner", builtinModel = "why", fault = "why" }, "error" },
  { { activity = "stopped", role = "owner" }, "stopped" },
}) do
  equal(require("conexus.status").state(case[1]).name, case[2], vim.inspect(case[1]))
end

-- Newer, older, and in the middle of its work.
conexus.setup({ cmd = fake("newer"), picker = "select" })
root = new_workspace("newer")
open(root, 1)
open(root, 2)
message = only_message()
check(message:find("the server is version 9.9.9 and this plugin " .. server.version, 1, true), message)

conexus.setup({ cmd = fake("old"), picker = "select" })
root = new_workspace("old")
open(root, 1)
message = only_message()
check(message:find("it may be too old", 1, true), message)
vim.cmd("Conexus search something")
message = only_message()
check(message:find("this server knows no conexus/search, it is too old", 1, true), message)

conexus.setup({ cmd = fake("indexing"), picker = "select" })
root = new_workspace("indexing")
open(root, 1)
wait_for("the share of files", function()
  return conexus.status() == "conexus 63%%"
end)
equal(conexus.state(), { name = "indexing", percent = 63 }, "the state while indexing")
equal(vim.api.nvim_eval_statusline("%{%v:lua.require'conexus'.status()%}", {}).str, "conexus 63%", "the status line")

-- A list of what is there so far says so.
conexus.setup({ cmd = fake("partial"), picker = "select" })
open(new_workspace("partial"), 1)
for command, heading in pairs({
  ["search open the kitchen"] = "still indexing: 3 of 10 files",
  callers = "Callers of brew_espresso: still indexing: 3 of 10 files",
  similar = "Code similar to brew_espresso: still indexing: 3 of 10 files",
}) do
  rows, title = nil, nil
  vim.cmd("Conexus " .. command)
  wait_for("rows of " .. command, function()
    return rows
  end)
  check(rows[1]:find("open_kitchen", 1, true), vim.inspect(rows))
  equal(title, heading, "what the list is called")
end

-- Another process writes the index, and hangs.
conexus.setup({ cmd = fake("behind"), picker = "select" })
open(new_workspace("behind"), 1)
wait_for("the state beside a process that hangs", function()
  return conexus.status() == "conexus behind"
end)

-- What nobody waits for any more is cancelled.
conexus.setup({ cmd = fake("slow"), picker = "select" })
open(new_workspace("slow"), 1)
local slow = wait_for("the slow server", function()
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
  return client and server.version_of(client) and client
end)
local live = require("conexus.search").live(slow, {}, 0, 0)
local answered = false
for _, text in ipairs({ "coffee", "coffee machine" }) do
  live.ask(text, function()
    answered = true
  end)
end
check(only_message():find("cancelled coffee$"), "the question before")
live.cancel()
check(only_message():find("cancelled coffee machine$"), "the last question")
check(not answered, "a question that was cancelled is answered")

-- One disk is full for two workspaces: it is told once, and again after a restart.
conexus.setup({ cmd = fake("full"), picker = "select" })
open(new_workspace("full"), 1)
check(only_message():find("no space left for /cache/full-0123456789abcdef/catalog", 1, true), "the full disk")
open(new_workspace("full-too"), 1)
wait_for("the server of the other workspace", function()
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
  return client and server.version_of(client)
end)
vim.wait(300)
equal(harness.take_shown(), {}, "messages of the other workspace")
vim.cmd("Conexus restart")
check(only_message():find("no space left for /cache/", 1, true), "the full disk after a restart")

-- Options that cannot be used.
conexus.setup({ limit = 0, picker = "finder", colour = "red", autostart = false })
message = only_message()
equal(
  message,
  "conexus: in setup(): limit must be a number from 1 to 1000; "
    .. "picker must be one of auto, telescope, fzf-lua, snacks, select; there is no option colour",
  "wrong options"
)

vim.cmd("%bwipeout!")
harness.finish("bad situations")
vim.fn.delete(folder, "rf")

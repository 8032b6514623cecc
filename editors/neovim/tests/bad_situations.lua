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

local function fake(mode)
  local nvim = vim.fn.exepath("nvim")
  return { nvim ~= "" and nvim or vim.v.progpath, "-u", "NONE", "-i", "NONE", "-l", here .. "/fake_server.lua", mode }
end

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
local process = vim.tbl_filter(function(pid)
  local ok, line = pcall(vim.fn.readfile, ("/proc/%d/cmdline"):format(pid), "b")
  return ok and line[1] and line[1]:find(harness.program(), 1, true)
end, vim.api.nvim_get_proc_children(vim.fn.getpid()))
for _, pid in ipairs(process) do
  vim.uv.kill(pid, "sigkill")
end
check(#process > 0, "no process of the server was found")
wait_for("another server", function()
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
  return client and client.id ~= before.id and conexus.status() == "conexus live"
end)
local rows
vim.ui.select = function(items, options)
  rows = vim.tbl_map(options.format_item, items)
end
vim.cmd("Conexus search warm up the coffee machine")
wait_for("rows", function()
  return rows
end)
check(rows[1]:find("brew_espresso", 1, true), "what is not saved is unknown after a crash: " .. vim.inspect(rows))
equal(harness.take_shown(), {}, "messages of one crash")

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

-- Another process writes the index, and hangs.
conexus.setup({ cmd = fake("behind"), picker = "select" })
open(new_workspace("behind"), 1)
wait_for("the state beside a process that hangs", function()
  return conexus.status() == "conexus behind"
end)

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

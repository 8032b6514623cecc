-- A real Neovim with `conexus lsp`, without any plugin: indexes a repository, types a function without saving it, finds
-- it by meaning, goes there, asks about it, and leaves nothing behind.
--
-- CONEXUS is the program, the current folder the repository. Run it with `tests/peers/run`:
-- nvim --headless -u NONE -i NONE -l neovim.lua

local deadline_ms = 120 * 1000
local checks = 0

-- What Neovim would show to its user.
local shown = {}
vim.notify = function(message, level)
  table.insert(shown, ("%s: %s"):format(level or "-", message))
end

local function check(condition, what)
  checks = checks + 1
  if not condition then
    error(("%s\nshown to the user: %s"):format(what, vim.inspect(shown)), 2)
  end
end

local function wait_for(what, condition)
  check(vim.wait(deadline_ms, condition, 20), "waited in vain for " .. what)
end

-- The rows that `:lua vim.lsp.buf.workspace_symbol(query)` puts into the quickfix window.
local function workspace_symbols(query)
  vim.fn.setqflist({}, "f")
  local list
  vim.lsp.buf.workspace_symbol(query, { on_list = function(found) list = found end })
  check(vim.wait(deadline_ms, function() return list ~= nil end, 5), "no answer for " .. query)
  return list.items
end

local function finds(query, name)
  for _, item in ipairs(workspace_symbols(query)) do
    if item.text:find(name, 1, true) then return item end
  end
end

local exit
local client_id = vim.lsp.start({
  name = "conexus",
  cmd = { assert(vim.env.CONEXUS, "CONEXUS names no program"), "lsp" },
  root_dir = vim.fn.getcwd(),
  on_exit = function(code, signal) exit = { code, signal } end,
})
local client = assert(client_id and vim.lsp.get_client_by_id(client_id), "the server did not start")
wait_for("the answer to initialize", function() return client.initialized end)

local began = vim.uv.hrtime()
local workspace
wait_for("a complete index", function()
  local answers, failure = vim.lsp.buf_request_sync(0, "conexus/status", vim.empty_dict(), deadline_ms)
  local answer = answers and answers[client_id]
  assert(answer and answer.result, "conexus/status failed: " .. vim.inspect(answer or failure))
  workspace = answer.result.workspaces[1]
  return workspace and workspace.activity == "idle" and workspace.files > 0
end)
check(not workspace.fault, "the index has a fault: " .. vim.inspect(workspace))
io.stderr:write(("indexed %d files in %.1f s\n"):format(workspace.files, (vim.uv.hrtime() - began) / 1e9))

-- As in a user's settings: each file that is read gets the server.
vim.api.nvim_create_autocmd("BufReadPost", {
  callback = function(event) vim.lsp.buf_attach_client(event.buf, client_id) end,
})
vim.cmd.edit("Cargo.toml")

-- Code of this repository, by what it does.
check(finds("where is a file cut into chunks", "chunk"), "the repository's own code is not found")
check(not finds("warm up the coffee machine in the morning", "brew_espresso"), "found before it was typed")

-- A new function, typed and not saved, below a line whose letters take different numbers of bytes and units.
vim.cmd.edit("server/core/src/lib.rs")
local buffer = vim.api.nvim_get_current_buf()
local on_disk = vim.fn.readfile("server/core/src/lib.rs")
local lines = #on_disk
vim.cmd.normal({ "Go// 😀 grüße\r/// Warms up the coffee machine before breakfast.\rfn brew_espresso() {}", bang = true })
vim.cmd.stopinsert()
check(vim.bo.modified, "the buffer is not modified")

local item = finds("warm up the coffee machine in the morning", "brew_espresso")
check(item, "what was typed is not found by meaning")
local typed_at = lines + 3
check(vim.api.nvim_buf_get_lines(buffer, typed_at - 1, typed_at, true)[1] == "fn brew_espresso() {}", "typed elsewhere")
check(item.lnum == typed_at, ("it is said to be in line %d, not %d"):format(item.lnum, typed_at))

-- Going there, from another file.
vim.cmd("hide edit Cargo.toml")
vim.fn.setqflist({}, " ", { items = { item } })
vim.cmd("silent cfirst")
check(vim.api.nvim_get_current_buf() == buffer, "the jump went to another file")
local cursor = vim.api.nvim_win_get_cursor(0)
check(cursor[1] == typed_at and cursor[2] == 3, "the jump went to " .. vim.inspect(cursor))
check(vim.fn.expand("<cword>") == "brew_espresso", "the cursor is on " .. vim.fn.expand("<cword>"))

-- A code action on it: the context pack is opened in a buffer.
vim.lsp.buf.code_action({ context = { only = { "source.conexus.context" } }, apply = true })
wait_for("the context pack", function() return vim.api.nvim_buf_get_name(0):find("context%-brew_espresso%.md$") ~= nil end)
local pack = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
check(pack:find("coffee machine", 1, true), "the context pack does not show what was typed:\n" .. pack)
vim.cmd.bwipeout({ bang = true })

-- Taken back, it is gone; typed again and closed without saving, too.
vim.api.nvim_set_current_buf(buffer)
vim.cmd("silent undo")
check(vim.api.nvim_buf_line_count(buffer) == lines, "undo left lines behind")
check(not finds("warm up the coffee machine in the morning", "brew_espresso"), "undone, and still found")
vim.cmd("silent redo")
check(finds("warm up the coffee machine in the morning", "brew_espresso"), "redone, and not found")
vim.cmd("hide edit Cargo.toml")
vim.cmd.bwipeout({ buffer, bang = true })
check(not finds("warm up the coffee machine in the morning", "brew_espresso"), "closed, and still found")
check(vim.deep_equal(vim.fn.readfile("server/core/src/lib.rs"), on_disk), "the file on disk has changed")

vim.lsp.stop_client(client_id)
wait_for("the end of the server", function() return exit ~= nil end)
check(exit[1] == 0 and exit[2] == 0, "the server ended with code and signal " .. vim.inspect(exit))
check(#shown == 0, "the user was shown something")
check(vim.v.errmsg == "", "Neovim says " .. vim.v.errmsg)
local log = vim.fn.filereadable(vim.lsp.get_log_path()) == 1 and vim.fn.readfile(vim.lsp.get_log_path()) or {}
local errors = vim.tbl_filter(function(line) return line:find("^%[ERROR%]") or line:find("^%[WARN%]") end, log)
check(#errors == 0, "the log of the language client has " .. vim.inspect(errors))
io.stderr:write(("neovim: %d checks passed\n"):format(checks))

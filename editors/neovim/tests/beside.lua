--- Beside rust-analyzer: each symbol in one row, its diagnostics and its other answers as ever, positions that agree.
--- CONEXUS is the program; rust-analyzer is in the path.
---
--- nvim --headless -u NONE -i NONE -l editors/neovim/tests/beside.lua
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2)))
local harness = dofile(here .. "/harness.lua")
local check, equal, wait_for = harness.check, harness.equal, harness.wait_for
-- rust-analyzer reads the standard library first: 2 s on a free machine, 40 s on one with eight times its load.
harness.deadline_ms = 170 * 1000

local folder = vim.fn.tempname()
vim.fn.mkdir(folder .. "/src", "p")
vim.fn.mkdir(folder .. "/.git", "p")
folder = vim.uv.fs_realpath(folder)
vim.fn.writefile({ "[package]", 'name = "kitchen"', 'version = "0.1.0"', 'edition = "2024"' }, folder .. "/Cargo.toml")
vim.fn.writefile({
  "/// Warms up the coffee machine before breakfast.",
  "pub fn brew_espresso(cups: u32) -> u32 {",
  "    cups",
  "}",
  "",
  "pub fn open_kitchen() -> u32 {",
  "    /* 😀 grüße */ brew_espresso()",
  "}",
}, folder .. "/src/lib.rs")

local conexus = require("conexus")
conexus.setup({ cmd = { harness.program(), "lsp" }, picker = "select", settings = { symbols = "meaning" } })
vim.cmd.edit(folder .. "/src/lib.rs")
vim.bo.filetype = "rust"
local buffer = vim.api.nvim_get_current_buf()
local analyzer = assert(vim.lsp.start({
  name = "rust-analyzer",
  cmd = { "rust-analyzer" },
  root_dir = folder,
  settings = { ["rust-analyzer"] = { checkOnSave = false, cachePriming = { enable = false } } },
}))
local both = wait_for("both servers", function()
  local clients = vim.lsp.get_clients({ bufnr = buffer })
  return #clients == 2 and clients
end)
wait_for("the live state", function()
  return conexus.status() == "conexus live"
end)

-- One encoding for the buffer: editors convert positions of a buffer in one of them.
equal(both[1].offset_encoding, both[2].offset_encoding, "the encodings of both servers")

-- Its diagnostics come. Neovim 0.10 asks for them when the text changes, and not when the server has loaded.
local function diagnosed()
  return vim.tbl_filter(function(diagnostic)
    return diagnostic.source == "rust-analyzer" and diagnostic.lnum == 6
  end, vim.diagnostic.get(buffer))
end
local asked_at = 0
wait_for("the diagnostics of rust-analyzer", function()
  -- A change takes back a question that waits, so they are far apart.
  if vim.fn.has("nvim-0.11") == 0 and vim.uv.now() - asked_at > 10000 then
    asked_at = vim.uv.now()
    vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { "//" })
    vim.api.nvim_buf_set_lines(buffer, -2, -1, false, {})
  end
  return #diagnosed() > 0
end)
local column = diagnosed()[1].col
check(column >= #"    /* 😀 grüße */ brew_espresso", "the diagnostic is at byte " .. column)

local function rows(query)
  local list
  vim.lsp.buf.workspace_symbol(query, {
    on_list = function(found)
      list = found.items
    end,
  })
  wait_for("symbols of " .. query, function()
    return list
  end)
  return list
end
local function rows_of(query, name)
  return vim.tbl_filter(function(item)
    return item.text:find(name, 1, true)
  end, rows(query))
end

-- A name is in one row, though both servers are asked; a phrase finds it by meaning.
local answers = vim.lsp.buf_request_sync(buffer, "workspace/symbol", { query = "brew_espresso" }, 30000) or {}
local own = vim.tbl_get(answers, analyzer, "result")
check(own and own[1] and own[1].name == "brew_espresso", "rust-analyzer does not find it: " .. vim.inspect(answers))
local named = rows_of("brew_espresso", "brew_espresso")
equal(#named, 1, "rows of a name, " .. vim.inspect(named))
local meant = rows_of("warm up the coffee machine in the morning", "brew_espresso")
equal(#meant, 1, "rows of a phrase")
equal({ meant[1].lnum, meant[1].col }, { 2, #"pub fn " + 1 }, "the place of the row")

-- Typed by both counts: the next answers agree about the line behind letters of several units.
vim.api.nvim_buf_set_lines(buffer, 0, 0, false, { "// 😀 grüße" })
vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { "/* 😀 */ fn grind_beans() { /* Crushes roasted seeds. */ }" })
local typed = rows_of("crush the roasted seeds", "grind_beans")
equal(#typed, 1, "rows of what was typed")
equal({ typed[1].lnum, typed[1].col }, { 10, #"/* 😀 */ fn " + 1 }, "the place of what was typed")
wait_for("the diagnostic one line below", function()
  return vim.iter(vim.diagnostic.get(buffer)):any(function(diagnostic)
    return diagnostic.source == "rust-analyzer" and diagnostic.lnum == 7
  end)
end)

-- What rust-analyzer owns is asked of it alone.
for _, method in ipairs({
  "textDocument/hover",
  "textDocument/definition",
  "textDocument/completion",
  "textDocument/formatting",
  "textDocument/references",
  "textDocument/rename",
}) do
  local able = vim.tbl_filter(function(client)
    if vim.fn.has("nvim-0.11") == 1 then
      return client:supports_method(method)
    end
    return client.supports_method(method)
  end, both)
  equal(#able, 1, "servers for " .. method)
  equal(able[1].id, analyzer, "the server for " .. method)
end

-- Code actions of both are in one menu.
vim.api.nvim_win_set_cursor(0, { 3, #"pub fn " })
local titles
vim.ui.select = function(items, options)
  titles = vim.tbl_map(options.format_item, items)
end
vim.lsp.buf.code_action()
wait_for("the menu", function()
  return titles
end)
check(table.concat(titles, "\n"):find("Show callers of `brew_espresso`", 1, true), vim.inspect(titles))
local seen = {}
for _, title in ipairs(titles) do
  check(not seen[title], "twice in the menu: " .. title)
  seen[title] = true
end

-- Neovim 0.12 says this itself when one of several servers finds nothing.
local shown = vim.tbl_filter(function(message)
  return message ~= "No symbols found"
end, harness.take_shown())
equal(shown, {}, "messages at the end")
vim.cmd("%bwipeout!")
harness.finish("beside rust-analyzer")
vim.fn.delete(folder, "rf")

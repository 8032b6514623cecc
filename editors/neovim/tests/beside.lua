--- Beside rust-analyzer or gopls: each symbol in one row, its diagnostics and its other answers as ever, positions that
--- agree. CONEXUS is the program, CONEXUS_BESIDE the other server, which is in the path; rust-analyzer by default.
---
--- nvim --headless -u NONE -i NONE -l editors/neovim/tests/beside.lua
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2)))
local harness = dofile(here .. "/harness.lua")
local check, equal, wait_for = harness.check, harness.equal, harness.wait_for
-- rust-analyzer reads the standard library first: 2 s on a free machine, 40 s on one with eight times its load.
harness.deadline_ms = 170 * 1000

-- Both hold the same two functions, and a call with an argument missing behind letters of several units.
local OTHERS = {
  ["rust-analyzer"] = {
    filetype = "rust",
    file = "src/lib.rs",
    name = "brew_espresso",
    source = "rust-analyzer",
    settings = { ["rust-analyzer"] = { checkOnSave = false, cachePriming = { enable = false } } },
    project = {
      ["Cargo.toml"] = { "[package]", 'name = "kitchen"', 'version = "0.1.0"', 'edition = "2024"' },
      ["src/lib.rs"] = {
        "/// Warms up the coffee machine before breakfast.",
        "pub fn brew_espresso(cups: u32) -> u32 {",
        "    cups",
        "}",
        "",
        "pub fn open_kitchen() -> u32 {",
        "    /* 😀 grüße */ brew_espresso()",
        "}",
      },
    },
    before_name = "pub fn ",
    before_call = "    /* 😀 grüße */ ",
    typed = { "/* 😀 */ fn ", "grind_beans", "() { /* Crushes roasted seeds. */ }" },
  },
  gopls = {
    filetype = "go",
    file = "kitchen.go",
    name = "BrewEspresso",
    source = "compiler",
    settings = {},
    project = {
      ["go.mod"] = { "module kitchen", "", "go 1.21" },
      ["kitchen.go"] = {
        "package kitchen",
        "// BrewEspresso warms up the coffee machine before breakfast.",
        "func BrewEspresso(cups int) int { return cups }",
        "",
        "// OpenKitchen begins the day.",
        "func OpenKitchen() int {",
        "    /* 😀 grüße */ return BrewEspresso()",
        "}",
      },
    },
    before_name = "func ",
    before_call = "    /* 😀 grüße */ return ",
    typed = { "/* 😀 */ func ", "grindBeans", "() { /* Crushes roasted seeds. */ }" },
  },
}
local beside = vim.env.CONEXUS_BESIDE or "rust-analyzer"
local other = assert(OTHERS[beside], "there is no project for " .. beside)

local folder = vim.fn.tempname()
vim.fn.mkdir(folder .. "/src", "p")
vim.fn.mkdir(folder .. "/.git", "p")
folder = vim.uv.fs_realpath(folder)
for name, lines in pairs(other.project) do
  vim.fn.writefile(lines, folder .. "/" .. name)
end
local function line_of(text)
  for number, line in ipairs(other.project[other.file]) do
    if line:find(text, 1, true) then
      return number
    end
  end
end
local defined_at = line_of(other.before_name .. other.name)
local called_at = line_of(other.before_call)

local conexus = require("conexus")
conexus.setup({ cmd = { harness.program(), "lsp" }, picker = "select", settings = { symbols = "meaning" } })
vim.cmd.edit(folder .. "/" .. other.file)
vim.bo.filetype = other.filetype
local buffer = vim.api.nvim_get_current_buf()
local second = assert(vim.lsp.start({
  name = beside,
  cmd = { beside },
  root_dir = folder,
  settings = other.settings,
}))
local both = wait_for("both servers", function()
  local clients = vim.lsp.get_clients({ bufnr = buffer })
  return #clients == 2 and clients
end)
wait_for("the live state", function()
  return conexus.status() == "conexus live"
end)

-- gopls counts in UTF-16 whatever is offered: Neovim 0.11 and later convert for each server by itself.
if beside == "rust-analyzer" or vim.fn.has("nvim-0.11") == 0 then
  equal(both[1].offset_encoding, both[2].offset_encoding, "the encodings of both servers")
end

-- Its diagnostics come. Of rust-analyzer Neovim 0.10 asks for them when the text changes, and not when the server has
-- loaded.
local function diagnosed()
  return vim.tbl_filter(function(diagnostic)
    return diagnostic.source == other.source and diagnostic.lnum == called_at - 1
  end, vim.diagnostic.get(buffer))
end
local asked_at = 0
wait_for("the diagnostics of the other server", function()
  -- A change takes back a question that waits, so they are far apart.
  if vim.fn.has("nvim-0.11") == 0 and vim.uv.now() - asked_at > 10000 then
    asked_at = vim.uv.now()
    vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { "//" })
    vim.api.nvim_buf_set_lines(buffer, -2, -1, false, {})
  end
  return #diagnosed() > 0
end)
local column = diagnosed()[1].col
check(column >= #(other.before_call .. other.name), "the diagnostic is at byte " .. column)

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
local answers = vim.lsp.buf_request_sync(buffer, "workspace/symbol", { query = other.name }, 30000) or {}
local own = vim.tbl_get(answers, second, "result")
check(own and own[1] and own[1].name:find(other.name, 1, true), beside .. " does not find it: " .. vim.inspect(answers))
local named = rows_of(other.name, other.name)
equal(#named, 1, "rows of a name, " .. vim.inspect(named))
local meant = rows_of("warm up the coffee machine in the morning", other.name)
equal(#meant, 1, "rows of a phrase")
equal({ meant[1].lnum, meant[1].col }, { defined_at, #other.before_name + 1 }, "the place of the row")

-- Typed by both counts: the next answers agree about the line behind letters of several units.
vim.api.nvim_buf_set_lines(buffer, 0, 0, false, { "// 😀 grüße" })
vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { table.concat(other.typed) })
local typed = rows_of("crush the roasted seeds", other.typed[2])
equal(#typed, 1, "rows of what was typed")
local lines = #other.project[other.file] + 2
-- Neovim 0.10 lists columns as the servers count them.
local _, units = vim.str_utfindex(other.typed[1])
local typed_column = vim.fn.has("nvim-0.11") == 1 and #other.typed[1] or units
equal({ typed[1].lnum, typed[1].col }, { lines, typed_column + 1 }, "the place of what was typed")
wait_for("the diagnostic one line below", function()
  return vim.iter(vim.diagnostic.get(buffer)):any(function(diagnostic)
    return diagnostic.source == other.source and diagnostic.lnum == called_at
  end)
end)

-- What the other one owns is asked of it alone.
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
  equal(able[1].id, second, "the server for " .. method)
end

-- Code actions of both are in one menu, at the name and at the end of a function behind letters of several units.
local titles
vim.ui.select = function(items, options)
  titles = vim.tbl_map(options.format_item, items)
end
local wanted = ("Show callers of `%s`"):format(other.typed[2])
for _, at in ipairs({ #other.typed[1], #table.concat(other.typed) - 1 }) do
  vim.api.nvim_win_set_cursor(0, { lines, at })
  titles = nil
  vim.lsp.buf.code_action()
  wait_for("the menu", function()
    return titles
  end)
  check(table.concat(titles, "\n"):find(wanted, 1, true), vim.inspect(titles))
  local seen = {}
  for _, title in ipairs(titles) do
    check(not seen[title], "twice in the menu: " .. title)
    seen[title] = true
  end
end

-- Neovim 0.12 says the first itself when one of several servers finds nothing; rust-analyzer says the second where the
-- sources of the standard library are not installed.
local shown = vim.tbl_filter(function(message)
  return message ~= "No symbols found" and not message:find("has sysroot errors", 1, true)
end, harness.take_shown())
equal(shown, {}, "messages at the end")
vim.cmd("%bwipeout!")
harness.finish("beside " .. beside)
vim.fn.delete(folder, "rf")

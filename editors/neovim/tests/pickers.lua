--- Each picker in a real Neovim with the real server: a phrase is typed, the rows come in the server's order, a row is
--- opened. CONEXUS_NEOVIM_PLUGINS is a folder with telescope.nvim, plenary.nvim, snacks.nvim and fzf-lua, of which each
--- may be missing; without snacks.nvim and fzf-lua their documented interfaces are played by this file.
---
--- nvim --headless -u NONE -i NONE -l editors/neovim/tests/pickers.lua
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2)))
local harness = dofile(here .. "/harness.lua")
local check, equal, wait_for = harness.check, harness.equal, harness.wait_for

local plugins = vim.env.CONEXUS_NEOVIM_PLUGINS or ""
local function has(name)
  local folder = plugins .. "/" .. name
  if plugins ~= "" and vim.fn.isdirectory(folder .. "/lua") == 1 then
    vim.opt.runtimepath:append(folder)
    return true
  end
  return false
end

vim.o.columns, vim.o.lines = 160, 50
local conexus = require("conexus")
conexus.setup({ cmd = { harness.program(), "lsp" } })
vim.cmd.edit("server/core/src/lib.rs")
vim.bo.filetype = "rust"
local buffer = vim.api.nvim_get_current_buf()
wait_for("the live state", function()
  return conexus.status() == "conexus live"
end)
vim.cmd.normal({ "Go/* 😀 */ fn brew_espresso() { /* Warms up the coffee machine. */ }", bang = true })
vim.cmd.stopinsert()
local typed_at = vim.api.nvim_buf_line_count(buffer)
local phrase = "warm up the coffee machine in the morning"

local function use(name)
  require("conexus.config").options.picker = name
  equal(require("conexus.pickers").name(), name, "the picker that is used")
  vim.api.nvim_set_current_buf(buffer)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
end

local function expect_at_function(what)
  wait_for(what .. " to open the row", function()
    return vim.api.nvim_get_current_buf() == buffer and vim.api.nvim_win_get_cursor(0)[1] == typed_at
  end)
  equal(vim.api.nvim_win_get_cursor(0)[2], #"/* 😀 */ fn ", what .. ": the column")
end

local tested = {}

if has("telescope.nvim") and has("plenary.nvim") then
  use("telescope")
  require("telescope").setup({})
  local state = require("telescope.actions.state")
  local actions = require("telescope.actions")
  vim.cmd("Conexus search warm up")
  local prompt = wait_for("the prompt", function()
    return vim.bo.filetype == "TelescopePrompt" and vim.api.nvim_get_current_buf()
  end)
  local picker = state.get_current_picker(prompt)
  -- Typed on before the first answer: only the last text counts.
  picker:set_prompt("warm up the coffee")
  picker:set_prompt(phrase)
  wait_for("the row", function()
    local entry = state.get_selected_entry()
    return entry and entry.value.name == "brew_espresso"
  end)
  check(picker.manager:num_results() > 5, "Telescope shows few rows")
  local first = picker.manager:get_entry(1)
  equal(first.value.name, "brew_espresso", "the first row of Telescope")
  wait_for("the preview", function()
    local preview = picker.previewer and picker.previewer.state and picker.previewer.state.bufnr
    return preview
      and vim.api.nvim_buf_is_valid(preview)
      and table.concat(vim.api.nvim_buf_get_lines(preview, 0, -1, false)):find("mod ", 1, true)
  end)
  actions.select_default(prompt)
  expect_at_function("Telescope")
  vim.cmd("Conexus similar")
  wait_for("a list or a word", function()
    return vim.bo.filetype == "TelescopePrompt" or #harness.shown > 0
  end)
  if vim.bo.filetype == "TelescopePrompt" then
    actions.close(vim.api.nvim_get_current_buf())
  end
  harness.take_shown()
  vim.cmd.runtime("plugin/telescope.lua")
  require("telescope").load_extension("conexus")
  vim.cmd("Telescope conexus query=coffee")
  wait_for("the list of :Telescope conexus", function()
    local shown = vim.bo.filetype == "TelescopePrompt" and state.get_current_picker(vim.api.nvim_get_current_buf())
    return shown and shown.manager and shown.manager:num_results() > 0
  end)
  actions.close(vim.api.nvim_get_current_buf())
  table.insert(tested, "telescope")
end

if has("snacks.nvim") then
  require("snacks").setup({ picker = { enabled = true } })
  use("snacks")
  require("conexus.config").options.picker = "auto"
  equal(require("conexus.pickers").name(), "snacks", "the picker that is chosen")
  vim.cmd("Conexus search " .. phrase)
  local function current()
    return require("snacks.picker").get()[1]
  end
  wait_for("the row", function()
    local picker = current()
    local entry = picker and picker:current()
    return entry and entry.conexus.name == "brew_espresso" and picker:count() > 5
  end)
  equal(current():items()[1].conexus.name, "brew_espresso", "the first row of snacks")
  current():action("confirm")
  expect_at_function("snacks")
  table.insert(tested, "snacks")
else
  -- The part of its interface that is used: pick() with a finder that adds rows from a coroutine.
  local picked
  package.loaded["snacks.picker"] = {
    pick = function(options)
      picked = options
    end,
  }
  local thread
  local running = {
    on = function() end,
    suspend = function()
      coroutine.yield()
    end,
    resume = function()
      coroutine.resume(thread)
    end,
  }
  package.loaded["snacks.picker.util.async"] = {
    running = function()
      return running
    end,
  }
  use("snacks")
  vim.cmd("Conexus search " .. phrase)
  check(picked.live and picked.search == phrase, "what snacks is asked for")
  local rows, ended = {}, false
  thread = coroutine.create(function()
    picked.finder({}, { filter = { search = phrase }, picker = {} })(function(row)
      table.insert(rows, row)
    end)
    ended = true
  end)
  coroutine.resume(thread)
  wait_for("the rows", function()
    return ended
  end)
  equal(rows[1].conexus.name, "brew_espresso", "the first row for snacks")
  equal(rows[1].pos, { typed_at, #"/* 😀 */ fn " }, "its position")
  equal(vim.uv.fs_realpath(rows[1].file), vim.uv.fs_realpath("server/core/src/lib.rs"), "its file")
  check(#picked.format(rows[1]) == 3, "its parts")
  package.loaded["snacks.picker"], package.loaded["snacks.picker.util.async"] = nil, nil
  table.insert(tested, "snacks (played)")
end

local fzf = vim.fn.executable("fzf") == 1 and has("fzf-lua")
if fzf then
  use("fzf-lua")
  local lines
  require("fzf-lua").setup({})
  -- fzf itself needs a terminal that somebody types in: here its rows are read.
  local core = require("fzf-lua.core")
  local live = require("fzf-lua").fzf_live
  require("fzf-lua").fzf_live = function(contents, options)
    lines = {}
    check(options.query == phrase, "the query of fzf-lua")
    contents({ phrase })(function(line)
      table.insert(lines, line or false)
    end)
  end
  check(type(core.fzf_live) == "function" and type(live) == "function", "fzf-lua has another interface")
  vim.cmd("Conexus search " .. phrase)
  wait_for("the rows", function()
    return lines and lines[#lines] == false
  end)
  local entry = require("fzf-lua.path").entry_to_file(lines[1], { cwd = vim.fn.getcwd() })
  equal({ entry.line, entry.col }, { typed_at, #"/* 😀 */ fn " + 1 }, "the place that fzf-lua reads")
  equal(vim.uv.fs_realpath(entry.path), vim.uv.fs_realpath("server/core/src/lib.rs"), "the file that fzf-lua reads")
  require("fzf-lua").fzf_live = live
  table.insert(tested, "fzf-lua")
else
  local asked, options
  package.loaded["fzf-lua"] = {
    defaults = { actions = { files = { enter = function() end } } },
    fzf_live = function(contents, given)
      asked, options = contents, given
    end,
  }
  use("fzf-lua")
  vim.cmd("Conexus search " .. phrase)
  check(options.query == phrase and options.previewer == "builtin" and options.actions.enter, vim.inspect(options))
  for _, given in ipairs({ phrase, { phrase } }) do
    local lines = {}
    asked(given)(function(line)
      table.insert(lines, line or false)
    end)
    wait_for("the rows", function()
      return lines[#lines] == false
    end)
    local expected = ("^server/core/src/lib%%.rs:%d:%d: function brew_espresso$"):format(typed_at, #"/* 😀 */ fn " + 1)
    check(lines[1]:find(expected), "the first row for fzf-lua is " .. lines[1])
  end
  package.loaded["fzf-lua"] = nil
  table.insert(tested, "fzf-lua (played)")
end

-- A picker that is not there is replaced, and the report says so.
require("conexus.config").options.picker = "fzf-lua"
if not fzf then
  equal(require("conexus.pickers").name(), "select", "the picker instead of one that is missing")
end

equal(harness.take_shown(), {}, "messages at the end")
io.stderr:write("pickers tested: " .. table.concat(tested, ", ") .. "\n")
harness.finish("pickers")

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

-- The server of another workspace, which is played, has one place and says that there will be more.
local kitchen = vim.fn.tempname()
vim.fn.mkdir(kitchen .. "/.git", "p")
vim.fn.writefile({ "fn open_kitchen() { brew_espresso(); }" }, kitchen .. "/plan.lua")
conexus.setup({ cmd = harness.fake("partial") })
vim.cmd("hide edit " .. kitchen .. "/plan.lua")
vim.bo.filetype = "lua"
local partial = vim.api.nvim_get_current_buf()
wait_for("the played server", function()
  return #vim.lsp.get_clients({ name = "conexus", bufnr = partial }) == 1
end)
local notice = "still indexing: 3 of 10 files"
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

--- Asks for callers in both workspaces; `shown` gives the title of the list and the name in its first row when it is
--- there, and ends it.
---@param picker string
---@param shown fun(): string?, string?
local function lists_callers(picker, shown)
  vim.api.nvim_buf_set_lines(buffer, -1, -1, true, { "fn open_kitchen() { brew_espresso(); }" })
  for where, heading in pairs({
    [buffer] = "Callers of brew_espresso",
    [partial] = "Callers of brew_espresso: " .. notice,
  }) do
    vim.api.nvim_set_current_buf(where)
    vim.api.nvim_win_set_cursor(0, where == buffer and { typed_at, #"/* 😀 */ fn " } or { 1, 0 })
    vim.cmd("Conexus callers")
    local title, name
    wait_for("the callers in " .. picker, function()
      title, name = shown()
      return name
    end)
    equal({ vim.trim(title or ""), name }, { heading, "open_kitchen" }, "the callers in " .. picker)
  end
  vim.api.nvim_buf_set_lines(buffer, -2, -1, true, {})
  vim.api.nvim_set_current_buf(buffer)
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
  lists_callers("Telescope", function()
    local shown = vim.bo.filetype == "TelescopePrompt" and state.get_current_picker(vim.api.nvim_get_current_buf())
    local entry = shown and shown.manager and shown.manager:num_results() > 0 and shown.manager:get_entry(1)
    if not entry then
      return nil
    end
    actions.close(vim.api.nvim_get_current_buf())
    return shown.prompt_title, entry.value.name
  end)
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
  lists_callers("snacks", function()
    local picker = current()
    local entry = picker and picker.opts.source == "conexus_list" and picker:items()[1]
    if not entry then
      return nil
    end
    picker:close()
    return picker.title, entry.conexus.name
  end)
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
  picked = nil
  lists_callers("snacks", function()
    local list = picked
    picked = nil
    return list and list.title, list and list.items[1].conexus.name
  end)
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
    equal(options.fzf_opts["--header-lines"], 1, "lines of fzf's header")
    contents({ phrase })(function(line)
      table.insert(lines, line or false)
    end)
  end
  check(type(core.fzf_live) == "function" and type(live) == "function", "fzf-lua has another interface")
  vim.cmd("Conexus search " .. phrase)
  wait_for("the rows", function()
    return lines and lines[#lines] == false
  end)
  equal(lines[1], "Best first", "the header of fzf-lua")
  local entry = require("fzf-lua.path").entry_to_file(lines[2], { cwd = vim.fn.getcwd() })
  equal({ entry.line, entry.col }, { typed_at, #"/* 😀 */ fn " + 1 }, "the place that fzf-lua reads")
  equal(vim.uv.fs_realpath(entry.path), vim.uv.fs_realpath("server/core/src/lib.rs"), "the file that fzf-lua reads")
  vim.api.nvim_set_current_buf(partial)
  vim.cmd("Conexus search " .. phrase)
  wait_for("the rows", function()
    return lines[#lines] == false
  end)
  equal(lines[1], notice, "the header over rows")
  require("fzf-lua").fzf_live = live
  local exec, listed = require("fzf-lua").fzf_exec, nil
  require("fzf-lua").fzf_exec = function(rows, options)
    listed = { options.winopts.title, rows[1]:match("%S+$") }
  end
  lists_callers("fzf-lua", function()
    local list = listed or {}
    listed = nil
    return unpack(list)
  end)
  require("fzf-lua").fzf_exec = exec
  table.insert(tested, "fzf-lua")
else
  local asked, options, listed
  package.loaded["fzf-lua"] = {
    defaults = { actions = { files = { enter = function() end } } },
    fzf_live = function(contents, given)
      asked, options = contents, given
    end,
    fzf_exec = function(rows, given)
      listed = { given.winopts.title, rows[1]:match("%S+$") }
    end,
  }
  use("fzf-lua")
  vim.cmd("Conexus search " .. phrase)
  check(options.query == phrase and options.previewer == "builtin" and options.actions.enter, vim.inspect(options))
  equal(options.fzf_opts["--header-lines"], 1, "lines of fzf's header")
  local function lines_of(given)
    local lines = {}
    asked(given)(function(line)
      table.insert(lines, line or false)
    end)
    wait_for("the rows", function()
      return lines[#lines] == false
    end)
    return lines
  end
  for _, given in ipairs({ phrase, { phrase } }) do
    local lines = lines_of(given)
    equal(lines[1], "Best first", "the header for fzf-lua")
    local expected = ("^server/core/src/lib%%.rs:%d:%d: function brew_espresso$"):format(typed_at, #"/* 😀 */ fn " + 1)
    check(lines[2]:find(expected), "the first row for fzf-lua is " .. lines[2])
  end
  vim.api.nvim_set_current_buf(partial)
  vim.cmd("Conexus search " .. phrase)
  local lines = lines_of(phrase)
  check(lines[1] == notice and lines[2]:find("open_kitchen", 1, true), "rows and a notice: " .. vim.inspect(lines))
  lists_callers("fzf-lua", function()
    local list = listed or {}
    listed = nil
    return unpack(list)
  end)
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

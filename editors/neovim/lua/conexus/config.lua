--- Options: their defaults, and what is checked before they are used.
local M = {}

---@alias conexus.Picker "auto"|"telescope"|"fzf-lua"|"snacks"|"select"

---@class conexus.Settings What the server is told, see docs/lsp-extensions.md.
---@field symbols? "auto"|"meaning"|"all"|"off"
---@field symbolLimit? integer
---@field contextTokens? integer
---@field codeActions? boolean
---@field diagnostics? boolean
---@field diagnosticMode? "openFilesOnly"|"workspace"

---@class conexus.Options
---@field cmd string[] The program and its arguments.
---@field root_markers string[] What stands at the top of a workspace.
---@field settings conexus.Settings
---@field picker conexus.Picker What shows lists.
---@field limit integer Most rows of a list.
---@field debounce_ms integer How long typing must rest before a search is sent.
---@field autostart boolean Whether files start the server.

---@type conexus.Options
M.defaults = {
  cmd = { "conexus", "lsp" },
  root_markers = { ".git", ".hg", ".jj", ".svn", "conexus.toml" },
  settings = {},
  picker = "auto",
  limit = 50,
  debounce_ms = 120,
  autostart = true,
}

---@type conexus.Options
M.options = vim.deepcopy(M.defaults)

local function is_list_of_strings(value)
  return vim.islist(value)
    and #value > 0
    and vim.iter(value):all(function(item)
      return type(item) == "string" and item ~= ""
    end)
end

local function is_count(value)
  return type(value) == "number" and value == math.floor(value) and value >= 0
end

local pickers = { "auto", "telescope", "fzf-lua", "snacks", "select" }

---@type table<string, any[]> A judgement, and what it demands in words.
local checks = {
  cmd = { is_list_of_strings, "a list of strings" },
  root_markers = { is_list_of_strings, "a list of strings" },
  settings = {
    function(value)
      return type(value) == "table"
    end,
    "a table",
  },
  picker = {
    function(value)
      return vim.list_contains(pickers, value)
    end,
    "one of " .. table.concat(pickers, ", "),
  },
  limit = {
    function(value)
      return is_count(value) and value >= 1 and value <= 1000
    end,
    "a number from 1 to 1000",
  },
  debounce_ms = { is_count, "a number of milliseconds" },
  autostart = {
    function(value)
      return type(value) == "boolean"
    end,
    "true or false",
  },
}

--- Takes over options; what cannot be used is told by its name, and its default stays.
---@param given? table
---@return string[] problems
function M.set(given)
  local problems = {}
  local options = vim.deepcopy(M.defaults)
  for name, value in pairs(given or {}) do
    local check = checks[name]
    if not check then
      table.insert(problems, ("there is no option %s"):format(name))
    elseif not check[1](value) then
      table.insert(problems, ("%s must be %s"):format(name, check[2]))
    else
      options[name] = vim.deepcopy(value)
    end
  end
  table.sort(problems)
  M.options = options
  return problems
end

return M

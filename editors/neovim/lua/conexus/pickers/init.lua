--- Which program shows a list. Each adapter offers `search`, which follows typing, and `list`, which shows rows.
local config = require("conexus.config")

local M = {}

---@class conexus.SearchRequest
---@field client vim.lsp.Client
---@field query string What to begin with.
---@field options conexus.SearchOptions
---@field buffer integer

---@class conexus.Adapter
---@field search fun(request: conexus.SearchRequest)
---@field list fun(title: string, rows: conexus.Item[])

--- In the order in which they are tried.
---@type { name: string, module: string }[]
M.known = {
  { name = "snacks", module = "snacks.picker" },
  { name = "telescope", module = "telescope" },
  { name = "fzf-lua", module = "fzf-lua" },
}

---@param module string
local function is_there(module)
  return package.loaded[module] ~= nil or #vim.loader.find(module) > 0 or pcall(require, module)
end

--- Whether a picker's plugin is there. Snacks counts only when its picker is on, as its users say in its options.
---@param name string
---@return boolean
function M.is_available(name)
  if name == "select" then
    return true
  end
  for _, picker in ipairs(M.known) do
    if picker.name == name then
      return is_there(picker.module)
    end
  end
  return false
end

local function is_wanted(name)
  if name ~= "snacks" then
    return true
  end
  local snacks = rawget(_G, "Snacks")
  return snacks ~= nil and vim.tbl_get(snacks, "config", "picker", "enabled") == true
end

--- The name of the picker that is used.
---@return string
function M.name()
  local wanted = config.options.picker
  if wanted ~= "auto" then
    return M.is_available(wanted) and wanted or "select"
  end
  for _, picker in ipairs(M.known) do
    if is_wanted(picker.name) and M.is_available(picker.name) then
      return picker.name
    end
  end
  return "select"
end

---@return conexus.Adapter
function M.get()
  return require("conexus.pickers." .. M.name():gsub("-", "_"))
end

return M

--- Conexus in Neovim: search by meaning, and what is related to the symbol under the cursor.
local M = {}

--- Takes over options and starts the server for files from now on. Neovim 0.11 and later need no call: they may use
--- `vim.lsp.enable("conexus")` alone.
---@param options? table
function M.setup(options)
  local config = require("conexus.config")
  local problems = config.set(options)
  if #problems > 0 then
    require("conexus.server").tell("in setup(): " .. table.concat(problems, "; "), vim.log.levels.ERROR)
  end
  if not config.options.autostart then
    return
  end
  if vim.fn.has("nvim-0.11") == 1 then
    vim.lsp.config("conexus", require("conexus.server").config())
    vim.lsp.enable("conexus")
    return
  end
  vim.api.nvim_create_autocmd("FileType", {
    group = vim.api.nvim_create_augroup("conexus", {}),
    desc = "Start the server of the file's workspace",
    callback = function(event)
      require("conexus.server").attach(event.buf)
    end,
  })
  -- Files that were opened before.
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      require("conexus.server").attach(buffer)
    end
  end
end

--- Opens a list of what fits a question, a name or quoted text.
---@param query? string
---@param options? conexus.SearchOptions
function M.search(query, options)
  require("conexus.commands").search(query, options)
end

--- For a status line: empty, or such as "conexus live" or "conexus 63%%".
---@param buffer? integer
---@return string
function M.status(buffer)
  return require("conexus.status").line(buffer)
end

--- The same as values.
---@param buffer? integer
---@return conexus.State?
function M.state(buffer)
  return require("conexus.status").of(buffer)
end

for _, name in ipairs({ "similar", "callers", "callees", "tests", "reuse", "context" }) do
  M[name] = function()
    require("conexus.commands").related_at(name)
  end
end

return M

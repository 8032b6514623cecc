--- How things stand, for status lines. Nothing is asked: the server tells each change.
local server = require("conexus.server")

local M = {}

---@class conexus.State
---@field name "starting"|"indexing"|"embedding"|"live"|"names-only"|"built-in"|"detached"|"behind"|"error"|"stopped"
---@field percent? integer
---@field why? string

---@param workspace conexus.Workspace
---@return conexus.State
function M.state(workspace)
  local percent = workspace.done and workspace.total and workspace.total > 0
      and math.floor(workspace.done * 100 / workspace.total)
    or nil
  if workspace.activity == "failed" or workspace.fault then
    return { name = "error", why = workspace.fault }
  elseif workspace.activity == "opening" then
    return { name = "starting" }
  elseif workspace.activity == "embedding" then
    return { name = "embedding", percent = percent }
  elseif workspace.activity == "detached" then
    return { name = "behind" }
  elseif workspace.activity == "stopped" then
    return { name = "stopped" }
  elseif workspace.activity ~= "idle" then
    return { name = "indexing", percent = percent }
  elseif workspace.lexicalOnly then
    return { name = "names-only", why = workspace.lexicalOnly }
  elseif workspace.builtinModel then
    return { name = "built-in", why = workspace.builtinModel }
  elseif workspace.role == "follower" then
    return { name = "detached" }
  end
  return { name = "live" }
end

local words = {
  starting = "starting",
  indexing = "indexing",
  embedding = "indexing meaning",
  live = "live",
  ["names-only"] = "names and words only",
  ["built-in"] = "answered with the built-in model in place of the chosen one",
  detached = "live, index kept by another process",
  behind = "as of the last commit of another process, which does not follow the disk or hangs",
  error = "error",
  stopped = "stopped",
}

---@param state conexus.State
---@return string
function M.words(state)
  return words[state.name] .. (state.percent and (" %d %%"):format(state.percent) or "")
end

--- The worst of the states of a client's folders.
local order =
  { "error", "stopped", "behind", "starting", "indexing", "embedding", "names-only", "built-in", "detached", "live" }

--- The state for a buffer; nil when it has no server.
---@param buffer? integer
---@return conexus.State?
function M.of(buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = buffer })[1]
  if not client then
    local failed = server.failed(buffer)
    if failed and failed.given_up then
      return { name = "stopped", why = failed.fault }
    elseif failed and failed.waiting then
      return { name = "starting" }
    end
    return nil
  end
  local worst = { name = "starting" } ---@type conexus.State
  local rank = #order + 1
  for _, workspace in ipairs(server.workspaces(client)) do
    local state = M.state(workspace)
    for index, name in ipairs(order) do
      if name == state.name and index < rank then
        worst, rank = state, index
      end
    end
  end
  return worst
end

--- A few letters for a status line; empty when the buffer has no server.
---@param buffer? integer
---@return string
function M.line(buffer)
  local state = M.of(buffer)
  if not state then
    return ""
  end
  local short = {
    starting = "…",
    indexing = state.percent and (state.percent .. "%%") or "…",
    embedding = state.percent and (state.percent .. "%%") or "…",
    live = "live",
    ["names-only"] = "names",
    ["built-in"] = "built-in model",
    detached = "live",
    behind = "behind",
    error = "error",
    stopped = "stopped",
  }
  return "conexus " .. short[state.name]
end

return M

--- Searching while the person types: the last text counts, the one before it is cancelled.
local config = require("conexus.config")
local items = require("conexus.items")
local server = require("conexus.server")

local M = {}

---@class conexus.Found
---@field items conexus.Item[]
---@field notice? string What must be known of the answer, above all of an empty one.
---@field more boolean

---@class conexus.SearchOptions
---@field mode? "auto"|"meaning"|"keyword"|"symbol"
---@field kinds? string[]
---@field languages? string[]
---@field include? string[]
---@field exclude? string[]
---@field tests? "any"|"only"|"exclude"
---@field limit? integer

--- Asks once.
---@param client vim.lsp.Client
---@param query string
---@param options conexus.SearchOptions
---@param buffer integer The buffer the person comes from: near code is preferred a little.
---@param done fun(failure?: string, found?: conexus.Found)
---@return fun() cancel
function M.once(client, query, options, buffer, done)
  local params = vim.tbl_extend("force", { limit = config.options.limit }, options or {}, { query = query })
  if vim.api.nvim_buf_is_valid(buffer) and vim.lsp.buf_is_attached(buffer, client.id) then
    params.activeDocument = vim.uri_from_bufnr(buffer)
  end
  return server.request(client, "conexus/search", params, function(failure, result)
    if failure then
      return done(failure)
    end
    done(nil, {
      items = items.of(result.hits, client.offset_encoding),
      notice = items.notices(result.notices),
      more = result.more,
    })
  end, buffer)
end

---@class conexus.Live
---@field ask fun(query: string, done: fun(failure?: string, found?: conexus.Found))
---@field cancel fun()

--- A search that follows typing. `done` is called for the last text only.
---@param client vim.lsp.Client
---@param options conexus.SearchOptions
---@param buffer integer
---@param debounce_ms? integer 0 where the picker waits itself.
---@return conexus.Live
function M.live(client, options, buffer, debounce_ms)
  local pause = debounce_ms or config.options.debounce_ms
  local turn = 0
  local cancel = function() end
  local timer = assert(vim.uv.new_timer())
  local live = {}

  function live.ask(query, done)
    turn = turn + 1
    local mine = turn
    cancel()
    timer:stop()
    if vim.trim(query) == "" then
      return done(nil, { items = {}, more = false })
    end
    local function send()
      if mine ~= turn then
        return
      end
      cancel = M.once(client, query, options, buffer, function(failure, found)
        if mine == turn then
          done(failure, found)
        end
      end)
    end
    if pause == 0 then
      return send()
    end
    timer:start(pause, 0, vim.schedule_wrap(send))
  end

  function live.cancel()
    turn = turn + 1
    timer:stop()
    cancel()
  end

  return live
end

return M

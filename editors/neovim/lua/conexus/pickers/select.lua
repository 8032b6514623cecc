--- Lists without any plugin: `vim.ui.input` for the question, `vim.ui.select` for the answer.
local items = require("conexus.items")
local search = require("conexus.search")
local server = require("conexus.server")

local M = {}

--- Rows that fit the screen: Neovim's own list has no pages.
local function room()
  return math.max(10, vim.o.lines - 5)
end

function M.list(title, rows)
  rows = vim.list_slice(rows, 1, room())
  vim.ui.select(rows, {
    prompt = title,
    kind = "conexus",
    format_item = function(item)
      local text = item.text ~= "" and ("  " .. item.text) or ""
      return vim.fn.strcharpart(items.label(item) .. text, 0, math.max(60, vim.o.columns - 8))
    end,
  }, function(item)
    if item then
      items.open(item)
    end
  end)
end

function M.search(request)
  local function ask(query)
    if not query or vim.trim(query) == "" then
      return
    end
    local options = vim.tbl_extend("keep", request.options, { limit = room() })
    search.once(request.client, query, options, request.buffer, function(failure, found)
      if failure or not found then
        return server.tell(failure or "no answer", vim.log.levels.ERROR)
      end
      if #found.items == 0 then
        return server.tell(found.notice or "nothing matches")
      end
      M.list(found.notice or ("Conexus: " .. query), found.items)
    end)
  end
  if request.query ~= "" then
    return ask(request.query)
  end
  vim.ui.input({ prompt = "Search by meaning: " }, ask)
end

return M

--- Lists without any plugin: `vim.ui.input` for the question, `vim.ui.select` for the answer.
local items = require("conexus.items")
local search = require("conexus.search")
local server = require("conexus.server")

local M = {}

function M.list(title, rows)
  vim.ui.select(rows, {
    prompt = title,
    kind = "conexus",
    format_item = function(item)
      local text = item.text ~= "" and ("  " .. item.text) or ""
      return items.label(item) .. text
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
    search.once(request.client, query, request.options, request.buffer, function(failure, found)
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

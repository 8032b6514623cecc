--- Lists in the picker of snacks.nvim, with its previews and actions.
local search = require("conexus.search")
local server = require("conexus.server")

local M = {}

---@param item conexus.Item
---@param index integer
local function entry_of(item, index)
  return {
    idx = index,
    score = 0,
    text = ("%s %s %s"):format(item.name, item.path, item.text),
    file = item.filename,
    pos = { item.lnum, item.col - 1 },
    conexus = item,
  }
end

local function format(entry)
  local item = entry.conexus
  local name = item.name ~= "" and item.name or vim.fs.basename(item.path)
  return {
    { ("%-10s "):format(item.kind), "SnacksPickerComment" },
    { ("%-32s "):format(name), "SnacksPickerLabel" },
    { ("%s:%d"):format(item.path, item.lnum), "SnacksPickerDir" },
  }
end

function M.list(title, rows)
  local entries = {}
  for index, item in ipairs(rows) do
    entries[index] = entry_of(item, index)
  end
  require("snacks.picker").pick({
    source = "conexus_list",
    title = title,
    items = entries,
    format = format,
    preview = "file",
  })
end

function M.search(request)
  local live = search.live(request.client, request.options, request.buffer, 0)
  require("snacks.picker").pick({
    source = "conexus",
    title = "Search by meaning",
    live = true,
    supports_live = true,
    show_empty = true,
    search = request.query,
    format = format,
    preview = "file",
    -- The server's order stays.
    sort = { fields = { "idx" } },
    matcher = { sort_empty = false },
    layout = { preset = "default" },
    on_close = live.cancel,
    finder = function(_, context)
      local query = context.filter.search
      return function(add)
        local running = require("snacks.picker.util.async").running()
        local answer
        -- The client is asked from the main loop, which a coroutine may not be in.
        vim.schedule(function()
          live.ask(query, function(failure, found)
            answer = { failure, found }
            running:resume()
          end)
        end)
        running:on("abort", vim.schedule_wrap(live.cancel))
        while not answer do
          running:suspend()
        end
        local failure, found = answer[1], answer[2]
        if failure then
          server.tell(failure, vim.log.levels.ERROR)
        elseif found then
          context.picker.title = found.notice or "Search by meaning"
          for index, item in ipairs(found.items) do
            add(entry_of(item, index))
          end
        end
      end
    end,
  })
end

return M

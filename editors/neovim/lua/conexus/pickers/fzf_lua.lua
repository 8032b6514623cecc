--- Lists in fzf-lua. A row begins with `path:line:column:`, which its previewer and its actions read.
local config = require("conexus.config")
local search = require("conexus.search")

local M = {}

---@param item conexus.Item
---@return string
local function row_of(item)
  local name = item.name ~= "" and item.name or item.text
  local kind = item.kind ~= "" and (item.kind .. " ") or ""
  -- A name from a repository must not steer fzf.
  local label = (kind .. name):gsub("%c", " ")
  return ("%s:%d:%d: %s"):format(vim.fn.fnamemodify(item.filename, ":."), item.lnum, item.col, label)
end

local function options_of(title, more)
  return vim.tbl_deep_extend("force", {
    prompt = "> ",
    winopts = { title = " " .. title .. " " },
    previewer = "builtin",
    actions = require("fzf-lua").defaults.actions.files,
    file_icons = false,
    path_shorten = false,
    -- The server's order stays.
    fzf_opts = { ["--no-sort"] = true, ["--delimiter"] = ":", ["--nth"] = "4.." },
  }, more or {})
end

function M.list(title, rows)
  require("fzf-lua").fzf_exec(vim.tbl_map(row_of, rows), options_of(title))
end

function M.search(request)
  local live = search.live(request.client, request.options, request.buffer, 0)
  require("fzf-lua").fzf_live(
    function(given)
      -- Older versions give the text, newer ones a list that begins with it.
      local query = type(given) == "table" and given[1] or given or ""
      return function(add)
        vim.schedule(function()
          live.ask(query, function(failure, found)
            -- The first line is fzf's header.
            add(((failure or (found and found.notice) or "Best first"):gsub("%c", " ")))
            for _, item in ipairs(found and found.items or {}) do
              add(row_of(item))
            end
            add(nil)
          end)
        end)
      end
    end,
    options_of("Search by meaning", {
      query = request.query,
      exec_empty_query = false,
      query_delay = config.options.debounce_ms,
      fzf_opts = { ["--header-lines"] = 1 },
    })
  )
end

return M

--- Lists in Telescope. Its finders run in coroutines of plenary, its sorter keeps the server's order.
local search = require("conexus.search")

local M = {}

---@param item conexus.Item
local function entry_of(item)
  local displayer = require("telescope.pickers.entry_display").create({
    separator = " ",
    items = { { width = 10 }, { width = 36 }, { remaining = true } },
  })
  local name = item.name ~= "" and item.name or vim.fs.basename(item.path)
  return {
    value = item,
    ordinal = ("%s %s %s"):format(item.name, item.path, item.text),
    filename = item.filename,
    lnum = item.lnum,
    col = item.col,
    lnend = item.end_lnum,
    text = item.text,
    display = function()
      return displayer({
        { item.kind, "TelescopeResultsComment" },
        { name, "TelescopeResultsIdentifier" },
        { ("%s:%d"):format(item.path, item.lnum), "TelescopeResultsComment" },
      })
    end,
  }
end

--- Telescope takes the column of an entry for the quickfix list, where it is from 1, and for the cursor, where it is
--- from 0. After opening an entry the cursor is set right.
local function set_cursor_after_opening()
  local state = require("telescope.actions.state")
  local entry
  require("telescope.actions.set").edit:enhance({
    pre = function()
      entry = state.get_selected_entry()
    end,
    post = function()
      if entry then
        pcall(vim.api.nvim_win_set_cursor, 0, { entry.lnum, entry.col - 1 })
      end
    end,
  })
end

function M.list(title, rows)
  local values = require("telescope.config").values
  require("telescope.pickers")
    .new({}, {
      prompt_title = title,
      finder = require("telescope.finders").new_table({ results = rows, entry_maker = entry_of }),
      sorter = values.generic_sorter({}),
      previewer = values.grep_previewer({}),
      attach_mappings = function()
        set_cursor_after_opening()
        return true
      end,
    })
    :find()
end

function M.search(request)
  local values = require("telescope.config").values
  local channel = require("plenary.async.control").channel
  local live = search.live(request.client, request.options, request.buffer, 0)
  local picker
  local release = function() end

  local function find(prompt)
    local send, receive = channel.oneshot()
    -- The coroutine of the text before waits no longer, and its rows are not shown: Telescope has gone on.
    release()
    release = function()
      release = function() end
      send(nil, nil)
    end
    local mine = release
    live.ask(prompt, function(failure, found)
      if release == mine then
        release = function() end
        send(failure, found)
      end
    end)
    local failure, found = receive()
    vim.schedule(function()
      if picker and picker.prompt_border and vim.api.nvim_buf_is_valid(picker.prompt_bufnr or -1) then
        picker.prompt_border:change_title(failure or (found and found.notice) or "Search by meaning")
      end
    end)
    return found and found.items or {}
  end

  picker = require("telescope.pickers").new({ debounce = require("conexus.config").options.debounce_ms }, {
    prompt_title = "Search by meaning",
    default_text = request.query,
    finder = require("telescope.finders").new_dynamic({ fn = find, entry_maker = entry_of }),
    sorter = require("telescope.sorters").empty(),
    previewer = values.grep_previewer({}),
    attach_mappings = function(prompt_buffer)
      set_cursor_after_opening()
      vim.api.nvim_create_autocmd("BufWipeout", {
        buffer = prompt_buffer,
        once = true,
        callback = live.cancel,
      })
      return true
    end,
  })
  picker:find()
end

return M

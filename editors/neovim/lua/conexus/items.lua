--- Answers of the server as rows that every picker and the quickfix list can show.
local M = {}

---@class conexus.Item
---@field filename string
---@field uri string
---@field lnum integer From 1.
---@field col integer From 1, in bytes.
---@field end_lnum integer Last line of the whole piece, from 1.
---@field path string For showing.
---@field name string
---@field container string
---@field kind string
---@field text string What to show beside the place: the line, or why it is related.

--- The text of a line of a file, from its buffer when it has one: the buffer may not be saved.
---@param filename string
---@param line integer From 0.
---@return string
local function line_of(filename, line)
  local buffer = vim.fn.bufnr(filename)
  if buffer ~= -1 and vim.api.nvim_buf_is_loaded(buffer) then
    return vim.api.nvim_buf_get_lines(buffer, line, line + 1, false)[1] or ""
  end
  local file = io.open(filename, "r")
  if not file then
    return ""
  end
  local text
  for _ = 0, line do
    text = file:read("*l")
    if not text then
      break
    end
  end
  file:close()
  return text or ""
end

--- The byte in a line of a column that counts in the negotiated encoding.
---@param text string
---@param character integer
---@param encoding string
---@return integer
local function byte_of(text, character, encoding)
  if encoding == "utf-8" or not text:find("[\128-\255]") then
    return math.min(character, #text)
  end
  local utf16 = encoding == "utf-16"
  if vim.fn.has("nvim-0.11") == 1 then
    return vim.str_byteindex(text, encoding, character, false)
  end
  local ok, byte = pcall(vim.str_byteindex, text, character, utf16) ---@diagnostic disable-line: param-type-mismatch
  return ok and byte or #text
end

---@param place table A hit or a relation.
---@param encoding string
---@return conexus.Item
local function item_of(place, encoding)
  local filename = vim.uri_to_fname(place.uri)
  local start = place.selectionRange.start
  local column = 0
  if start.character > 0 then
    column = byte_of(line_of(filename, start.line), start.character, encoding)
  end
  return {
    filename = filename,
    uri = place.uri,
    lnum = start.line + 1,
    col = column + 1,
    end_lnum = place.range["end"].line + 1,
    path = place.path,
    name = place.name,
    container = place.container or "",
    kind = place.kind or "",
    text = place.preview or place.reason or "",
  }
end

---@param places table[]
---@param encoding string
---@return conexus.Item[]
function M.of(places, encoding)
  return vim.tbl_map(function(place)
    return item_of(place, encoding)
  end, places)
end

--- The row of an item: what it is, where it is, and the line.
---@param item conexus.Item
---@return string
function M.label(item)
  local name = item.name ~= "" and item.name or vim.fs.basename(item.path)
  local kind = item.kind ~= "" and (item.kind .. " ") or ""
  -- The container of what stands at the top of a file may be its path, which is told anyway.
  local container = (item.container ~= "" and item.container ~= item.path) and (" in " .. item.container) or ""
  return ("%s%s%s  %s:%d"):format(kind, name, container, item.path, item.lnum)
end

--- The words of notices, in one sentence; nil when there are none.
---@param notices? table[]
---@return string?
function M.notices(notices)
  local words = vim.tbl_map(function(notice)
    return notice.message
  end, notices or {})
  return #words > 0 and table.concat(words, "; ") or nil
end

--- Goes to an item, so that CTRL-O and CTRL-T lead back.
---@param item conexus.Item
---@param command? string How to open it, such as "split".
function M.open(item, command)
  local from = { vim.api.nvim_get_current_buf(), vim.fn.line("."), vim.fn.col("."), 0 }
  local window = vim.api.nvim_get_current_win()
  vim.cmd("normal! m'")
  if command then
    vim.cmd(command)
  end
  local buffer = vim.fn.bufadd(item.filename)
  vim.bo[buffer].buflisted = true
  vim.api.nvim_win_set_buf(0, buffer)
  local lines = vim.api.nvim_buf_line_count(buffer)
  vim.api.nvim_win_set_cursor(0, { math.max(1, math.min(item.lnum, lines)), math.max(0, item.col - 1) })
  vim.cmd("normal! zvzz")
  if not command then
    vim.fn.settagstack(window, { items = { { tagname = item.name, from = from } } }, "t")
  end
end

return M

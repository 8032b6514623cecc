--- The commands of `:Conexus`.
local pickers = require("conexus.pickers")
local server = require("conexus.server")

local M = {}

--- How the relations are called, and what a list of them is called.
local relations = {
  similar = { "similar", "Code similar to %s" },
  callers = { "caller", "Callers of %s" },
  callees = { "callee", "What %s calls" },
  tests = { "test", "Likely tests of %s" },
  reuse = { "reuse", "Existing helpers like %s" },
}

--- The place of the cursor, as code actions name it.
---@param client vim.lsp.Client
local function cursor_place(client)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  return { uri = params.textDocument.uri, position = params.position }
end

---@param buffer integer
---@return vim.lsp.Client?
local function client_or_tell(buffer)
  local client, why = server.client(buffer)
  if not client then
    server.tell(why or "there is no server", vim.log.levels.WARN)
  end
  return client
end

--- Opens a list that follows typing.
---@param query? string
---@param options? conexus.SearchOptions
function M.search(query, options)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_or_tell(buffer)
  if client then
    local known = { "mode", "kinds", "languages", "include", "exclude", "tests", "limit" }
    local wanted = {}
    for _, name in ipairs(known) do
      wanted[name] = options and options[name]
    end
    pickers.get().search({ client = client, query = query or "", options = wanted, buffer = buffer })
  end
end

--- Shows what is related to the symbol at a place, by default under the cursor.
---@param name "similar"|"callers"|"callees"|"tests"|"reuse"|"context"
---@param place? { uri: string, position: table }
function M.related_at(name, place)
  local client = client_or_tell(vim.api.nvim_get_current_buf())
  if not client then
    return
  end
  place = place or cursor_place(client)
  local params = { textDocument = { uri = place.uri }, position = place.position }
  if name == "context" then
    return M.context_at(client, params)
  end
  local relation, heading = unpack(relations[name])
  params.relations = { relation }
  params.limit = require("conexus.config").options.limit
  server.request(client, "conexus/related", params, function(failure, result)
    if failure or not result then
      return server.tell(failure or "no answer", vim.log.levels.ERROR)
    end
    local items = require("conexus.items")
    local title = heading:format(result.target and result.target.name or "this place")
    local notice = items.notices(result.notices)
    if #result.relations == 0 then
      return server.tell(("%s: %s"):format(title, notice or "none found"))
    end
    pickers.get().list(
      notice and ("%s: %s"):format(title, notice) or title,
      items.of(result.relations, client.offset_encoding)
    )
  end)
end

--- Shows a context pack in a buffer of its own, and copies it.
function M.context_at(client, params)
  server.request(client, "conexus/context", params, function(failure, result)
    if failure or not result then
      return server.tell(failure or "no answer", vim.log.levels.ERROR)
    end
    if result.markdown == "" then
      local why = require("conexus.items").notices(result.notices)
      return server.tell(("there is no context here: %s"):format(why or "no symbol is at the cursor"))
    end
    local name = result.target and result.target.name or "this file"
    local buffer = vim.api.nvim_create_buf(true, true)
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(result.markdown, "\n"))
    pcall(vim.api.nvim_buf_set_name, buffer, ("conexus://context/%s-%d.md"):format(name:gsub("[^%w_]", "_"), buffer))
    vim.bo[buffer].filetype = "markdown"
    vim.bo[buffer].modified = false
    vim.cmd.split()
    vim.api.nvim_win_set_buf(0, buffer)
    local copied = vim.fn.has("clipboard") == 1 and "+" or '"'
    vim.fn.setreg(copied, result.markdown)
    server.tell(("context of %s, about %d tokens, is in register %s"):format(name, result.tokens, copied))
  end)
end

--- What `:Conexus status` says.
---@param buffer integer
---@param done fun(lines: string[])
function M.status_lines(buffer, done)
  local client, why = server.client(buffer)
  if not client then
    return done({ "conexus: " .. (why or "no server") })
  end
  server.request(client, "conexus/status", vim.empty_dict(), function(failure, status)
    if failure or not status then
      return done({ "conexus: " .. (failure or "no answer") })
    end
    local lines = { ("conexus %s, %d open documents"):format(status.version, status.documents) }
    for _, workspace in ipairs(status.workspaces) do
      local state = require("conexus.status").state(workspace)
      table.insert(
        lines,
        ("%s: %s, %d files, %d pieces"):format(
          vim.fn.fnamemodify(vim.uri_to_fname(workspace.workspace), ":~"),
          require("conexus.status").words(state),
          workspace.files,
          workspace.chunks
        )
      )
      -- Not a list of the values: it would end at the first that is missing.
      for _, name in ipairs({ "fault", "lexicalOnly", "builtinModel", "pollingReason" }) do
        if workspace[name] then
          table.insert(lines, "  " .. workspace[name])
        end
      end
    end
    if #status.workspaces == 0 then
      table.insert(lines, "no folder is open")
    end
    done(lines)
  end)
end

local function show_log()
  vim.cmd.tabedit(vim.fn.fnameescape(server.log_path()))
  vim.cmd("normal! G")
  vim.bo.readonly = true
end

---@type table<string, fun(words: string)>
local commands = {
  search = function(words)
    M.search(words)
  end,
  context = function()
    M.related_at("context")
  end,
  status = function()
    M.status_lines(0, function(lines)
      vim.api.nvim_echo({ { table.concat(lines, "\n") } }, true, {})
    end)
  end,
  restart = function()
    server.restart()
  end,
  log = show_log,
}
for name in pairs(relations) do
  commands[name] = function()
    M.related_at(name)
  end
end

---@return string[]
function M.names()
  local names = vim.tbl_keys(commands)
  table.sort(names)
  return names
end

function M.run(arguments)
  local name, words = arguments.args:match("^(%S+)%s*(.*)$")
  local command = commands[name or "search"]
  if not command then
    return server.tell(
      ("there is no command %s, one of: %s"):format(name, table.concat(M.names(), ", ")),
      vim.log.levels.ERROR
    )
  end
  command(words or "")
end

--- Names of commands; what is searched for is not completed.
function M.complete(lead, line)
  if line:match("^%s*[^%s]*%s+%S*$") then
    return vim.tbl_filter(function(name)
      return vim.startswith(name, lead)
    end, M.names())
  end
  return {}
end

return M

--- The server's life: where it is started, what happens when it is missing or ends by itself, and how it is asked.
---
--- The person sees at most one message about each of these, and never a row of them.
local config = require("conexus.config")

local M = {}

--- The version of these files. It is that of the program they come with.
M.version = "0.1.0"

--- Pauses before the server is started again. It is given up after the last one.
M.pauses_ms = { 500, 2000, 8000 }
--- A server that lived so long has not failed at its start.
M.settled_ms = 60 * 1000

---@class conexus.Workspace How one folder stands, as `conexus/statusChanged` tells it.
---@field workspace string
---@field activity string
---@field done? integer
---@field total? integer
---@field role string
---@field fault? string
---@field lexicalOnly? string
---@field builtinModel? string
---@field files integer

---@class conexus.Server What is known of the server of one root.
---@field failures integer In a row.
---@field given_up boolean
---@field waiting boolean Whether it will be started again.
---@field buffers integer[] To be attached again.
---@field fault? string

---@type table<string, conexus.Server> By root.
local servers = {}
---@type table<integer, table<string, conexus.Workspace>> By client and folder.
local workspaces = {}
---@type table<string, true> What was told in this session.
local told = {}

---@type table<integer, string> By client.
local versions = {}

local has_011 = vim.fn.has("nvim-0.11") == 1

--- Calls a method of a client; before 0.11 it was a function without `self`.
---@param client vim.lsp.Client
---@param name string
local function call(client, name, ...)
  if has_011 then
    return client[name](client, ...)
  end
  return client[name](...)
end

---@param root string
---@return conexus.Server
local function server_of(root)
  servers[root] = servers[root] or { failures = 0, given_up = false, waiting = false, buffers = {} }
  return servers[root]
end

---@param text string
---@param level? integer
function M.tell(text, level)
  vim.schedule(function()
    vim.notify("conexus: " .. text, level or vim.log.levels.INFO)
  end)
end

---@param text string
---@param level integer
local function tell_once(text, level)
  if not told[text] then
    told[text] = true
    M.tell(text, level)
  end
end

--- What a server has to say about something wrong is told once for all of them: each workspace has its own server, and
--- one disk that is full is the trouble of all. Their index folders, such as `shop-9c1d69b55c9560b0`, do not count.
local function on_message(failure, message, context)
  if message.type <= vim.lsp.protocol.MessageType.Warning then
    local trouble = message.message:gsub("[^/\\]+%-" .. ("%x"):rep(16), "")
    if told[trouble] then
      return
    end
    told[trouble] = true
  end
  return vim.lsp.handlers["window/showMessage"](failure, message, context)
end

--- The program's path, or nil when there is none.
---@return string?
function M.program()
  local path = vim.fn.exepath(vim.fn.expand(config.options.cmd[1]))
  return path ~= "" and path or nil
end

function M.missing_message()
  return ("%s is not there: install it, or name it in the option `cmd`; :checkhealth conexus says more"):format(
    config.options.cmd[1]
  )
end

--- The workspace of a buffer, or of the current folder when the buffer has no file.
---@param buffer integer
---@return string?
function M.root_of(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  local from = name ~= "" and vim.bo[buffer].buftype == "" and name or vim.fn.getcwd()
  -- A name like oil://… is no path.
  if from:find("^%a[%w+.-]+://") then
    return nil
  end
  return vim.fs.root(from, config.options.root_markers)
end

--- The last thing that the server said on stderr, from the log of the language client.
---@param from integer The size of the log when the server started.
---@return string?
local function last_words(from)
  local file = io.open(M.log_path(), "r")
  if not file then
    return nil
  end
  local size = file:seek("end")
  file:seek("set", math.max(0, math.min(from, size), size - 16384))
  local words
  for line in file:lines() do
    local said = line:match('"stderr"%s+"(.*)"%s*$')
    if said and line:find("conexus", 1, true) then
      words = said
    end
  end
  file:close()
  words = words and words:gsub("\\n.*$", ""):gsub("\\(.)", "%1"):gsub("^conexus: ", "")
  return words ~= "" and words or nil
end

---@return string
function M.log_path()
  return require("vim.lsp.log").get_filename()
end

local start

--- How long after the end of a program its last words are in the log.
local WORDS_MS = 100

--- The server of a root ended without having been asked to. Called at once, so that no other is started beside it.
---@param root string
---@param lived_ms number
---@param how string
---@param log_from integer Where its words begin in the log.
local function on_failure(root, lived_ms, how, log_from)
  local server = server_of(root)
  if server.waiting or server.given_up then
    return
  end
  server.failures = lived_ms >= M.settled_ms and 1 or server.failures + 1
  local pause = M.pauses_ms[server.failures]
  if pause then
    server.waiting = true
    vim.defer_fn(function()
      server.waiting = false
      local buffers = vim.tbl_filter(vim.api.nvim_buf_is_valid, server.buffers)
      if not server.given_up then
        start(root, buffers)
      end
    end, pause)
    return
  end
  server.given_up = true
  server.fault = how
  vim.defer_fn(function()
    local words = last_words(log_from)
    server.fault = words and ("%s: %s"):format(how, words) or how
    -- Of two workspaces with the same trouble it is told once.
    tell_once(
      ("the server ended %d times (%s); :Conexus log shows why, :Conexus restart tries again"):format(
        server.failures,
        server.fault
      ),
      vim.log.levels.ERROR
    )
  end, WORDS_MS)
end

--- Starts the program and watches over it. Neovim's own message about its end would come each time, so it does not
--- learn how the program ended.
---@param dispatchers table
---@param root string
local function spawn(dispatchers, root)
  local command = vim.deepcopy(config.options.cmd)
  command[1] = M.program() or command[1]
  local began = vim.uv.now()
  local log = vim.uv.fs_stat(M.log_path())
  local log_from = log and log.size or 0
  local asked_to_end = false
  local watched = vim.tbl_extend("force", dispatchers, {
    on_exit = function(code, signal)
      if not asked_to_end and (code ~= 0 or signal ~= 0) then
        local how = signal ~= 0 and ("signal " .. signal) or ("exit code " .. code)
        on_failure(root, vim.uv.now() - began, how, log_from)
      end
      dispatchers.on_exit(0, 0)
    end,
  })
  local rpc = vim.lsp.rpc.start(command, watched, { cwd = root })
  if not rpc then
    error("conexus cannot be started", 0)
  end
  local request, terminate = rpc.request, rpc.terminate
  return vim.tbl_extend("force", rpc, {
    request = function(method, ...)
      asked_to_end = asked_to_end or method == "shutdown"
      return request(method, ...)
    end,
    terminate = function()
      asked_to_end = true
      return terminate()
    end,
  })
end

---@param client vim.lsp.Client
---@param version? string
local function on_version(client, version)
  local own = vim.version.parse(M.version)
  local its = vim.version.parse(version or "")
  if own and its and (own.major ~= its.major or own.minor ~= its.minor) then
    tell_once(
      ("the server is version %s and this plugin %s: :checkhealth conexus says how to bring them together"):format(
        version,
        M.version
      ),
      vim.log.levels.WARN
    )
  end
  versions[client.id] = version
end

local function on_init(client)
  M.request(client, "conexus/status", vim.empty_dict(), function(failure, status)
    if failure then
      return tell_once(
        "the server does not say how it stands, it may be too old: :checkhealth conexus says more",
        vim.log.levels.WARN
      )
    end
    on_version(client, status.version)
    workspaces[client.id] = workspaces[client.id] or {}
    for _, workspace in ipairs(status.workspaces or {}) do
      workspaces[client.id][workspace.workspace] = workspace
    end
    M.status_changed()
  end)
end

--- Lets status lines be drawn again.
function M.status_changed()
  vim.schedule(function()
    vim.api.nvim_exec_autocmds("User", { pattern = "ConexusStatus", modeline = false })
    vim.cmd.redrawstatus({ bang = true })
  end)
end

local function show_of(name)
  return function(command)
    require("conexus.commands").related_at(name, command.arguments and command.arguments[1])
  end
end

--- What both ways of starting share.
local function common()
  local options = config.options
  return {
    name = "conexus",
    capabilities = vim.tbl_deep_extend("force", vim.lsp.protocol.make_client_capabilities(), {
      experimental = { conexus = { statusChanged = true, presentsResults = true } },
    }),
    init_options = next(options.settings) and options.settings or nil,
    settings = { conexus = next(options.settings) and options.settings or vim.empty_dict() },
    handlers = {
      ["conexus/statusChanged"] = function(_, status, context)
        workspaces[context.client_id] = workspaces[context.client_id] or {}
        workspaces[context.client_id][status.workspace] = status
        M.status_changed()
      end,
      ["window/showMessage"] = on_message,
    },
    commands = {
      ["conexus.showSimilar"] = show_of("similar"),
      ["conexus.showCallers"] = show_of("callers"),
      ["conexus.showCallees"] = show_of("callees"),
      ["conexus.showTests"] = show_of("tests"),
      ["conexus.showReuse"] = show_of("reuse"),
      ["conexus.showContext"] = show_of("context"),
    },
    on_init = on_init,
    on_exit = function(_, _, id)
      workspaces[id] = nil
      M.status_changed()
    end,
  }
end

--- For `vim.lsp.enable`; the folder is told from 0.12 on.
---@param dispatchers table
---@param used? vim.lsp.ClientConfig
local function spawn_used(dispatchers, used)
  return spawn(dispatchers, used and used.root_dir or vim.fn.getcwd())
end

--- What a server is started with: ours, and what the person has set beside it by `vim.lsp.config`. The first start by
--- `vim.lsp.enable` has the same.
local function resolved()
  return has_011 and vim.lsp.config.conexus or common()
end

--- A person's own `cmd` in `vim.lsp.config`, which Neovim runs as it is.
local function own_command()
  local cmd = resolved().cmd
  return cmd ~= spawn_used and cmd or nil
end

--- Whether a server may be started now; tells why not where the person must know.
---@param root? string
---@return boolean
local function may_start(root)
  if not root then
    return false
  end
  local server = server_of(root)
  if server.given_up or server.waiting then
    return false
  end
  if not own_command() and not M.program() then
    tell_once(M.missing_message(), vim.log.levels.WARN)
    return false
  end
  return true
end

--- A buffer that belongs to a server that is down for a moment gets it when it is back.
local function remember(root, buffer)
  local server = server_of(root)
  if not vim.list_contains(server.buffers, buffer) then
    table.insert(server.buffers, buffer)
  end
end

--- For `vim.lsp.enable`, Neovim 0.11 and later.
function M.config()
  return vim.tbl_extend("force", common(), {
    cmd = spawn_used,
    root_dir = function(buffer, on_root)
      local root = M.root_of(buffer)
      if root and vim.api.nvim_buf_get_name(buffer) ~= "" then
        remember(root, buffer)
        if may_start(root) then
          on_root(root)
        end
      end
    end,
  })
end

--- Starts or reuses the server of a root and attaches buffers.
---@param root string
---@param buffers integer[]
---@return vim.lsp.Client?
function start(root, buffers)
  if not may_start(root) then
    return nil
  end
  local settings = vim.tbl_extend("force", resolved(), {
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fs.basename(root) } },
    cmd = own_command() or function(dispatchers)
      return spawn(dispatchers, root)
    end,
  })
  local client = M.client_of_root(root)
  local id = client and client.id
  if not id then
    local failure
    if has_011 then
      id = vim.lsp.start(settings, { attach = false })
    else
      id, failure = vim.lsp.start_client(settings) ---@diagnostic disable-line: deprecated
    end
    if not id then
      tell_once(("the server cannot be started: %s"):format(failure or "see :Conexus log"), vim.log.levels.ERROR)
      server_of(root).given_up = true
      return nil
    end
  end
  for _, buffer in ipairs(buffers) do
    remember(root, buffer)
    if vim.api.nvim_buf_is_loaded(buffer) then
      vim.lsp.buf_attach_client(buffer, id)
    end
  end
  return vim.lsp.get_client_by_id(id)
end

---@param buffer integer
function M.attach(buffer)
  if vim.bo[buffer].buftype ~= "" or vim.api.nvim_buf_get_name(buffer) == "" then
    return
  end
  local root = M.root_of(buffer)
  if root then
    remember(root, buffer)
    start(root, { buffer })
  end
end

---@param root string
---@return vim.lsp.Client?
function M.client_of_root(root)
  for _, client in ipairs(vim.lsp.get_clients({ name = "conexus" })) do
    if client.config.root_dir == root and not call(client, "is_stopped") then
      return client
    end
  end
end

--- The server to ask from a buffer. Started when it is not running, so that a search works before a file is open.
---@param buffer integer
---@return vim.lsp.Client? client, string? why
function M.client(buffer)
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = buffer })[1]
  if client then
    return client
  end
  local root = M.root_of(buffer)
  if root then
    local server = server_of(root)
    client = start(root, {})
    if client then
      return client
    elseif not M.program() then
      return nil, M.missing_message()
    elseif server.given_up then
      return nil, ("the server ended (%s); :Conexus restart tries again"):format(server.fault or "see :Conexus log")
    elseif server.waiting then
      return nil, "the server ended and is being started again"
    end
  end
  client = vim.lsp.get_clients({ name = "conexus" })[1]
  if client then
    return client
  end
  return nil, "there is no workspace here: it begins where .git or conexus.toml is"
end

--- Sends a request once the server is ready for it, behind what was typed in a buffer: Neovim holds changes back for
--- 150 ms, and a shorter time would be a shorter one for the other servers of the buffer too.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param done fun(failure?: string, result?: table)
---@param buffer? integer The buffer that the person was in; by default the current one.
---@return fun() cancel
function M.request(client, method, params, done, buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local id
  local cancelled = false
  local function answered(failure, result)
    if cancelled then
      return
    end
    if failure then
      local text = failure.code == -32601 and ("this server knows no %s, it is too old"):format(method)
        or failure.message
        or vim.inspect(failure)
      return done(text)
    end
    done(nil, result)
  end
  local function send(tries)
    if cancelled then
      return
    end
    if call(client, "is_stopped") then
      return done("the server has ended")
    end
    -- Until the answer to `initialize` nothing may be sent.
    if not client.initialized then
      if tries > 200 then
        return done("the server does not answer")
      end
      return vim.defer_fn(function()
        send(tries + 1)
      end, 50)
    end
    local sent
    sent, id = call(client, "request", method, params, answered, vim.api.nvim_buf_is_valid(buffer) and buffer or 0)
    if not sent then
      done("the server has ended")
    end
  end
  send(0)
  return function()
    if not cancelled then
      cancelled = true
      if id and not call(client, "is_stopped") then
        call(client, "cancel_request", id)
      end
    end
  end
end

--- Ends the servers and starts them anew, whatever happened before.
function M.restart()
  local buffers = {} ---@type table<string, integer[]>
  for root, server in pairs(servers) do
    buffers[root] = vim.tbl_filter(vim.api.nvim_buf_is_valid, server.buffers)
  end
  local here = M.root_of(0)
  if here then
    buffers[here] = buffers[here] or {}
  end
  local clients = vim.lsp.get_clients({ name = "conexus" })
  for _, client in ipairs(clients) do
    buffers[client.config.root_dir] = buffers[client.config.root_dir] or {}
    vim.list_extend(buffers[client.config.root_dir], vim.tbl_keys(client.attached_buffers))
  end
  for _, client in ipairs(clients) do
    call(client, "stop")
  end
  servers, told = {}, {}
  vim.wait(3000, function()
    return vim.iter(clients):all(function(client)
      return call(client, "is_stopped")
    end)
  end, 20)
  for root, wanted in pairs(buffers) do
    start(root, wanted)
  end
  M.status_changed()
end

--- How the workspaces of a client stand, ordered by their URIs.
---@param client vim.lsp.Client
---@return conexus.Workspace[]
function M.workspaces(client)
  local list = vim.tbl_values(workspaces[client.id] or {})
  table.sort(list, function(left, right)
    return left.workspace < right.workspace
  end)
  return list
end

--- The version that a client's server has said.
---@param client vim.lsp.Client
---@return string?
function M.version_of(client)
  return versions[client.id]
end

--- What is wrong with the server of a buffer that has none.
---@param buffer integer
---@return conexus.Server?
function M.failed(buffer)
  local root = M.root_of(buffer)
  return root and servers[root] or nil
end

return M

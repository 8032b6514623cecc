--- A language server that says what a test wants: `nvim -l fake_server.lua MODE`. It knows `initialize`, `shutdown`,
--- `exit`, and `conexus/status` unless MODE is "old"; "full" tells of a disk that is full, "slow" answers no search and
--- tells what was cancelled, "partial" finds one place and says that the index is being built.
local mode = _G.arg[1]
local input, output = io.stdin, io.stdout

local function send(message)
  message.jsonrpc = "2.0"
  local body = vim.json.encode(message)
  output:write(("Content-Length: %d\r\n\r\n%s"):format(#body, body))
  output:flush()
end

local function read()
  local length
  while true do
    local line = input:read("*l")
    if not line then
      return nil
    end
    line = line:gsub("\r$", "")
    if line == "" then
      return vim.json.decode(input:read(length))
    end
    length = tonumber(line:match("^Content%-Length: (%d+)")) or length
  end
end

local function workspace(activity, more)
  return vim.tbl_extend("force", {
    workspace = vim.uri_from_fname(vim.fn.getcwd()),
    activity = activity,
    role = "owner",
    watching = "events",
    generation = 1,
    files = 10,
    chunks = 20,
    buffers = 0,
  }, more or {})
end

local function partial()
  local name = { start = { line = 0, character = 3 }, ["end"] = { line = 0, character = 15 } }
  local place = {
    uri = vim.uri_from_fname(vim.fn.getcwd() .. "/plan.lua"),
    path = "plan.lua",
    range = { start = { line = 0, character = 0 }, ["end"] = { line = 1, character = 0 } },
    selectionRange = name,
    name = "open_kitchen",
    container = "",
    kind = "function",
  }
  return {
    target = { name = "brew_espresso" },
    hits = { place },
    relations = { place },
    more = false,
    notices = { { kind = "indexing", message = "still indexing: 3 of 10 files" } },
  }
end

local asked = {}
for message in read do
  if message.method == "initialize" then
    send({ id = message.id, result = { capabilities = vim.empty_dict(), serverInfo = { name = "conexus" } } })
  elseif message.method == "initialized" and mode == "full" then
    local text = ("no space left for /cache/%s-0123456789abcdef/catalog"):format(vim.fs.basename(vim.fn.getcwd()))
    send({ method = "window/showMessage", params = { type = 1, message = text } })
  elseif mode == "partial" and vim.list_contains({ "conexus/search", "conexus/related" }, message.method) then
    send({ id = message.id, result = partial() })
  elseif message.method == "conexus/search" and mode == "slow" then
    asked[message.id] = message.params.query
  elseif message.method == "$/cancelRequest" and mode == "slow" then
    local text = "cancelled " .. asked[message.params.id]
    send({ method = "window/showMessage", params = { type = 1, message = text } })
  elseif message.method == "shutdown" then
    send({ id = message.id, result = vim.NIL })
  elseif message.method == "exit" then
    os.exit(0)
  elseif message.method == "conexus/status" and mode ~= "old" then
    local version = mode == "newer" and "9.9.9" or "0.1.0"
    send({ id = message.id, result = { version = version, workspaces = { workspace("walking") }, documents = 1 } })
    if mode == "indexing" then
      local status = workspace("indexing", { done = 630, total = 1000 })
      send({ method = "conexus/statusChanged", params = status })
    elseif mode == "behind" then
      send({ method = "conexus/statusChanged", params = workspace("detached", { role = "follower" }) })
    end
  elseif message.id and message.method then
    send({ id = message.id, error = { code = -32601, message = "method not found" } })
  end
end

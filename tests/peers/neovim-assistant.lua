-- A real Neovim whose user lets assistants propose edits: one that is proposed over MCP is made in the open buffer and
-- undone with `u`; one that is meant for another text is refused.
--
-- CONEXUS is the program, the current folder the repository. Run it with `tests/peers/run`:
-- nvim --headless -u NONE -i NONE -l neovim-assistant.lua

local deadline_ms = 120 * 1000
local file = "server/core/src/lib.rs"
local checks = 0

local function check(condition, what)
  checks = checks + 1
  if not condition then error(what, 2) end
end

local function wait_for(what, condition)
  check(vim.wait(deadline_ms, condition, 20), "waited in vain for " .. what)
end

local settings = assert(vim.env.XDG_CONFIG_HOME, "XDG_CONFIG_HOME is not set") .. "/conexus"
vim.fn.mkdir(settings, "p")
vim.fn.writefile({ "[editor]", "assistants = true" }, settings .. "/conexus.toml")

local exit
local client_id = vim.lsp.start({
  name = "conexus",
  cmd = { assert(vim.env.CONEXUS, "CONEXUS names no program"), "lsp" },
  root_dir = vim.fn.getcwd(),
  on_exit = function(code, signal) exit = { code, signal } end,
})
local client = assert(client_id and vim.lsp.get_client_by_id(client_id), "the server did not start")
wait_for("the answer to initialize", function() return client.initialized end)
vim.api.nvim_create_autocmd("BufReadPost", {
  callback = function(event) vim.lsp.buf_attach_client(event.buf, client_id) end,
})
vim.cmd.edit(file)
local buffer = vim.api.nvim_get_current_buf()
local function lines() return vim.api.nvim_buf_get_lines(buffer, 0, -1, true) end
local on_disk = vim.fn.readfile(file)

-- The assistant: `conexus mcp` beside the editor.
local answers, partial = {}, ""
local assistant = vim.fn.jobstart({ vim.env.CONEXUS, "mcp" }, {
  on_stdout = function(_, pieces)
    pieces[1] = partial .. pieces[1]
    partial = table.remove(pieces)
    for _, line in ipairs(pieces) do
      local message = vim.json.decode(line)
      if message.id then answers[message.id] = message end
    end
  end,
})
check(assistant > 0, "the assistant did not start")
local asked = 0
local function send(message) vim.fn.chansend(assistant, vim.json.encode(message) .. "\n") end
local function ask(method, params)
  asked = asked + 1
  local id = asked
  send({ jsonrpc = "2.0", id = id, method = method, params = params })
  -- The editor goes on meanwhile, as it must: it is asked for the edit.
  wait_for("an answer to " .. method, function() return answers[id] ~= nil end)
  return assert(answers[id].result, vim.inspect(answers[id]))
end
local function tool(name, arguments) return ask("tools/call", { name = name, arguments = arguments }) end

ask("initialize", {
  protocolVersion = "2025-11-25",
  capabilities = vim.empty_dict(),
  clientInfo = { name = "test", version = "1" },
})
send({ jsonrpc = "2.0", method = "notifications/initialized" })

local function read()
  local version
  wait_for("the text with its version", function()
    version = (tool("context_read", { file_path = file, start_line = 1, end_line = 1 }).structuredContent or {}).version
    return version ~= nil
  end)
  return version
end
local function replace(version, text)
  return tool("context_editor", {
    action = "replace",
    file_path = file,
    start_line = 1,
    end_line = 1,
    text = text,
    version = version,
  })
end

local version = read()
local answer = replace(version, "//! Proposed by an assistant 😀.\n//! In two lines.")
check(not answer.isError, "the edit was refused: " .. vim.inspect(answer))
check(lines()[1] == "//! Proposed by an assistant 😀.", "the edit was not made: " .. lines()[1])
check(lines()[2] == "//! In two lines." and lines()[3] == on_disk[2], "the edit was made elsewhere")
check(#lines() == #on_disk + 1, "the edit left lines behind")
check(vim.bo[buffer].modified, "the buffer is not modified")
check(vim.deep_equal(vim.fn.readfile(file), on_disk), "the edit was saved")

-- One `u` takes all of it back.
vim.api.nvim_set_current_buf(buffer)
vim.cmd.normal({ "u", bang = true })
check(vim.deep_equal(lines(), on_disk), "u did not undo the edit")

-- The same edit fits again; what was read before somebody typed does not.
wait_for("the text as it was", function() return read() == version end)
vim.api.nvim_buf_set_lines(buffer, 0, 0, true, { "// typed meanwhile" })
wait_for("what was typed", function() return read() ~= version end)
answer = replace(version, "//! For another text.")
check(answer.isError and answer.content[1].text:find("read it again", 1, true), "not refused: " .. vim.inspect(answer))
check(lines()[1] == "// typed meanwhile" and lines()[2] == on_disk[1], "what was typed has changed")
check(not replace(read(), "//! For this text.").isError, "refused after it was read again")
check(lines()[1] == "//! For this text." and lines()[2] == on_disk[1], "the edit was made elsewhere")

vim.fn.jobstop(assistant)
vim.cmd.bwipeout({ buffer, bang = true })
vim.lsp.stop_client(client_id)
wait_for("the end of the server", function() return exit ~= nil end)
check(exit[1] == 0 and exit[2] == 0, "the server ended with code and signal " .. vim.inspect(exit))
io.stderr:write(("neovim, an assistant's edit: %d checks passed\n"):format(checks))

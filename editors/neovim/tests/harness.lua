--- What the tests of the plugin share: checks with a deadline, and what the person was shown.
local M = { checks = 0, shown = {}, deadline_ms = 60 * 1000 }

vim.notify = function(message, level)
  table.insert(M.shown, { message, level or vim.log.levels.INFO })
end

---@param condition any
---@param what string
function M.check(condition, what)
  M.checks = M.checks + 1
  if not condition then
    error(("%s\nshown: %s\nerrmsg: %s"):format(what, vim.inspect(M.shown), vim.v.errmsg), 2)
  end
  return condition
end

function M.equal(found, expected, what)
  M.check(vim.deep_equal(found, expected), ("%s: %s is not %s"):format(what, vim.inspect(found), vim.inspect(expected)))
end

---@param what string
---@param condition fun(): any
function M.wait_for(what, condition)
  local value
  local met = vim.wait(M.deadline_ms, function()
    value = condition()
    return value ~= nil and value ~= false
  end, 10)
  M.check(met, "waited in vain for " .. what)
  return value
end

--- The messages since the last call, as texts.
function M.take_shown()
  local texts = vim.tbl_map(function(entry)
    return entry[1]
  end, M.shown)
  M.shown = {}
  return texts
end

--- The folder of the plugin, on the runtime path as a plugin manager puts it there.
M.plugin = vim.fs.dirname(vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2))))
vim.opt.runtimepath:prepend(M.plugin)
vim.cmd.runtime("plugin/conexus.lua")

function M.program()
  return assert(vim.env.CONEXUS, "CONEXUS names no program")
end

--- The command of a server that is played, see fake_server.lua.
function M.fake(mode)
  local nvim = vim.fn.exepath("nvim")
  local program = nvim ~= "" and nvim or vim.v.progpath
  return { program, "-u", "NONE", "-i", "NONE", "-l", M.plugin .. "/tests/fake_server.lua", mode }
end

--- Ends Neovim with what was checked.
function M.finish(name)
  for _, client in ipairs(vim.lsp.get_clients()) do
    local stop = vim.fn.has("nvim-0.11") == 1 and client.stop or function(self)
      self.stop()
    end
    stop(client)
  end
  M.wait_for("the end of the servers", function()
    return #vim.lsp.get_clients() == 0
  end)
  io.stderr:write(("%s: %d checks passed on %s\n"):format(name, M.checks, tostring(vim.version())))
end

return M

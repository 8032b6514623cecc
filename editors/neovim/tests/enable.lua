--- Neovim 0.11 and later: `vim.lsp.enable("conexus")` and the program in the path are all that is needed. The current
--- folder is a copy of this repository, CONEXUS the program.
---
--- nvim --headless -u NONE -i NONE -l editors/neovim/tests/enable.lua
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2)))
local harness = dofile(here .. "/harness.lua")
local check, equal, wait_for = harness.check, harness.equal, harness.wait_for

local path = vim.fn.tempname()
vim.fn.mkdir(path)
assert(vim.uv.fs_symlink(harness.program(), path .. "/conexus"))
vim.env.PATH = path .. ":" .. vim.env.PATH
local rows
vim.ui.select = function(items, options)
  rows = vim.tbl_map(options.format_item, items)
end

-- What the person has set, for this server and for all.
local attached = 0
vim.lsp.config("conexus", { settings = { conexus = { symbols = "off" } }, init_options = { symbols = "off" } })
vim.lsp.config("*", {
  on_attach = function()
    attached = attached + 1
  end,
})
vim.lsp.enable("conexus")
local conexus = require("conexus")
vim.cmd.edit("server/core/src/lib.rs")
vim.bo.filetype = "rust"
wait_for("the live state", function()
  return conexus.status() == "conexus live"
end)
local clients = vim.lsp.get_clients({ name = "conexus" })
equal(#clients, 1, "servers")
equal(clients[1].config.root_dir, vim.fn.getcwd(), "the workspace")
vim.cmd.normal({ "Gofn brew_espresso() { /* Warms up the coffee machine. */ }", bang = true })
vim.cmd("Conexus search warm up the coffee machine in the morning")
wait_for("rows", function()
  return rows
end)
check(rows[1]:find("brew_espresso", 1, true), vim.inspect(rows))

-- It counts for each server that follows the first one.
local function keeps_settings(time)
  local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
  equal(client.config.settings, { conexus = { symbols = "off" } }, "the settings " .. time)
  local answer = client:request_sync("workspace/symbol", { query = "brew_espresso" }, harness.deadline_ms, 0)
  equal(answer and answer.result, {}, "symbols that are switched off " .. time)
  return client
end
local last = keeps_settings("at the beginning")
equal(attached, 1, "calls of on_attach at the beginning")
for time, replace in pairs({
  ["after a restart"] = function()
    vim.cmd("Conexus restart")
  end,
  ["after a crash"] = function()
    for _, pid in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
      vim.uv.kill(pid, "sigkill")
    end
  end,
}) do
  attached = 0
  replace()
  wait_for("another server " .. time, function()
    local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
    return client and client.id ~= last.id and conexus.status() == "conexus live"
  end)
  equal(attached, 1, "calls of on_attach " .. time)
  last = keeps_settings(time)
end

-- A command of the person's own is run as it is, whatever is in the path.
vim.fn.delete(path .. "/conexus")
vim.lsp.config("conexus", { cmd = { harness.program(), "lsp" } })
local kitchen = vim.fn.tempname()
vim.fn.mkdir(kitchen .. "/.git", "p")
vim.fn.writefile({ "return 1" }, kitchen .. "/plan.lua")
vim.cmd("hide edit " .. kitchen .. "/plan.lua")
vim.bo.filetype = "lua"
last = nil
for _, time in ipairs({ "at the beginning", "after a restart" }) do
  local client = wait_for("the server of the person's own command " .. time, function()
    local client = vim.lsp.get_clients({ name = "conexus", bufnr = 0 })[1]
    return client and client.id ~= last and conexus.status() == "conexus live" and client
  end)
  equal(client.config.cmd, { harness.program(), "lsp" }, "the command " .. time)
  last = client.id
  if time == "at the beginning" then
    vim.cmd("Conexus restart")
  end
end
equal(harness.take_shown(), {}, "messages")
vim.cmd("%bwipeout!")
harness.finish("vim.lsp.enable alone")
vim.fn.delete(path, "rf")
vim.fn.delete(kitchen, "rf")

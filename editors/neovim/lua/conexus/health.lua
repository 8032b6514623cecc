--- `:checkhealth conexus`: what is there, what is missing, and what to do about it.
local config = require("conexus.config")
local pickers = require("conexus.pickers")
local server = require("conexus.server")

local M = {}

local function check_program()
  local program = server.program()
  if not program then
    vim.health.error(("%s is not there"):format(config.options.cmd[1]), {
      "install it: cargo install --path . in a copy of Conexus",
      "or name it: require('conexus').setup({ cmd = { '/path/to/conexus', 'lsp' } })",
    })
    return
  end
  local ran, result = pcall(function()
    return vim.system({ program, "--version" }, { text = true }):wait(5000)
  end)
  local version = ran and result.code == 0 and (result.stdout or ""):match("(%d+%.%d+%.%d+%S*)")
  if not version then
    vim.health.error(("%s --version does not answer"):format(program), { "install it anew" })
    return
  end
  vim.health.ok(("%s, version %s"):format(program, version))
  local own, its = vim.version.parse(server.version), vim.version.parse(version)
  if own and its and (own.major ~= its.major or own.minor ~= its.minor) then
    vim.health.warn(("this plugin is of version %s"):format(server.version), {
      "conexus setup neovim writes the plugin that belongs to the program",
    })
  end
end

local function check_session()
  local clients = vim.lsp.get_clients({ name = "conexus" })
  if #clients == 0 then
    vim.health.info("no server is running: it starts with the first file of a workspace")
    local failed = server.failed(vim.api.nvim_get_current_buf())
    if failed and failed.given_up then
      vim.health.error(("the server ended (%s)"):format(failed.fault or "see the log"), {
        ":Conexus log shows why",
        ":Conexus restart tries again",
      })
    end
  end
  for _, client in ipairs(clients) do
    local attached = vim.tbl_count(client.attached_buffers)
    vim.health.ok(("a server runs in %s, for %d buffers"):format(client.config.root_dir or "no folder", attached))
    for _, workspace in ipairs(server.workspaces(client)) do
      local status = require("conexus.status")
      local state = status.state(workspace)
      local text = ("%s: %s"):format(vim.uri_to_fname(workspace.workspace), status.words(state))
      if state.name == "error" then
        vim.health.error(text, state.why)
      elseif vim.list_contains({ "names-only", "built-in", "behind" }, state.name) then
        vim.health.warn(text, state.why)
      else
        vim.health.info(text)
      end
      if workspace.pollingReason then
        vim.health.info("files are looked at again and again: " .. workspace.pollingReason)
      end
    end
  end
end

local function check_pickers()
  local wanted, used = config.options.picker, pickers.name()
  if wanted ~= "auto" and wanted ~= used then
    vim.health.warn(("the picker %s is not there, vim.ui.select is used"):format(wanted))
  elseif used == "select" then
    vim.health.info("lists are shown by vim.ui.select; with snacks.picker, Telescope or fzf-lua they follow typing")
  else
    vim.health.ok(("lists are shown by %s"):format(used))
  end
end

function M.check()
  vim.health.start("conexus: program")
  check_program()
  vim.health.start("conexus: session")
  check_session()
  vim.health.info("log: " .. server.log_path())
  vim.health.start("conexus: lists")
  check_pickers()
end

return M

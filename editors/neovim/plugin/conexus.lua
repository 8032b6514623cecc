-- The command `:Conexus`. Nothing else is loaded until it is used or a file is opened.
if vim.g.loaded_conexus then
  return
end
vim.g.loaded_conexus = true

if vim.fn.has("nvim-0.10") == 0 then
  vim.api.nvim_create_user_command("Conexus", function()
    vim.notify("conexus: Neovim 0.10 or later is needed", vim.log.levels.ERROR)
  end, { nargs = "*" })
  return
end

vim.api.nvim_create_user_command("Conexus", function(arguments)
  require("conexus.commands").run(arguments)
end, {
  nargs = "*",
  desc = "Search code by meaning, and ask about the symbol under the cursor",
  complete = function(...)
    return require("conexus.commands").complete(...)
  end,
})

-- Configuration for `vim.lsp.enable("conexus")`, Neovim 0.11 and later.
return require("conexus.server").config()

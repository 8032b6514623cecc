-- What Neovim gives to Lua.
std = "luajit"
globals = { "vim" }
max_line_length = 120
self = false

--- The everyday story in a real Neovim: a repository is opened, searched by meaning, edited without saving, and asked
--- about. The current folder is a copy of this repository, CONEXUS the program.
---
--- nvim --headless -u NONE -i NONE -l editors/neovim/tests/story.lua
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, "S").source:sub(2)))
local harness = dofile(here .. "/harness.lua")
local check, equal, wait_for = harness.check, harness.equal, harness.wait_for

-- The person takes the first row that a picker shows which this accepts.
local rows, title
local wanted
vim.ui.select = function(items, options, choose)
  rows = vim.tbl_map(options.format_item, items)
  title = options.prompt
  for _, item in ipairs(items) do
    if wanted and item.name == wanted then
      return choose(item)
    end
  end
  choose(nil)
end

local conexus = require("conexus")
local server = require("conexus.server")
conexus.setup({
  cmd = { harness.program(), "lsp" },
  picker = "select",
  settings = { symbols = "meaning", diagnostics = true },
})

vim.cmd.edit("server/core/src/lib.rs")
local buffer = vim.api.nvim_get_current_buf()
vim.bo.filetype = "rust"
local client = wait_for("a client", function()
  return vim.lsp.get_clients({ name = "conexus", bufnr = buffer })[1]
end)
equal(client.config.root_dir, vim.fn.getcwd(), "the workspace")
wait_for("the live state", function()
  return conexus.status() == "conexus live"
end)
check(server.version_of(client), "the version is not known")

-- A search by a phrase whose words are not in the answer's name.
local function search(words, name)
  rows, title, wanted = nil, nil, name
  vim.cmd("Conexus search " .. words)
  wait_for("rows or a word about " .. words, function()
    return rows or #harness.shown > 0
  end)
  return rows
end
check(#search("where is a file cut into pieces") > 5, "the repository's own code is not found")
check(title:find("where is a file cut into pieces", 1, true), "the list is called " .. title)

-- Typed, not saved, found, and gone to: below a line whose letters take several bytes.
vim.cmd.normal({ "Go// 😀 grüße\r/* 😀 */ fn brew_espresso() { /* Warms up the coffee machine. */ }", bang = true })
vim.cmd.stopinsert()
local typed_at = vim.api.nvim_buf_line_count(buffer)
search("warm up the coffee machine in the morning")
check(rows[1]:find("brew_espresso", 1, true), "what was typed is not found at once, the rows are " .. vim.inspect(rows))
vim.cmd("hide edit Cargo.toml")
search("warm up the coffee machine in the morning", "brew_espresso")
equal(vim.api.nvim_get_current_buf(), buffer, "the buffer after the jump")
equal(vim.api.nvim_win_get_cursor(0), { typed_at, #"/* 😀 */ fn " }, "the cursor after the jump")
equal(vim.fn.expand("<cword>"), "brew_espresso", "the word under the cursor")
equal(vim.fn.gettagstack().items[1].tagname, "brew_espresso", "the tag stack")

-- What is related to it.
vim.cmd.normal({ "ofn open_kitchen() { brew_espresso(); }", bang = true })
vim.cmd.stopinsert()
vim.api.nvim_win_set_cursor(0, { typed_at, #"/* 😀 */ fn " })
rows, wanted = nil, "open_kitchen"
vim.cmd("Conexus callers")
wait_for("the callers", function()
  return rows
end)
check(title:find("Callers of brew_espresso", 1, true), "the list is called " .. title)
equal(vim.api.nvim_win_get_cursor(0)[1], typed_at + 1, "the line of the caller")

vim.api.nvim_win_set_cursor(0, { typed_at + 1, 4 })
rows, wanted = nil, nil
vim.cmd("Conexus callees")
wait_for("the callees", function()
  return rows
end)
check(title:find("What open_kitchen calls", 1, true), title)
check(rows[1]:find("brew_espresso", 1, true), vim.inspect(rows))
vim.cmd.normal({ "Go#[test]\rfn espresso_is_hot() { brew_espresso(); }", bang = true })
vim.cmd.stopinsert()
vim.api.nvim_win_set_cursor(0, { typed_at, #"/* 😀 */ fn " })
rows = nil
vim.cmd("Conexus tests")
wait_for("the tests", function()
  return rows
end)
check(title:find("Likely tests of brew_espresso", 1, true), title)
check(rows[1]:find("espresso_is_hot", 1, true), vim.inspect(rows))

-- What does the same under another name.
for _, names in ipairs({ { "zebra_go", "seconds" }, { "zebra_walk", "time" } }) do
  local name, argument = unpack(names)
  vim.api.nvim_buf_set_lines(buffer, -1, -1, false, {
    "",
    "/// Turns the lamps of a pedestrian crossing to green.",
    ("fn %s(%s: u32) -> bool {"):format(name, argument),
    ("    let is_day = %s > 21_600;"):format(argument),
    ("    is_day && %s < 72_000"):format(argument),
    "}",
  })
end
vim.fn.search("fn zebra_walk")
vim.cmd.normal({ "w", bang = true })
for name, heading in pairs({ reuse = "Existing helpers like zebra_walk", similar = "Code similar to zebra_walk" }) do
  rows, title = nil, nil
  vim.cmd("Conexus " .. name)
  wait_for("what is like it", function()
    return rows
  end)
  check(title:find(heading, 1, true) and rows[1]:find("zebra_go", 1, true), vim.inspect({ title, rows }))
end

-- The log of the language client.
vim.cmd("Conexus log")
equal(vim.api.nvim_buf_get_name(0), vim.fn.resolve(server.log_path()), "the log")
check(vim.bo.readonly, "the log can be changed")
vim.cmd.bwipeout({ bang = true })
vim.api.nvim_set_current_buf(buffer)
vim.api.nvim_win_set_cursor(0, { typed_at, #"/* 😀 */ fn " })

-- The server's code action, shown by the plugin.
vim.api.nvim_win_set_cursor(0, { typed_at, #"/* 😀 */ fn " })
vim.lsp.buf.code_action({ context = { only = { "source.conexus.context" } }, apply = true })
wait_for("the context pack", function()
  return vim.api.nvim_buf_get_name(0):find("conexus://context/brew_espresso", 1, true)
end)
local pack = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
check(pack:find("Warms up the coffee machine", 1, true), "the context pack shows " .. pack)
equal(vim.bo.filetype, "markdown", "the type of the context pack")
equal(vim.fn.getreg(vim.fn.has("clipboard") == 1 and "+" or '"'), pack, "the register")
wait_for("a word about the register", function()
  return table.concat(harness.take_shown()):find("context of brew_espresso, about %d+ tokens, is in register")
end)
vim.cmd.bwipeout({ bang = true })

-- Nothing found is said, once.
vim.api.nvim_set_current_buf(buffer)
rows = nil
conexus.search("coffee", { include = { "no/such/folder" } })
wait_for("a word about an answer without rows", function()
  return #harness.shown > 0
end)
local words = harness.take_shown()
equal(#words, 1, "messages about an answer without rows")
check(words[1]:find("^conexus: ") and not rows, "shown was " .. vim.inspect(words))

-- Commands are completed, and a wrong one is named.
equal(vim.fn.getcompletion("Conexus c", "cmdline"), { "callees", "callers", "context" }, "completion")
equal(#vim.fn.getcompletion("Conexus ", "cmdline"), 10, "completion of nothing")
vim.cmd("Conexus nonsense")
wait_for("a word about the command", function()
  return table.concat(harness.take_shown()):find("there is no command nonsense")
end)

-- The status in words.
local lines
require("conexus.commands").status_lines(0, function(found)
  lines = found
end)
wait_for("the status", function()
  return lines
end)
check(lines[1]:find("^conexus %d+%.%d+") and lines[2]:find(": live, %d+ files"), vim.inspect(lines))

-- Restarting keeps the buffer and what is typed in it.
vim.cmd("Conexus restart")
local restarted = wait_for("another client", function()
  local found = vim.lsp.get_clients({ name = "conexus", bufnr = buffer })[1]
  return found and found.id ~= client.id and conexus.status() == "conexus live" and found
end)
equal(#vim.lsp.get_clients({ name = "conexus" }), 1, "clients after the restart")
search("warm up the coffee machine in the morning", "brew_espresso")
equal(vim.fn.expand("<cword>"), "brew_espresso", "what is found after the restart")

-- The report of :checkhealth.
vim.cmd("checkhealth conexus")
local health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
for _, part in ipairs({ "version %d", "a server runs in", "lists are shown by vim.ui.select", "live" }) do
  check(health:find(part), ("%s is not in the report:\n%s"):format(part, health))
end
check(not health:find("ERROR"), health)
vim.cmd.bwipeout({ bang = true })

-- Help is found by its tags, which are those of its text.
local tags = harness.plugin .. "/doc/tags"
local kept = vim.fn.readfile(tags)
vim.cmd.helptags(harness.plugin .. "/doc")
equal(vim.fn.readfile(tags), kept, "the tags of the help")
vim.cmd("help conexus-commands")
equal(vim.fs.basename(vim.api.nvim_buf_get_name(0)), "conexus.txt", "the help")
vim.cmd.helpclose()

-- A finding is shown, and its code action changes the file: a page links a file by the name that it had.
local kitchen = vim.fn.tempname()
local function git(...)
  local command = { "git", "-C", kitchen, "-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", ... }
  local said = vim.fn.system(command)
  equal(vim.v.shell_error, 0, "git said " .. said)
end
vim.fn.mkdir(kitchen .. "/kitchen", "p")
vim.fn.writefile({ "def brew_espresso(cups):", "    return cups * 7" }, kitchen .. "/kitchen/plan.py")
vim.fn.writefile({ "# Kitchen", "", "Grüße: coffee is made by [the plan](kitchen/plan.py)." }, kitchen .. "/guide.md")
git("init", "--quiet")
git("add", "--all")
git("commit", "--quiet", "--message=Begin")
git("mv", "kitchen/plan.py", "kitchen/recipe.py")
git("commit", "--quiet", "--message=Rename a file")
vim.cmd("hide edit " .. kitchen .. "/guide.md")
vim.bo.filetype = "markdown"
local finding = wait_for("the finding", function()
  return vim.diagnostic.get(0)[1]
end)
equal({ finding.code, finding.lnum }, { "stale-reference", 2 }, "the finding")
vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
vim.lsp.buf.code_action({
  apply = true,
  filter = function(action)
    return action.title == "Write `kitchen/recipe.py`"
  end,
})
wait_for("the edit of the code action", function()
  return vim.fn.getline(3) == "Grüße: coffee is made by [the plan](kitchen/recipe.py)."
end)
wait_for("no finding", function()
  return #vim.diagnostic.get(0) == 0
end)
vim.cmd.write()

-- A file outside of every workspace starts nothing and says nothing.
local lonely = vim.fn.tempname() .. ".lua"
vim.fn.writefile({ "return 1" }, lonely)
vim.cmd("hide edit " .. lonely)
vim.bo.filetype = "lua"
equal(#vim.lsp.get_clients({ name = "conexus", bufnr = 0 }), 0, "servers of a file outside")
equal(conexus.status(), "", "the status line of a file outside")

check(not restarted:is_stopped(), "the server has ended")
equal(harness.take_shown(), {}, "messages at the end")
equal(vim.v.errmsg, "", "Neovim's last error")
harness.finish("story")

; Scripts that are read in

(command
  name: (command_name (word) @_source)
  argument: (word) @reference.import
  (#any-of? @_source "source" "." "load"))

; Commands: functions of the script and programs; what every shell has says nothing

((command name: (command_name (word) @reference.call))
  (#not-any-of? @reference.call
    "echo" "printf" "return" "exit" "set" "shift" "unset" "read" "test" "[" "true" "false" ":" "eval" "exec" "cd" "pwd"
    "source" "." "trap" "alias" "unalias" "builtin" "command" "type" "let" "wait" "kill" "shopt" "break" "continue" "}"
    "@test" "cat" "rm" "mkdir" "mv" "cp" "ls" "grep" "sed" "awk"))

; Functions that are handed over by name

(command
  name: (command_name (word) @_hand)
  argument: (word) @reference.mention
  (#any-of? @_hand "run" "trap" "command" "eval" "complete" "type" "export"))

; Variables

(simple_expansion (variable_name) @reference.mention)
(expansion (variable_name) @reference.mention)

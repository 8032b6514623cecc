; Scripts that are read in

(command
  name: (command_name (word) @_source)
  argument: (word) @reference.import
  (#any-of? @_source "source" "." "load"))

; Commands: functions of the script, programs and builtins alike

(command name: (command_name (word) @reference.call))

; Functions that are handed over by name

(command
  name: (command_name (word) @_hand)
  argument: (word) @reference.mention
  (#any-of? @_hand "run" "trap" "command" "eval" "complete" "type" "export"))

; Variables

(simple_expansion (variable_name) @reference.mention)
(expansion (variable_name) @reference.mention)

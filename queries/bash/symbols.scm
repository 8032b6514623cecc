; Functions, in either syntax

(function_definition name: (word) @name) @symbol.function

; Variables of the script; those of a function are local

(program
  (declaration_command ["readonly" "declare" "typeset" "export"]
    (variable_assignment name: (variable_name) @name)) @symbol.variable)
(program (variable_assignment name: (variable_name) @name) @symbol.variable)

; Bats: a test is `@test "name" {`, which the grammar reads as a command

(command
  name: (command_name (word) @_test)
  argument: [(string) (raw_string)] @name
  (#eq? @_test "@test")) @symbol.test

; Functions; the table before the dot or the colon is the container

(function_declaration
  name: (dot_index_expression table: (_) @container field: (identifier) @name)
  body: (_)? @body) @symbol.function
(function_declaration
  name: (method_index_expression table: (_) @container method: (identifier) @name)
  body: (_)? @body) @symbol.method
(function_declaration name: (identifier) @name body: (_)? @body) @symbol.function

; Functions that are assigned

(variable_declaration
  (assignment_statement
    (variable_list . name: (identifier) @name .)
    (expression_list . value: (function_definition body: (_)? @body) .))) @symbol.function
(assignment_statement
  (variable_list . name: (dot_index_expression table: (_) @container field: (identifier) @name) .)
  (expression_list . value: (function_definition body: (_)? @body) .)) @symbol.function
(assignment_statement
  (variable_list . name: (bracket_index_expression table: (_) @container field: (string content: (_) @name)) .)
  (expression_list . value: (function_definition body: (_)? @body) .)) @symbol.function
(chunk
  (assignment_statement
    (variable_list . name: (identifier) @name .)
    (expression_list . value: (function_definition body: (_)? @body) .)) @symbol.function)
(field name: (identifier) @name value: (function_definition body: (_)? @body)) @symbol.method
(field name: (string content: (_) @name) value: (function_definition body: (_)? @body)) @symbol.method

; Tables and values of the file; `local x = require("x")` only brings a name in

(chunk
  (variable_declaration
    (assignment_statement
      (variable_list . name: (identifier) @name)
      (expression_list . value: [(number) (string) (true) (false) (binary_expression) (unary_expression)]))) @symbol.constant)
(chunk
  (variable_declaration
    (assignment_statement
      (variable_list . name: (identifier) @name)
      (expression_list . value: [
        (table_constructor)
        (function_call name: [(dot_index_expression) (method_index_expression)])
        (function_call name: (identifier) @_make)
      ])))
  @symbol.variable
  (#any-of? @_make "setmetatable" "class" "Class"))
(chunk
  (assignment_statement
    (variable_list . name: (identifier) @name)
    (expression_list . value: (_))) @symbol.variable)
(chunk
  (assignment_statement
    (variable_list . name: (dot_index_expression table: (identifier) @container field: (identifier) @name))
    (expression_list . value: [(table_constructor) (number) (string) (true) (false) (function_call) (identifier) (dot_index_expression)]))
  @symbol.field
  (#not-match? @name "^__"))

; Visibility: what is local is the file's own

(variable_declaration "local" @private)
(function_declaration "local" @private)

; Tests of busted and mini.test

(function_call
  name: (identifier) @_test
  arguments: (arguments . (string content: (_) @name) (function_definition) @body)
  (#any-of? @_test "describe" "it" "pending" "context" "insulate" "expose" "test")) @symbol.test

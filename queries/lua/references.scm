; Modules

(function_call
  name: (identifier) @_require
  arguments: (arguments (string content: (_) @reference.import))
  (#eq? @_require "require"))

; Calls

((function_call name: (identifier) @reference.call)
  (#not-any-of? @reference.call
    "require" "pairs" "ipairs" "type" "tostring" "tonumber" "print" "assert" "error" "pcall" "select" "unpack" "next"
    "setmetatable" "getmetatable" "rawget" "rawset" "describe" "it"))
(function_call name: (dot_index_expression field: (identifier) @reference.call))
(function_call name: (method_index_expression method: (identifier) @reference.call))

; Functions and fields that are handed over; before a dot only capitalised ones, others are mostly local

(dot_index_expression field: (identifier) @reference.mention)
((dot_index_expression table: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(arguments (identifier) @reference.mention)
(field value: (identifier) @reference.mention)
(expression_list value: (identifier) @reference.mention)

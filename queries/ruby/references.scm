; Imports

(call
  !receiver
  method: (identifier) @_require
  arguments: (argument_list (string (string_content) @reference.import))
  (#any-of? @_require "require" "require_relative" "load"))
(call
  method: (identifier) @_autoload
  arguments: (argument_list . (simple_symbol) @reference.import)
  (#eq? @_autoload "autoload"))

; Bases and mixins

(superclass (constant) @reference.inherit)
(superclass (scope_resolution name: (constant) @reference.inherit))
(call
  method: (identifier) @_mixin
  arguments: (argument_list (constant) @reference.inherit)
  (#any-of? @_mixin "include" "extend" "prepend"))
(call
  method: (identifier) @_mixin
  arguments: (argument_list (scope_resolution name: (constant) @reference.inherit))
  (#any-of? @_mixin "include" "extend" "prepend"))

; Calls: `Order.new` constructs an order, and a bare word that is a whole statement is a call

(call receiver: (constant) @reference.call method: (identifier) @_new (#eq? @_new "new"))
(call receiver: (scope_resolution name: (constant) @reference.call) method: (identifier) @_new (#eq? @_new "new"))
((call method: (identifier) @reference.call)
  (#not-any-of? @reference.call
    "require" "require_relative" "autoload" "include" "extend" "prepend" "private" "protected" "public" "private_constant"
    "module_function" "attr_accessor" "attr_reader" "attr_writer" "new" "raise" "lambda" "proc" "loop" "describe" "context"
    "it" "expect" "assert" "assert_equal"))
((body_statement (identifier) @reference.call)
  (#not-any-of? @reference.call "private" "protected" "public" "module_function"))
(block_body (identifier) @reference.call)
(then (identifier) @reference.call)

; Constants name classes, modules and values

(scope_resolution name: (constant) @reference.type)
(rescue exceptions: (exceptions (constant) @reference.type))
(call receiver: (constant) @reference.type)
(argument_list (constant) @reference.type)

; Names in other places

(constant) @reference.mention
(argument_list (identifier) @reference.mention)
(pair value: (identifier) @reference.mention)
(alias alias: (identifier) @reference.mention)

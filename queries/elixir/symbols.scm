; Everything that defines is a call: modules first

(call
  target: (identifier) @_def
  (arguments . (alias) @name)
  (do_block)? @body
  (#eq? @_def "defmodule")) @symbol.module
(call
  target: (identifier) @_def
  (arguments . (alias) @name)
  (do_block)? @body
  (#eq? @_def "defprotocol")) @symbol.interface
(call
  target: (identifier) @_def
  (arguments . (alias) @container (keywords (pair key: (keyword) @_for value: (alias) @name)))
  (do_block)? @body
  (#eq? @_def "defimpl")
  (#match? @_for "^for:")) @symbol.impl
(call
  target: (identifier) @_def
  (arguments . (alias) @name (keywords (pair value: [(list) (identifier)])))
  (do_block)? @body
  (#eq? @_def "defimpl")) @symbol.impl
(call
  target: (identifier) @_def
  (arguments . (alias) @name .)
  (do_block)? @body
  (#eq? @_def "defimpl")) @symbol.impl

; Structs and exceptions bear the name of their module, so their keyword stands for them

((call target: (identifier) @name (arguments)) @symbol.struct (#any-of? @name "defstruct" "defexception"))

; Functions, macros and guards, plain and with a guard of their own

(call
  target: [(identifier) @_def (identifier) @private]
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (identifier) @name operator: "when")
    (binary_operator left: (call target: (identifier) @name) operator: "when")
    (binary_operator operator: ["+" "-" "*" "/" "++" "--" "<>" "|>" "==" "!=" "===" "!==" "=~" "<" ">" "<=" ">=" "and" "or" "&&" "||" "<~" "~>" "<<<" ">>>" "&&&" "|||" "in" ".." "^^^" "+++" "---" "<|>"] @name)
    (unary_operator operator: ["+" "-" "!" "~~~"] @name)
  ] (keywords)? @body)
  (do_block)? @body
  (#any-of? @_def "def" "defdelegate" "defn")
  (#any-of? @private "defp" "defnp")) @symbol.function
(call
  target: [(identifier) @_def (identifier) @private]
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (identifier) @name operator: "when")
    (binary_operator left: (call target: (identifier) @name) operator: "when")
    (binary_operator operator: ["+" "-" "*" "/" "++" "--" "<>" "|>" "==" "!=" "===" "!==" "=~" "<" ">" "<=" ">=" "and" "or" "&&" "||" "<~" "~>" "<<<" ">>>" "&&&" "|||" "in" ".." "^^^" "+++" "---" "<|>"] @name)
    (unary_operator operator: ["@" "+" "-" "!" "~~~"] @name)
  ] (keywords)? @body)
  (do_block)? @body
  (#any-of? @_def "defmacro" "defguard")
  (#any-of? @private "defmacrop" "defguardp")) @symbol.macro

; Types and callbacks

(unary_operator
  operator: "@"
  operand: (call
    target: (identifier) @_type
    (arguments . (binary_operator
      left: [(identifier) @name (call target: (identifier) @name)]
      operator: "::")))
  (#any-of? @_type "type" "typep" "opaque")) @symbol.type
(unary_operator
  operator: "@"
  operand: (call
    target: (identifier) @_callback
    (arguments . [
      (binary_operator left: (call target: (identifier) @name) operator: "::")
      (binary_operator left: (binary_operator left: (call target: (identifier) @name) operator: "::") operator: "when")
    ]))
  (#any-of? @_callback "callback" "macrocallback")) @symbol.method

; Module attributes that hold a value

((unary_operator operator: "@" operand: (call target: (identifier) @name (arguments))) @symbol.constant
  (#not-any-of? @name
    "moduledoc" "doc" "typedoc" "spec" "type" "typep" "opaque" "callback" "macrocallback" "impl" "behaviour" "derive" "since"
    "deprecated" "dialyzer" "compile" "tag" "moduletag" "describetag" "enforce_keys" "external_resource" "optional_callbacks"
    "before_compile" "after_compile" "on_load" "on_definition" "shortdoc" "requirements"))

; A private type

(unary_operator operator: "@" operand: (call target: (identifier) @private) (#eq? @private "typep"))

; Tests of ExUnit

(call
  target: (identifier) @_test
  (arguments . (string (quoted_content) @name))
  (do_block) @body
  (#any-of? @_test "test" "describe" "property" "feature")) @symbol.test

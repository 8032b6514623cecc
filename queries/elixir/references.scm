; Imports: `use` runs the other module's macro here

(call
  target: (identifier) @_import
  (arguments . (alias) @reference.import)
  (#any-of? @_import "alias" "import" "require" "use"))
(call
  target: (identifier) @_import
  (arguments . (dot right: (tuple (alias) @reference.import)))
  (#any-of? @_import "alias" "import" "require" "use"))

; Behaviours

(unary_operator
  operator: "@"
  operand: (call
    target: (identifier) @_behaviour
    (arguments (alias) @reference.inherit))
  (#any-of? @_behaviour "behaviour" "impl"))

; Calls

(call target: (dot right: (identifier) @reference.call))
((call target: (identifier) @reference.call)
  (#not-any-of? @reference.call
    "def" "defp" "defmacro" "defmacrop" "defmodule" "defprotocol" "defimpl" "defstruct" "defexception" "defguard" "defguardp"
    "defdelegate" "defoverridable" "use" "import" "alias" "require" "quote" "unquote" "unquote_splicing" "if" "unless" "case"
    "cond" "with" "for" "fn" "raise" "moduledoc" "doc" "typedoc" "spec" "type" "typep" "opaque" "callback" "macrocallback"
    "impl" "behaviour" "since" "deprecated" "derive" "optional_callbacks" "test" "describe" "setup" "assert" "refute"))
(binary_operator operator: "|>" right: (identifier) @reference.call)
(unary_operator operator: "&" operand: (binary_operator left: (identifier) @reference.call operator: "/"))
(unary_operator operator: "&" operand: (binary_operator left: (call target: (dot right: (identifier) @reference.call)) operator: "/"))

; Modules

(struct (alias) @reference.type)
(alias) @reference.mention
(unary_operator operator: "@" operand: (identifier) @reference.mention)

; Packages and types

(package_clause name: (package_identifier) @name body: (template_body)) @symbol.namespace
(package_object name: (_) @name) @symbol.module
(class_definition name: (_) @name) @symbol.class
(object_definition name: (_) @name) @symbol.module
(trait_definition name: (_) @name) @symbol.trait
(enum_definition name: (_) @name) @symbol.enum
(simple_enum_case name: (_) @name) @symbol.enum_member
(full_enum_case name: (_) @name) @symbol.enum_member
(type_definition name: (_) @name) @symbol.type

; Givens and extensions

(given_definition name: (_) @name) @symbol.constant
(given_definition !name return_type: (_) @name) @symbol.constant
(extension_definition parameters: (parameters (parameter type: [
  (type_identifier) @name
  (generic_type type: (_) @name)
]))) @symbol.impl

; Functions

((function_definition name: (identifier) @name) @symbol.constructor (#eq? @name "this"))
(template_body (function_definition name: (_) @name) @symbol.method)
(with_template_body (function_definition name: (_) @name) @symbol.method)
(enum_body (function_definition name: (_) @name) @symbol.method)
(extension_definition body: (function_definition name: (_) @name) @symbol.method)
(function_definition name: (_) @name) @symbol.function
(function_declaration name: (_) @name) @symbol.method

; Values of a type or of a file; those in a body are local

(template_body [(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)] @symbol.field)
(with_template_body [(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)] @symbol.field)
(enum_body [(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)] @symbol.field)
(compilation_unit (val_definition pattern: (identifier) @name) @symbol.constant)
(compilation_unit (var_definition pattern: (identifier) @name) @symbol.variable)
(val_declaration name: (_) @name) @symbol.field
(var_declaration name: (_) @name) @symbol.field
(class_parameter ["val" "var"] name: (_) @name) @symbol.field

; Tests of ScalaTest, MUnit, specs2 and Weaver

(call_expression
  function: (call_expression
    function: (identifier) @_test
    arguments: (arguments . (string) @name))
  arguments: [(block) (colon_argument) (case_block)] @body
  (#any-of? @_test "test" "it" "describe" "property" "feature" "scenario" "checkAll" "pureTest" "loggedTest")) @symbol.test
(infix_expression
  left: (infix_expression operator: (identifier) @_should right: (string) @name)
  operator: (identifier) @_in
  right: (block) @body
  (#any-of? @_should "should" "must" "can")
  (#eq? @_in "in")) @symbol.test
(infix_expression
  left: (string) @name
  operator: (identifier) @_in
  right: (block) @body
  (#any-of? @_in "in" "should" "when" "must" ">>")) @symbol.test

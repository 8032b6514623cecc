; Classes and functions

(class_definition name: (_) @name) @symbol.class
((function_definition name: (_) @name) @symbol.constructor (#eq? @name "__init__"))
(function_definition name: (_) @name) @symbol.function

; Variables of the module and of classes; a name in capitals is a constant

(module (expression_statement
  (assignment left: (identifier) @name right: (_)? @body) @symbol.constant
  (#match? @name "^_?[A-Z][A-Z0-9_]*$")))
(module (expression_statement (assignment left: (identifier) @name right: (_)? @body) @symbol.variable))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name right: (_)? @body) @symbol.field)))
(type_alias_statement . (type (identifier) @name)) @symbol.type
(type_alias_statement . (type (generic_type . (identifier) @name))) @symbol.type

; Tests of the unittest kind

(class_definition
  superclasses: (argument_list [(identifier) @test (attribute attribute: (identifier) @test)])
  (#match? @test "TestCase$"))

; What the module says it exports is not what Python enforces, so `__all__` is left alone

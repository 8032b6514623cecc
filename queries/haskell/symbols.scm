; Modules, types and classes

(header module: (module) @name) @symbol.module
(data_type name: (_) @name constructors: (data_constructors . (data_constructor) .)) @symbol.struct
(data_type name: (_) @name) @symbol.enum
(newtype name: (_) @name) @symbol.struct
(type_synonym name: (_) @name) @symbol.type
(type_family name: (_) @name) @symbol.type
(data_family name: (_) @name) @symbol.type
(kind_signature name: (_) @name) @symbol.type
(class name: (_) @name "where"? @body) @symbol.trait
(instance name: (_) @container patterns: (_) @name "where"? @body) @symbol.impl
(instance !patterns name: (_) @name "where"? @body) @symbol.impl

(data_constructor constructor: (prefix name: (_) @name)) @symbol.enum_member
(data_constructor constructor: (record name: (_) @name)) @symbol.enum_member
(data_constructor constructor: (infix operator: (_) @name)) @symbol.enum_member
(gadt_constructor name: (_) @name) @symbol.enum_member
(newtype_constructor name: (_) @name) @symbol.enum_member
(field name: (field_name (variable) @name)) @symbol.field

; Definitions of the module: a signature and the clauses after it are one symbol

(declarations (bind name: (variable) @name match: (match expression: (literal)) @body) @symbol.constant)
(declarations [
  (signature name: [(variable) @name (prefix_id (operator) @name)])
  (signature names: (binding_list name: (variable) @name))
  (function name: [(variable) @name (prefix_id (operator) @name)] match: (_) @body)
  (function (infix operator: [(operator) @name (infix_id (variable) @name)]) match: (_) @body)
  (bind name: [(variable) @name (prefix_id (operator) @name)] match: (_) @body)
] @symbol.function)
(declarations (bind pattern: (tuple element: (variable) @name) match: (_) @body) @symbol.constant)
(foreign_import signature: (signature name: (variable) @name)) @symbol.function
(pattern_synonym (equation synonym: [
  (constructor) @name
  (apply function: (constructor) @name)
  (apply function: (apply function: (constructor) @name))
  (apply function: (apply function: (apply function: (constructor) @name)))
  (infix operator: (_) @name)
])) @symbol.function

; Methods of classes and instances

(class_declarations [
  (signature name: [(variable) @name (prefix_id (operator) @name)])
  (function name: [(variable) @name (prefix_id (operator) @name)] match: (_) @body)
  (function (infix operator: [(operator) @name (infix_id (variable) @name)]) match: (_) @body)
  (bind name: [(variable) @name (prefix_id (operator) @name)] match: (_) @body)
] @symbol.method)
(instance_declarations [
  (function name: [(variable) @name (prefix_id (operator) @name)] match: (_) @body)
  (function (infix operator: [(operator) @name (infix_id (variable) @name)]) match: (_) @body)
  (bind name: [(variable) @name (prefix_id (operator) @name)] match: (_) @body)
] @symbol.method)

; Visibility: the export list

(export variable: (variable) @export)
(export type: (name) @export)
(export operator: (prefix_id (operator) @export))

; Tests of Hspec and Tasty

(infix
  left_operand: (apply function: (variable) @_test argument: (literal (string) @name))
  right_operand: (_) @body
  (#any-of? @_test "describe" "context" "it" "specify" "prop" "testCase" "testProperty" "testGroup")) @symbol.test

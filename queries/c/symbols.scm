; Functions, defined or declared

(function_definition declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
  (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
  (function_declarator declarator: (parenthesized_declarator (identifier) @name))
]) @symbol.function
(declaration declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
  (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)))
]) @symbol.function

; Types; a `typedef` of a type without a name gives it one

(type_definition type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @symbol.struct
(type_definition type: (union_specifier !name body: (_) @body) declarator: (type_identifier) @name) @symbol.union
(type_definition type: (enum_specifier !name body: (_) @body) declarator: (type_identifier) @name) @symbol.enum
(type_definition declarator: (type_identifier) @name) @symbol.type
(type_definition declarator: (pointer_declarator declarator: (type_identifier) @name)) @symbol.type
(type_definition declarator: (function_declarator
  declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))) @symbol.type
(type_definition declarator: (function_declarator declarator: (type_identifier) @name)) @symbol.type
(type_definition declarator: (array_declarator declarator: (type_identifier) @name)) @symbol.type
(struct_specifier name: (type_identifier) @name body: (_) @body) @symbol.struct
(union_specifier name: (type_identifier) @name body: (_) @body) @symbol.union
(enum_specifier name: (type_identifier) @name body: (_) @body) @symbol.enum
(enumerator name: (_) @name) @symbol.enum_member

; Fields

(field_declaration declarator: [
  (field_identifier) @name
  (pointer_declarator declarator: (field_identifier) @name)
  (pointer_declarator declarator: (pointer_declarator declarator: (field_identifier) @name))
  (array_declarator declarator: (field_identifier) @name)
  (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (field_identifier) @name)))
]) @symbol.field

; Macros; those without a value only guard

(preproc_def name: (_) @name value: (_) @body) @symbol.constant
(preproc_function_def name: (_) @name value: (_)? @body) @symbol.macro

; Variables; local ones are left out afterwards

(declaration declarator: [
  (identifier) @name
  (pointer_declarator declarator: (identifier) @name)
  (array_declarator declarator: (identifier) @name)
  (init_declarator declarator: (identifier) @name value: (_) @body)
  (init_declarator declarator: (pointer_declarator declarator: (identifier) @name) value: (_) @body)
  (init_declarator declarator: (array_declarator declarator: (identifier) @name) value: (_) @body)
  (init_declarator declarator: (pointer_declarator declarator: (array_declarator declarator: (identifier) @name)) value: (_) @body)
  (array_declarator declarator: (array_declarator declarator: (identifier) @name))
]) @symbol.variable

; Tests that macros define: `TEST(name) { }`

(function_definition
  type: (type_identifier) @_test
  declarator: (parenthesized_declarator (identifier) @name)
  (#match? @_test "TEST")) @symbol.test

; Tests that macros define: `TEST(Suite, Name) { }`

(function_definition
  !type
  declarator: (function_declarator
    declarator: (identifier) @_test
    parameters: (parameter_list . (parameter_declaration type: (_) @container) . (parameter_declaration type: (_) @name)))
  (#any-of? @_test "TEST" "TEST_F" "TEST_P" "TYPED_TEST" "TYPED_TEST_P" "BENCHMARK_F" "BENCHMARK_DEFINE_F")) @symbol.test
(function_definition
  !type
  declarator: (function_declarator
    declarator: (identifier) @_test
    parameters: (parameter_list . (parameter_declaration type: (_) @name)))
  (#any-of? @_test "BOOST_AUTO_TEST_CASE" "BOOST_FIXTURE_TEST_CASE" "TEST_CASE" "TEST")) @symbol.test

; Namespaces and types

(namespace_definition name: (_) @name) @symbol.namespace
(class_specifier name: [(type_identifier) @name (template_type name: (type_identifier) @name)] body: (_) @body) @symbol.class
(class_specifier name: (qualified_identifier scope: (_) @container name: (type_identifier) @name) body: (_) @body) @symbol.class
(struct_specifier name: [(type_identifier) @name (template_type name: (type_identifier) @name)] body: (_) @body) @symbol.struct
(struct_specifier name: (qualified_identifier scope: (_) @container name: (type_identifier) @name) body: (_) @body) @symbol.struct
(union_specifier name: (type_identifier) @name body: (_) @body) @symbol.union
(enum_specifier name: (type_identifier) @name body: (_) @body) @symbol.enum
(enumerator name: (_) @name) @symbol.enum_member
(concept_definition name: (_) @name) @symbol.interface
(alias_declaration name: (_) @name) @symbol.type
(type_definition type: (struct_specifier !name body: (_) @body) declarator: (type_identifier) @name) @symbol.struct
(type_definition type: (union_specifier !name body: (_) @body) declarator: (type_identifier) @name) @symbol.union
(type_definition type: (enum_specifier !name body: (_) @body) declarator: (type_identifier) @name) @symbol.enum
(type_definition declarator: [
  (type_identifier) @name
  (pointer_declarator declarator: (type_identifier) @name)
  (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))
]) @symbol.type

; Members of a class

(field_declaration declarator: [
  (function_declarator declarator: [(field_identifier) (operator_name) (destructor_name)] @name)
  (pointer_declarator declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name))
  (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))
]) @symbol.method
(field_declaration declarator: [
  (field_identifier) @name
  (pointer_declarator declarator: (field_identifier) @name)
  (reference_declarator (field_identifier) @name)
  (array_declarator declarator: (field_identifier) @name)
  (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (field_identifier) @name)))
]) @symbol.field

; Functions defined outside of their class: the qualifier is the container

(function_definition
  declarator: (function_declarator declarator: (qualified_identifier
    scope: [(namespace_identifier) @_class (template_type name: (type_identifier) @_class)] @container
    name: (identifier) @name))
  (#eq? @_class @name)) @symbol.constructor
(function_definition declarator: [
  (function_declarator declarator: (qualified_identifier scope: (_) @container name: [
    (identifier) @name
    (operator_name) @name
    (destructor_name) @name
    (operator_cast) @name
    (template_function name: (_) @name)
    (qualified_identifier name: [(identifier) (operator_name) (destructor_name)] @name)
    (qualified_identifier name: (qualified_identifier name: [(identifier) (operator_name) (destructor_name)] @name))
  ]))
  (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier scope: (_) @container name: [
    (identifier) @name
    (operator_name) @name
    (qualified_identifier name: [(identifier) (operator_name)] @name)
  ])))
  (reference_declarator (function_declarator declarator: (qualified_identifier scope: (_) @container name: [
    (identifier) @name
    (operator_name) @name
    (qualified_identifier name: [(identifier) (operator_name)] @name)
  ])))
]) @symbol.method
(function_definition declarator: (qualified_identifier scope: (_) @container name: (operator_cast) @name)) @symbol.method

; Other functions, defined or declared

(function_definition declarator: [
  (function_declarator declarator: [(identifier) (field_identifier) (operator_name) (destructor_name)] @name)
  (function_declarator declarator: (template_function name: (_) @name))
  (pointer_declarator declarator: (function_declarator declarator: [(identifier) (field_identifier) (operator_name)] @name))
  (pointer_declarator declarator: (pointer_declarator
    declarator: (function_declarator declarator: [(identifier) (field_identifier)] @name)))
  (reference_declarator (function_declarator declarator: [(identifier) (field_identifier) (operator_name)] @name))
  (operator_cast) @name
]) @symbol.function
(declaration declarator: [
  (function_declarator declarator: [(identifier) (operator_name) (destructor_name)] @name)
  (pointer_declarator declarator: (function_declarator declarator: [(identifier) (operator_name)] @name))
  (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))
]) @symbol.function

; Macros; those without a value only guard

(preproc_def name: (_) @name value: (_) @body) @symbol.constant
(preproc_function_def name: (_) @name value: (_)? @body) @symbol.macro

; Variables; local ones are left out afterwards

(declaration declarator: [
  (identifier) @name
  (pointer_declarator declarator: (identifier) @name)
  (reference_declarator (identifier) @name)
  (array_declarator declarator: (identifier) @name)
  (init_declarator declarator: (identifier) @name value: (_) @body)
  (init_declarator declarator: (pointer_declarator declarator: (identifier) @name) value: (_) @body)
  (init_declarator declarator: (reference_declarator (identifier) @name) value: (_) @body)
  (init_declarator declarator: (array_declarator declarator: (identifier) @name) value: (_) @body)
  (init_declarator declarator: (pointer_declarator declarator: (array_declarator declarator: (identifier) @name)) value: (_) @body)
]) @symbol.variable

; Visibility: a section reaches to the next one

(access_specifier "public" @section.public)
(access_specifier "protected" @section.restricted)
(access_specifier "private" @section.private)

; Types; an extension holds the members of the type that it names

(class_declaration declaration_kind: "class" name: (type_identifier) @name) @symbol.class
(class_declaration declaration_kind: "actor" name: (type_identifier) @name) @symbol.class
(class_declaration declaration_kind: "struct" name: (type_identifier) @name) @symbol.struct
(class_declaration declaration_kind: "enum" name: (type_identifier) @name) @symbol.enum
(class_declaration declaration_kind: "extension" name: (_) @name) @symbol.impl
(protocol_declaration name: (type_identifier) @name) @symbol.interface
(typealias_declaration "typealias" . (type_identifier) @name) @symbol.type
(associatedtype_declaration name: (type_identifier) @name) @symbol.type
(enum_entry name: (simple_identifier) @name) @symbol.enum_member

; Members and functions

(init_declaration name: "init" @name) @symbol.constructor
(deinit_declaration "deinit" @name) @symbol.method
(subscript_declaration "subscript" @name (computed_property)? @body) @symbol.property
(class_body (function_declaration name: [(simple_identifier) (custom_operator) (bang) "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "&" "|" "^" "<<" ">>" "+=" "-=" "*=" "/="] @name) @symbol.method)
(enum_class_body (function_declaration name: [(simple_identifier) (custom_operator) (bang) "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "&" "|" "^" "<<" ">>" "+=" "-=" "*=" "/="] @name) @symbol.method)
(protocol_function_declaration name: [(simple_identifier) (custom_operator) (bang) "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "&" "|" "^" "<<" ">>" "+=" "-=" "*=" "/="] @name) @symbol.method
(function_declaration name: [(simple_identifier) (custom_operator) (bang) "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "&" "|" "^" "<<" ">>" "+=" "-=" "*=" "/="] @name) @symbol.function
(macro_declaration "macro" . (simple_identifier) @name) @symbol.macro

(class_body
  (property_declaration
    name: (pattern bound_identifier: (simple_identifier) @name)
    computed_value: (_)? @body) @symbol.property)
(enum_class_body
  (property_declaration
    name: (pattern bound_identifier: (simple_identifier) @name)
    computed_value: (_)? @body) @symbol.property)
(protocol_property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @symbol.property
(source_file
  (property_declaration
    (value_binding_pattern mutability: "let")
    name: (pattern bound_identifier: (simple_identifier) @name)) @symbol.constant)
(source_file
  (property_declaration
    name: (pattern bound_identifier: (simple_identifier) @name)
    computed_value: (_)? @body) @symbol.variable)

; Tests of Swift Testing and Quick

(function_declaration
  (modifiers (attribute (user_type (type_identifier) @test)))
  (#any-of? @test "Test"))
(class_declaration
  (modifiers (attribute (user_type (type_identifier) @test)))
  (#any-of? @test "Suite"))
(call_expression
  . (simple_identifier) @_test
  (call_suffix
    (value_arguments . (value_argument value: (line_string_literal) @name))
    (lambda_literal) @body)
  (#any-of? @_test "describe" "context" "it" "fdescribe" "fit" "xit")) @symbol.test

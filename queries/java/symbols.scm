; Types

(class_declaration name: (_) @name) @symbol.class
(record_declaration name: (_) @name) @symbol.struct
(interface_declaration name: (_) @name) @symbol.interface
(annotation_type_declaration name: (_) @name) @symbol.interface
(enum_declaration name: (_) @name) @symbol.enum
(enum_constant name: (_) @name) @symbol.enum_member

; Members

(constructor_declaration name: (_) @name) @symbol.constructor
(compact_constructor_declaration name: (_) @name) @symbol.constructor
(method_declaration name: (_) @name) @symbol.method
(annotation_type_element_declaration name: (_) @name) @symbol.method
(constant_declaration declarator: (variable_declarator name: (_) @name value: (_)? @body)) @symbol.constant
(field_declaration
  (modifiers "static" "final")
  declarator: (variable_declarator name: (_) @name value: (_)? @body)) @symbol.constant
(field_declaration declarator: (variable_declarator name: (_) @name value: (_)? @body)) @symbol.field

; JUnit 3: a class of tests extends `TestCase`

(class_declaration
  superclass: (superclass (type_identifier) @test)
  (#match? @test "TestCase$"))

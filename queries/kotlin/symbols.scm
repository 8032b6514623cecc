; Types

(class_declaration "interface" name: (identifier) @name [(class_body) (enum_class_body)]? @body) @symbol.interface
(class_declaration
  (modifiers (class_modifier "enum"))
  name: (identifier) @name
  [(class_body) (enum_class_body)]? @body) @symbol.enum
(class_declaration "class" name: (identifier) @name [(class_body) (enum_class_body)]? @body) @symbol.class
(object_declaration name: (identifier) @name (class_body)? @body) @symbol.class
(companion_object name: (identifier) @name (class_body)? @body) @symbol.class
(type_alias type: (identifier) @name) @symbol.type
(enum_entry (identifier) @name (class_body)? @body) @symbol.enum_member

; Members and extensions: the receiver of an extension is its container

(secondary_constructor "constructor" @name (block)? @body) @symbol.constructor
(function_declaration
  [(user_type . (identifier) @container) (nullable_type (user_type . (identifier) @container))]
  name: (identifier) @name
  (function_body)? @body) @symbol.function
(function_declaration name: (identifier) @name (function_body)? @body) @symbol.function
(class_parameter ["val" "var"] (identifier) @name) @symbol.property

(property_declaration
  (modifiers (property_modifier "const"))
  (variable_declaration (identifier) @name)) @symbol.constant
(property_declaration
  [(user_type . (identifier) @container) (nullable_type (user_type . (identifier) @container))]
  (variable_declaration (identifier) @name)
  (getter)? @body) @symbol.property
(class_body (property_declaration (variable_declaration (identifier) @name) (getter)? @body) @symbol.property)
(source_file (property_declaration (variable_declaration (identifier) @name) (getter)? @body) @symbol.property)

; Tests of Kotest

(call_expression
  (call_expression
    (identifier) @_test
    (value_arguments . (value_argument (string_literal) @name)))
  (annotated_lambda) @body
  (#any-of? @_test "describe" "context" "it" "test" "should" "expect" "feature" "scenario" "given" "when" "then")) @symbol.test

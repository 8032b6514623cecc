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

; Visibility: what says nothing is public

(visibility_modifier "public" @public)
(visibility_modifier ["internal" "protected"] @restricted)
(visibility_modifier "private" @private)

; Tests

(function_declaration
  (modifiers (annotation (user_type (identifier) @test)))
  (#any-of? @test "Test" "ParameterizedTest" "RepeatedTest" "BeforeTest" "AfterTest" "Benchmark"))

; Types are values that a constant names

(variable_declaration . (identifier) @name [(struct_declaration) (opaque_declaration)]) @symbol.struct
(variable_declaration . (identifier) @name [(enum_declaration) (error_set_declaration)]) @symbol.enum
(variable_declaration . (identifier) @name (union_declaration)) @symbol.union

(enum_declaration (container_field name: (identifier) @name) @symbol.enum_member @public (#not-eq? @name "_"))
(variable_declaration (error_set_declaration (identifier) @name @symbol.enum_member @public))
(struct_declaration (container_field name: (identifier) @name) @symbol.field @public)
(union_declaration (container_field name: (identifier) @name) @symbol.field @public)
(source_file (container_field name: (identifier) @name) @symbol.field @public)

; Functions

(struct_declaration (function_declaration name: (identifier) @name) @symbol.method)
(union_declaration (function_declaration name: (identifier) @name) @symbol.method)
(enum_declaration (function_declaration name: (identifier) @name) @symbol.method)
(opaque_declaration (function_declaration name: (identifier) @name) @symbol.method)
(function_declaration name: (identifier) @name) @symbol.function

; Constants and variables of a container; a private alias or import only brings a name in

(source_file (variable_declaration "var" . (identifier) @name) @symbol.variable)
(struct_declaration (variable_declaration "var" . (identifier) @name) @symbol.variable)
(source_file [
  (variable_declaration "pub" "const" . (identifier) @name)
  (variable_declaration "const" . (identifier) @name
    [(integer) (float) (string) (multiline_string) (boolean) (character) (struct_initializer) (anonymous_struct_initializer)
       (call_expression) (binary_expression) (unary_expression) (block_expression) (if_expression) (switch_expression)
       (labeled_type_expression) (comptime_expression)])
] @symbol.constant)
(struct_declaration [
  (variable_declaration "pub" "const" . (identifier) @name)
  (variable_declaration "const" . (identifier) @name
    [(integer) (float) (string) (multiline_string) (boolean) (character) (struct_initializer) (anonymous_struct_initializer)
       (call_expression) (binary_expression) (unary_expression) (block_expression) (if_expression) (switch_expression)
       (labeled_type_expression) (comptime_expression)])
] @symbol.constant)
(union_declaration (variable_declaration "pub" "const" . (identifier) @name) @symbol.constant)
(enum_declaration (variable_declaration "pub" "const" . (identifier) @name) @symbol.constant)

; Visibility: `pub` is found in the signature, `export` says more

(function_declaration "export" @public)
(variable_declaration "export" @public)

; Tests

(test_declaration (string) @name (block) @body) @symbol.test
(test_declaration (identifier) @name (block) @body) @symbol.test

; Imports

(builtin_function
  (builtin_identifier) @_import
  (arguments (string (string_content) @reference.import))
  (#any-of? @_import "@import" "@embedFile" "@cInclude"))

; Calls

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression member: (identifier) @reference.call))

; Types

(struct_initializer . (identifier) @reference.type)
(parameter type: (identifier) @reference.type)
(parameter type: (field_expression member: (identifier) @reference.type))
(container_field type: (identifier) @reference.type)
(container_field type: (field_expression member: (identifier) @reference.type))
(function_declaration type: (identifier) @reference.type)
(variable_declaration type: (identifier) @reference.type)
(pointer_type (identifier) @reference.type)
(slice_type (identifier) @reference.type)
(nullable_type (identifier) @reference.type)
(error_union_type ok: (identifier) @reference.type)
(error_union_type error: (identifier) @reference.type)

; Other names; before a dot only capitalised ones, others are mostly local

((field_expression object: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(field_expression member: (identifier) @reference.mention)
(arguments (identifier) @reference.mention)
(call_expression (identifier) @reference.mention)

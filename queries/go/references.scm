; Calls and construction

(call_expression function: (identifier) @reference.call)
(call_expression function: (selector_expression field: (field_identifier) @reference.call))
(call_expression function: (parenthesized_expression (identifier) @reference.call))
(composite_literal type: (type_identifier) @reference.call)
(composite_literal type: (qualified_type name: (type_identifier) @reference.call))
(composite_literal type: (generic_type type: (type_identifier) @reference.call))

; Embedding

(field_declaration !name type: (type_identifier) @reference.inherit)
(field_declaration !name type: (qualified_type name: (type_identifier) @reference.inherit))
(interface_type (type_elem (type_identifier) @reference.inherit))
(interface_type (type_elem (qualified_type name: (type_identifier) @reference.inherit)))

; Imports

(import_spec path: (interpreted_string_literal (interpreted_string_literal_content) @reference.import))

; Types

((type_identifier) @reference.type
  (#not-any-of? @reference.type
    "string" "int" "error" "bool" "any" "byte" "int64" "int32" "uint64" "uint32" "uint8" "uint16" "uint" "rune" "float64" "T"
    "float32" "int8" "int16" "uintptr" "comparable"))

; Names as values

(argument_list (identifier) @reference.mention)
(argument_list (selector_expression field: (field_identifier) @reference.mention))
(keyed_element (literal_element (identifier) @reference.mention))
((selector_expression operand: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))

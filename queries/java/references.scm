; Calls and construction

(method_invocation name: (identifier) @reference.call)
(method_reference . (_) (identifier) @reference.call .)
(object_creation_expression type: (type_identifier) @reference.call)
(object_creation_expression type: (generic_type . (type_identifier) @reference.call))
(object_creation_expression type: (scoped_type_identifier (type_identifier) @reference.call .))
(object_creation_expression type: (generic_type . (scoped_type_identifier (type_identifier) @reference.call .)))

; Bases

(superclass (type_identifier) @reference.inherit)
(superclass (generic_type . (type_identifier) @reference.inherit))
(superclass (scoped_type_identifier (type_identifier) @reference.inherit .))
(super_interfaces (type_list (type_identifier) @reference.inherit))
(super_interfaces (type_list (generic_type . (type_identifier) @reference.inherit)))
(super_interfaces (type_list (scoped_type_identifier (type_identifier) @reference.inherit .)))
(extends_interfaces (type_list (type_identifier) @reference.inherit))
(extends_interfaces (type_list (generic_type . (type_identifier) @reference.inherit)))

; Imports

(import_declaration (scoped_identifier name: (identifier) @reference.import))
(import_declaration (identifier) @reference.import)

; Annotations

(marker_annotation name: (identifier) @reference.macro)
(annotation name: (identifier) @reference.macro)
(marker_annotation name: (scoped_identifier name: (identifier) @reference.macro))
(annotation name: (scoped_identifier name: (identifier) @reference.macro))

; Types

((type_identifier) @reference.type (#not-any-of? @reference.type "String" "T" "K" "V" "var"))
((method_invocation object: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
((field_access object: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))

; Names as values

((argument_list (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(field_access field: (identifier) @reference.mention)

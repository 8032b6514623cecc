; Imports

(import_declaration (identifier (simple_identifier) @reference.import))

; Bases

(inheritance_specifier inherits_from: (user_type (type_identifier) @reference.inherit))

; Attributes and macros

(attribute (user_type (type_identifier) @reference.macro))
(macro_invocation (simple_identifier) @reference.macro)

; Calls; a type is constructed by calling it

(call_expression . (simple_identifier) @reference.call)
(call_expression . (navigation_expression suffix: (navigation_suffix suffix: (simple_identifier) @reference.call)))
(call_expression . (prefix_expression target: (simple_identifier) @reference.call))

; Types, extended ones too

(user_type (type_identifier) @reference.type)

; Other names; before a dot only capitalised ones, others are mostly local

((navigation_expression target: (simple_identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(navigation_suffix suffix: (simple_identifier) @reference.mention)
(value_argument value: (simple_identifier) @reference.mention)

; Imports

(import_declaration path: (identifier) @reference.import .)
(namespace_selectors (identifier) @reference.import)
(arrow_renamed_identifier name: (identifier) @reference.import)
(as_renamed_identifier name: (identifier) @reference.import)

; Bases and derived instances

(extends_clause type: (type_identifier) @reference.inherit)
(extends_clause type: (generic_type type: (type_identifier) @reference.inherit))
(extends_clause type: (stable_type_identifier (type_identifier) @reference.inherit))
(derives_clause type: (type_identifier) @reference.inherit)

; Annotations

(annotation name: (type_identifier) @reference.macro)

; Calls and construction

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (identifier) @reference.call))
(call_expression function: (generic_function function: (identifier) @reference.call))
(call_expression function: (generic_function function: (field_expression field: (identifier) @reference.call)))
(instance_expression (type_identifier) @reference.call)
(instance_expression (generic_type type: (type_identifier) @reference.call))
(infix_expression operator: (identifier) @reference.call)
((infix_expression operator: (operator_identifier) @reference.call)
  (#not-any-of? @reference.call "+" "-" "*" "/" "%" "==" "!=" "<" ">" "<=" ">=" "&&" "||" "->" "::" "++" ":+" "+:" "&" "|" "^"))

; Types; one letter is a parameter

((type_identifier) @reference.type (#match? @reference.type "^.."))
(case_class_pattern type: (type_identifier) @reference.type)
(context_bound type: (type_identifier) @reference.type)

; Other names; before a dot only capitalised ones, others are mostly local

((field_expression value: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(field_expression field: (identifier) @reference.mention)
(arguments (identifier) @reference.mention)
(interpolation (identifier) @reference.mention)

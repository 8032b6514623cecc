; Calls and construction

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (field_identifier) @reference.call))
(call_expression function: (field_expression field: (template_method name: (field_identifier) @reference.call)))
(call_expression function: (qualified_identifier name: (identifier) @reference.call))
(call_expression function: (qualified_identifier name: (qualified_identifier name: (identifier) @reference.call)))
(call_expression function: (qualified_identifier name: (template_function name: (identifier) @reference.call)))
(call_expression function: (qualified_identifier
  name: (qualified_identifier name: (template_function name: (identifier) @reference.call))))
(call_expression function: (template_function name: (identifier) @reference.call))
(new_expression type: (type_identifier) @reference.call)
(new_expression type: (qualified_identifier name: (type_identifier) @reference.call))
(new_expression type: (template_type name: (type_identifier) @reference.call))
(compound_literal_expression type: (type_identifier) @reference.call)

; Bases

(base_class_clause (type_identifier) @reference.inherit)
(base_class_clause (template_type name: (type_identifier) @reference.inherit))
(base_class_clause (qualified_identifier name: (type_identifier) @reference.inherit))
(base_class_clause (qualified_identifier name: (template_type name: (type_identifier) @reference.inherit)))

; Includes and names brought into scope

(preproc_include path: (string_literal (string_content) @reference.import))
(preproc_include path: (system_lib_string) @reference.import)
(using_declaration (qualified_identifier name: (identifier) @reference.import))
(using_declaration (qualified_identifier name: (qualified_identifier name: (identifier) @reference.import)))
(using_declaration (identifier) @reference.import)

; Types

((type_identifier) @reference.type (#not-any-of? @reference.type "T"))

; Macros

(preproc_ifdef name: (identifier) @reference.mention)
(preproc_defined (identifier) @reference.mention)

; Names as values

(argument_list (identifier) @reference.mention)
(argument_list (qualified_identifier name: (identifier) @reference.mention))
(argument_list (pointer_expression argument: (identifier) @reference.mention))
(argument_list (pointer_expression argument: (qualified_identifier name: (identifier) @reference.mention)))
(init_declarator value: (identifier) @reference.mention)
(assignment_expression right: (identifier) @reference.mention)
(initializer_list (identifier) @reference.mention)
(qualified_identifier name: (identifier) @reference.mention)

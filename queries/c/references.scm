; Calls

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (field_identifier) @reference.call))

; Includes

(preproc_include path: (string_literal (string_content) @reference.import))
(preproc_include path: (system_lib_string) @reference.import)

; Types

(type_identifier) @reference.type

; Macros

(preproc_ifdef name: (identifier) @reference.mention)
(preproc_defined (identifier) @reference.mention)

; Names as values

(argument_list (identifier) @reference.mention)
(argument_list (pointer_expression argument: (identifier) @reference.mention))
(init_declarator value: (identifier) @reference.mention)
(assignment_expression right: (identifier) @reference.mention)
(initializer_pair value: (identifier) @reference.mention)
(initializer_list (identifier) @reference.mention)

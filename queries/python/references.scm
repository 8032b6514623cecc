; Decorators

(decorator (identifier) @reference.macro)
(decorator (attribute attribute: (identifier) @reference.macro))
(decorator (call function: (identifier) @reference.macro))
(decorator (call function: (attribute attribute: (identifier) @reference.macro)))

; Calls and construction

(call function: (identifier) @reference.call)
(call function: (attribute attribute: (identifier) @reference.call))

; Bases

(class_definition superclasses: (argument_list (identifier) @reference.inherit))
(class_definition superclasses: (argument_list (attribute attribute: (identifier) @reference.inherit)))
(class_definition superclasses: (argument_list (subscript value: (identifier) @reference.inherit)))

; Imports

(import_statement name: (dotted_name (identifier) @reference.import .))
(import_statement name: (aliased_import name: (dotted_name (identifier) @reference.import .)))
(import_from_statement module_name: (dotted_name (identifier) @reference.import .))
(import_from_statement name: (dotted_name (identifier) @reference.import .))
(import_from_statement name: (aliased_import name: (dotted_name (identifier) @reference.import .)))
(import_from_statement module_name: (relative_import (dotted_name (identifier) @reference.import .)))

; Types in annotations

((type (identifier) @reference.type)
  (#not-any-of? @reference.type "str" "int" "bool" "float" "bytes" "object" "list" "dict" "set" "tuple" "type" "T"))
(type (attribute attribute: (identifier) @reference.type))
(type (generic_type (identifier) @reference.type))
(type (subscript value: (identifier) @reference.type))
(type (binary_operator (identifier) @reference.type))
(except_clause (identifier) @reference.type)

; Names as values

((argument_list (identifier) @reference.mention) (#not-any-of? @reference.mention "self" "cls"))
(argument_list (attribute attribute: (identifier) @reference.mention))
(keyword_argument value: (identifier) @reference.mention)
((attribute object: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))

; Calls and construction

((invocation_expression function: (identifier) @reference.call) (#not-eq? @reference.call "nameof"))
(invocation_expression function: (generic_name . (identifier) @reference.call))
(invocation_expression function: (member_access_expression name: (identifier) @reference.call))
(invocation_expression function: (member_access_expression name: (generic_name . (identifier) @reference.call)))
(invocation_expression function: (conditional_access_expression (member_binding_expression name: (identifier) @reference.call)))
(object_creation_expression type: (identifier) @reference.call)
(object_creation_expression type: (generic_name . (identifier) @reference.call))
(object_creation_expression type: (qualified_name name: (identifier) @reference.call))

; Bases

(base_list (identifier) @reference.inherit)
(base_list (generic_name . (identifier) @reference.inherit))
(base_list (qualified_name name: (identifier) @reference.inherit))
(base_list (primary_constructor_base_type type: (identifier) @reference.inherit))

; Types

(parameter type: (identifier) @reference.type)
(method_declaration returns: (identifier) @reference.type)
(local_function_statement type: (identifier) @reference.type)
(property_declaration type: (identifier) @reference.type)
(indexer_declaration type: (identifier) @reference.type)
(event_declaration type: (identifier) @reference.type)
(delegate_declaration type: (identifier) @reference.type)
(variable_declaration type: (identifier) @reference.type)
(declaration_pattern type: (identifier) @reference.type)
(recursive_pattern type: (identifier) @reference.type)
(declaration_expression type: (identifier) @reference.type)
(foreach_statement type: (identifier) @reference.type)
(catch_declaration type: (identifier) @reference.type)
(cast_expression type: (identifier) @reference.type)
(as_expression right: (identifier) @reference.type)
(is_expression right: (identifier) @reference.type)
(typeof_expression type: (identifier) @reference.type)
(default_expression type: (identifier) @reference.type)
(array_type type: (identifier) @reference.type)
(nullable_type type: (identifier) @reference.type)
(tuple_element type: (identifier) @reference.type)
(ref_type type: (identifier) @reference.type)
(type_argument_list (identifier) @reference.type)
(type_parameter_constraint type: (identifier) @reference.type)
(generic_name . (identifier) @reference.type)
(qualified_name name: (identifier) @reference.type)

; Imports and attributes

(using_directive (identifier) @reference.import)
(using_directive (qualified_name name: (identifier) @reference.import))
(attribute name: (identifier) @reference.macro)
(attribute name: (qualified_name name: (identifier) @reference.macro))

; Members and values that are named otherwise; before a dot only capitalised ones, others are mostly local

((member_access_expression expression: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(member_access_expression name: (identifier) @reference.mention)
(argument (identifier) @reference.mention)

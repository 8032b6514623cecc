; Imports

(namespace_use_clause (name) @reference.import)
(namespace_use_clause (qualified_name (name) @reference.import))

; Bases and traits

(base_clause (name) @reference.inherit)
(base_clause (qualified_name (name) @reference.inherit))
(class_interface_clause (name) @reference.inherit)
(class_interface_clause (qualified_name (name) @reference.inherit))
(use_declaration (name) @reference.inherit)
(use_declaration (qualified_name (name) @reference.inherit))

; Calls and construction

((function_call_expression function: (name) @reference.call)
  (#not-any-of? @reference.call
    "isset" "count" "is_null" "is_array" "is_string" "in_array" "array_map" "array_merge" "array_keys" "array_values"
    "array_filter" "sprintf" "implode" "explode" "strlen" "substr" "strpos" "str_replace" "trim" "compact" "define"))
(function_call_expression function: (qualified_name (name) @reference.call))
(member_call_expression name: (name) @reference.call)
(nullsafe_member_call_expression name: (name) @reference.call)
(scoped_call_expression name: (name) @reference.call)
(object_creation_expression (name) @reference.call)
(object_creation_expression (qualified_name (name) @reference.call))

; Types

(named_type (name) @reference.type)
(named_type (qualified_name (name) @reference.type))
(scoped_call_expression scope: (name) @reference.type)
(scoped_property_access_expression scope: (name) @reference.type)
(class_constant_access_expression . (name) @reference.type)
(class_constant_access_expression . (qualified_name (name) @reference.type))
(binary_expression operator: "instanceof" right: (name) @reference.type)

; Attributes

(attribute (name) @reference.macro)
(attribute (qualified_name (name) @reference.macro))

; Members and constants

(member_access_expression name: (name) @reference.mention)
(nullsafe_member_access_expression name: (name) @reference.mention)
(class_constant_access_expression (_) (name) @reference.mention)
(argument (name) @reference.mention)

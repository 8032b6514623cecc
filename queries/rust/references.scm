; Calls and construction

(call_expression function: (identifier) @reference.call)
(call_expression function: (scoped_identifier name: (identifier) @reference.call))
(call_expression function: (field_expression field: (field_identifier) @reference.call))
(call_expression function: (generic_function function: (identifier) @reference.call))
(call_expression function: (generic_function function: (scoped_identifier name: (identifier) @reference.call)))
(call_expression function: (generic_function function: (field_expression field: (field_identifier) @reference.call)))
(struct_expression name: (type_identifier) @reference.call)
(struct_expression name: (scoped_type_identifier name: (type_identifier) @reference.call))

; Calls inside macro invocations: a name and parentheses

(token_tree
  (identifier) @reference.call . (token_tree . "(")
  (#not-any-of? @reference.call "not" "all" "any"))
(token_tree (identifier) @reference.macro . "!" . (token_tree))

; Macros and attributes

(macro_invocation macro: (identifier) @reference.macro)
(macro_invocation macro: (scoped_identifier name: (identifier) @reference.macro))
(attribute_item
  (attribute (identifier) @_derive arguments: (token_tree (identifier) @reference.inherit))
  (#eq? @_derive "derive"))
(attribute (identifier) @reference.macro)
(attribute (scoped_identifier name: (identifier) @reference.macro))

; Traits that are implemented or required

(impl_item trait: (type_identifier) @reference.inherit)
(impl_item trait: (scoped_type_identifier name: (type_identifier) @reference.inherit))
(impl_item trait: (generic_type type: (type_identifier) @reference.inherit))
(impl_item trait: (generic_type type: (scoped_type_identifier name: (type_identifier) @reference.inherit)))
(trait_item bounds: (trait_bounds (type_identifier) @reference.inherit))
(trait_item bounds: (trait_bounds (generic_type type: (type_identifier) @reference.inherit)))
(trait_item bounds: (trait_bounds (scoped_type_identifier name: (type_identifier) @reference.inherit)))

; Imports

(use_declaration argument: (identifier) @reference.import)
(use_declaration argument: (scoped_identifier name: (identifier) @reference.import))
(use_list (identifier) @reference.import)
(use_list (scoped_identifier name: (identifier) @reference.import))
(use_as_clause path: (identifier) @reference.import)
(use_as_clause path: (scoped_identifier name: (identifier) @reference.import))
(use_wildcard (identifier) @reference.import)
(use_wildcard (scoped_identifier name: (identifier) @reference.import))
(mod_item name: (identifier) @reference.import !body)
(extern_crate_declaration name: (identifier) @reference.import)

; Types

((type_identifier) @reference.type (#not-any-of? @reference.type "Self" "T"))

; Names as values

(arguments (identifier) @reference.mention)
(arguments (scoped_identifier name: (identifier) @reference.mention))
((scoped_identifier path: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(scoped_identifier name: (identifier) @reference.mention)

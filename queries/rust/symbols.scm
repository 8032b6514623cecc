; Types

(struct_item name: (_) @name) @symbol.struct
(enum_item name: (_) @name) @symbol.enum
(union_item name: (_) @name) @symbol.union
(trait_item name: (_) @name) @symbol.trait
(type_item name: (_) @name) @symbol.type
(associated_type name: (_) @name) @symbol.type

; Implementations bear the name of their type; what they hold belongs to it

(impl_item type: (type_identifier) @name) @symbol.impl
(impl_item type: (generic_type type: (type_identifier) @name)) @symbol.impl
(impl_item type: (generic_type type: (scoped_type_identifier name: (_) @name))) @symbol.impl
(impl_item type: (scoped_type_identifier name: (_) @name)) @symbol.impl
(impl_item type: (reference_type type: (type_identifier) @name)) @symbol.impl
(impl_item type: (reference_type type: (generic_type type: (type_identifier) @name))) @symbol.impl
(impl_item type: (_) @name) @symbol.impl

; Functions, also those of traits without a body

(function_item name: (_) @name) @symbol.function
(function_signature_item name: (_) @name) @symbol.function
(macro_definition name: (_) @name ["{" "("] @body) @symbol.macro

; Members and values

(enum_variant name: (_) @name) @symbol.enum_member
(field_declaration name: (_) @name) @symbol.field
(const_item name: (_) @name value: (_)? @body) @symbol.constant
(static_item name: (_) @name value: (_)? @body) @symbol.constant
(mod_item name: (_) @name body: (_)) @symbol.module

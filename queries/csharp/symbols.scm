; Namespaces and types

(namespace_declaration name: (_) @name) @symbol.namespace
(file_scoped_namespace_declaration name: (_) @name) @symbol.namespace

(class_declaration name: (identifier) @name) @symbol.class
(struct_declaration name: (identifier) @name) @symbol.struct
(record_declaration name: (identifier) @name) @symbol.struct
(interface_declaration name: (identifier) @name) @symbol.interface
(enum_declaration name: (identifier) @name) @symbol.enum
(enum_member_declaration name: (identifier) @name) @symbol.enum_member
(delegate_declaration name: (identifier) @name) @symbol.type

; Members

(constructor_declaration name: (identifier) @name) @symbol.constructor
(destructor_declaration name: (identifier) @name) @symbol.method
(method_declaration name: (identifier) @name) @symbol.method
(local_function_statement name: (identifier) @name) @symbol.function
(operator_declaration operator: _ @name) @symbol.method
(conversion_operator_declaration type: (_) @name) @symbol.method
(indexer_declaration "this" @name accessors: (_)? @body value: (_)? @body) @symbol.property
(property_declaration name: (identifier) @name accessors: (_)? @body value: (_)? @body) @symbol.property
(event_declaration name: (identifier) @name accessors: (_) @body) @symbol.property
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @symbol.property

(field_declaration
  (modifier "const")
  (variable_declaration (variable_declarator name: (identifier) @name))) @symbol.constant
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @symbol.field

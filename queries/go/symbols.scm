; Functions; a method's container is its receiver's type

(function_declaration name: (_) @name) @symbol.function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @container
    (pointer_type (type_identifier) @container)
    (generic_type type: (type_identifier) @container)
    (pointer_type (generic_type type: (type_identifier) @container))
  ]))
  name: (_) @name) @symbol.method
(method_declaration name: (_) @name) @symbol.method

; Types

(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @symbol.struct
(type_spec name: (_) @name type: (interface_type "{" @body)) @symbol.interface
(type_spec name: (_) @name) @symbol.type
(type_alias name: (_) @name) @symbol.type
(field_declaration name: (field_identifier) @name) @symbol.field
(method_elem name: (_) @name) @symbol.method

; Constants and variables of the package

(const_spec name: (identifier) @name) @symbol.constant
(source_file (var_declaration (var_spec name: (identifier) @name) @symbol.variable))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @symbol.variable)))

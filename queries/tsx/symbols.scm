; Classes and functions

(class_declaration name: (_) @name) @symbol.class
(abstract_class_declaration name: (_) @name) @symbol.class
(interface_declaration name: (_) @name) @symbol.interface
(type_alias_declaration name: (_) @name) @symbol.type
(enum_declaration name: (_) @name) @symbol.enum
(enum_body (enum_assignment name: (_) @name) @symbol.enum_member)
(enum_body name: (_) @name @symbol.enum_member)
(internal_module name: (_) @name) @symbol.namespace
(module name: (_) @name) @symbol.namespace
(function_declaration name: (_) @name) @symbol.function
(function_signature name: (_) @name) @symbol.function
(generator_function_declaration name: (_) @name) @symbol.function

; Members

((method_definition name: (_) @name) @symbol.constructor (#eq? @name "constructor"))
(class_body (method_definition name: (_) @name) @symbol.method)
(class_body (method_signature name: (_) @name) @symbol.method)
(class_body (abstract_method_signature name: (_) @name) @symbol.method)
(class_body (public_field_definition name: (_) @name value: [
  (arrow_function body: (_) @body)
  (function_expression body: (_) @body)
]) @symbol.method)
(class_body (public_field_definition name: (_) @name value: (_)? @body) @symbol.field)
(interface_body (method_signature name: (_) @name) @symbol.method)
(interface_body (property_signature name: (_) @name) @symbol.field)

; Functions and classes that a variable holds

(variable_declarator name: (identifier) @name value: [
  (arrow_function body: (_) @body)
  (function_expression body: (_) @body)
  (generator_function body: (_) @body)
]) @symbol.function
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @symbol.class
(variable_declarator name: (identifier) @name value: (call_expression
  arguments: (arguments [(arrow_function body: (_) @body) (function_expression body: (_) @body)]))) @symbol.function

; Constants and variables of the module; `require` only brings a name in

(program (lexical_declaration "const" (variable_declarator
  name: (identifier) @name
  value: (call_expression function: (identifier) @_require)) @symbol.constant) (#not-eq? @_require "require"))
(program (lexical_declaration "const" (variable_declarator name: (identifier) @name value: [
  (object) (array) (string) (template_string) (number) (regex) (true) (false) (null) (new_expression) (unary_expression)
  (binary_expression) (ternary_expression) (await_expression) (identifier) (as_expression) (satisfies_expression)
]) @symbol.constant))
(export_statement (lexical_declaration "const" (variable_declarator name: (identifier) @name value: (_)? @body) @symbol.constant))
(ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name) @symbol.constant))
(ambient_declaration (variable_declaration (variable_declarator name: (identifier) @name) @symbol.variable))
(export_statement (lexical_declaration "let" (variable_declarator name: (identifier) @name value: (_)? @body) @symbol.variable))
(export_statement (variable_declaration (variable_declarator name: (identifier) @name value: (_)? @body) @symbol.variable))
(program (lexical_declaration "let" (variable_declarator name: (identifier) @name value: (_)? @body) @symbol.variable))

; Functions and classes that are assigned to a member: `Name.prototype.method = `, `exports.name = `, `Name.method = `

(assignment_expression
  left: (member_expression
    object: (member_expression object: (_) @container property: (property_identifier) @_prototype)
    property: (property_identifier) @name)
  right: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)]
  (#eq? @_prototype "prototype")) @symbol.method
(assignment_expression
  left: (member_expression
    object: (member_expression object: (identifier) @_module property: (property_identifier) @_exports)
    property: (property_identifier) @name @export)
  right: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)]
  (#eq? @_module "module") (#eq? @_exports "exports")) @symbol.function
(assignment_expression
  left: (member_expression object: (identifier) @_exports property: (property_identifier) @name @export)
  right: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)]
  (#eq? @_exports "exports")) @symbol.function
(assignment_expression
  left: (member_expression object: (identifier) @_exports property: (property_identifier) @name @export)
  right: [(object) (string) (number) (call_expression) (new_expression) (array)]
  (#eq? @_exports "exports")) @symbol.constant
(assignment_expression
  left: (member_expression object: [(identifier) (this)] @container property: (property_identifier) @name)
  right: [(function_expression body: (_) @body) (arrow_function body: (_) @body) (generator_function body: (_) @body)])
  @symbol.method
(assignment_expression
  left: (member_expression object: (identifier) @_module property: (property_identifier) @_exports)
  right: (identifier) @export
  (#eq? @_module "module") (#eq? @_exports "exports"))
(assignment_expression
  left: (member_expression object: (identifier) @_module property: (property_identifier) @_exports)
  right: (object [(shorthand_property_identifier) @export (pair key: (property_identifier) @export)])
  (#eq? @_module "module") (#eq? @_exports "exports"))

; Functions in object literals

(object (method_definition name: (_) @name) @symbol.method)
(pair key: [(property_identifier) (string) (private_property_identifier)] @name value: [
  (function_expression body: (_) @body)
  (arrow_function body: (statement_block) @body)
  (generator_function body: (_) @body)
]) @symbol.method

; What a module exports by name

(export_specifier name: (_) @export)
(export_statement value: (identifier) @export)

; Tests: the description is the name

(expression_statement (call_expression
  function: [
    (identifier) @_test
    (member_expression object: (identifier) @_test)
    (call_expression function: (member_expression object: (identifier) @_test))
    (member_expression object: (member_expression object: (identifier) @_test))
  ]
  arguments: (arguments . [(string) (template_string)] @name [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ])) @symbol.test
  (#any-of? @_test "describe" "it" "test" "suite" "context" "specify" "bench" "fdescribe" "xdescribe" "fit" "xit" "Deno"))

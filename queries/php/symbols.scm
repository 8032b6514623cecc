; Namespaces and types

(namespace_definition name: (namespace_name) @name) @symbol.namespace
(class_declaration name: (name) @name) @symbol.class
(interface_declaration name: (name) @name) @symbol.interface
(trait_declaration name: (name) @name) @symbol.trait
(enum_declaration name: (name) @name) @symbol.enum
(enum_case name: (name) @name) @symbol.enum_member

; Functions and members

(function_definition name: (name) @name) @symbol.function
((method_declaration name: (name) @name) @symbol.constructor (#eq? @name "__construct"))
(method_declaration name: (name) @name) @symbol.method
(property_declaration (property_element name: (variable_name (name) @name))) @symbol.property
(property_promotion_parameter name: (variable_name (name) @name)) @symbol.property
(const_declaration (const_element . (name) @name)) @symbol.constant
(expression_statement
  (function_call_expression
    function: (name) @_define
    arguments: (arguments . (argument (string (string_content) @name)))
    (#eq? @_define "define"))) @symbol.constant

; Tests of PHPUnit and Pest

(method_declaration
  attributes: (attribute_list (attribute_group (attribute (name) @test)))
  (#any-of? @test "Test" "DataProvider" "TestWith"))
(expression_statement
  (function_call_expression
    function: (name) @_test
    arguments: (arguments . (argument (string (string_content) @name)) (argument [(anonymous_function) (arrow_function)] @body))
    (#any-of? @_test "it" "test" "describe" "todo" "arch"))) @symbol.test

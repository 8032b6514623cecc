; Imports

((call_expression
  function: (identifier) @_require
  arguments: (arguments . (string (string_fragment) @reference.import))) @_call
  (#match? @_call "^require")
  (#eq? @_require "require"))
(import_statement source: (string (string_fragment) @reference.import))
(import_clause (identifier) @reference.import)
(import_specifier name: (identifier) @reference.import)
(namespace_import (identifier) @reference.import)
(export_statement source: (string (string_fragment) @reference.import))
(export_specifier name: (identifier) @reference.mention)

; Calls and construction; an element is the call of its component

(call_expression function: (identifier) @reference.call)
(call_expression function: (member_expression property: [(property_identifier) (private_property_identifier)] @reference.call))
(new_expression constructor: (identifier) @reference.call)
(new_expression constructor: (member_expression property: [(property_identifier) (private_property_identifier)] @reference.call))
((jsx_opening_element name: (identifier) @reference.call) (#match? @reference.call "^[A-Z]"))
((jsx_self_closing_element name: (identifier) @reference.call) (#match? @reference.call "^[A-Z]"))
(jsx_opening_element name: (member_expression property: [(property_identifier) (private_property_identifier)] @reference.call))
(jsx_self_closing_element name: (member_expression property: [(property_identifier) (private_property_identifier)] @reference.call))

; Bases

(class_heritage (identifier) @reference.inherit)
(class_heritage (member_expression property: [(property_identifier) (private_property_identifier)] @reference.inherit))
(class_heritage (call_expression arguments: (arguments (identifier) @reference.inherit)))

; Decorators

(decorator (identifier) @reference.macro)
(decorator (call_expression function: (identifier) @reference.macro))
(decorator (call_expression function: (member_expression property: [(property_identifier) (private_property_identifier)] @reference.macro)))

; Names as values

(arguments (identifier) @reference.mention)
(arguments (member_expression property: [(property_identifier) (private_property_identifier)] @reference.mention))
(pair value: (identifier) @reference.mention)
(shorthand_property_identifier) @reference.mention
(jsx_expression (identifier) @reference.mention)
((member_expression object: (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))

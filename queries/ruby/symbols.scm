; Modules and classes; a comment behind the head ends it, as the body does

(module name: (constant) @name (comment)? @body) @symbol.module
(module name: (scope_resolution scope: (_)? @container name: (constant) @name) (comment)? @body) @symbol.module
(class name: (constant) @name (comment)? @body) @symbol.class
(class name: (scope_resolution scope: (_)? @container name: (constant) @name) (comment)? @body) @symbol.class
(assignment
  left: (constant) @name
  right: (call receiver: (constant) @_class method: (identifier) @_new block: (_)? @body)
  (#any-of? @_class "Struct" "Class" "Data" "Module")
  (#any-of? @_new "new" "define")) @symbol.class
(assignment left: (constant) @name right: (_)) @symbol.constant
(assignment left: (scope_resolution name: (constant) @name) right: (_)) @symbol.constant

; Methods

(call
  method: (identifier) @private
  arguments: (argument_list . [(method name: (_) @name body: (_)? @body) (singleton_method name: (_) @name body: (_)? @body)])
  (#any-of? @private "private" "private_class_method")) @symbol.method
(call
  method: (identifier) @restricted
  arguments: (argument_list . (method name: (_) @name body: (_)? @body))
  (#eq? @restricted "protected")) @symbol.method
((method name: (identifier) @name (comment)? @body) @symbol.constructor (#eq? @name "initialize"))
(method name: (_) @name (comment)? @body) @symbol.method
(singleton_method name: (_) @name (comment)? @body) @symbol.method
(alias name: (_) @name) @symbol.method

(call
  method: (identifier) @_define
  arguments: (argument_list . [(simple_symbol) (string)] @name)
  block: (_)? @body
  (#any-of? @_define "define_method" "define_singleton_method" "alias_method" "alias_attribute" "scope" "helper_method")) @symbol.method

; Accessors and associations are declared by calls

(call
  !receiver
  method: (identifier) @_attr
  arguments: (argument_list (simple_symbol) @name)
  (#match? @_attr "^(c|m)?attr(ibute)?(_internal|_class)?(_accessor|_reader|_writer)$")) @symbol.property
(call
  !receiver
  method: (identifier) @_attr
  arguments: (argument_list . (simple_symbol) @name)
  (#any-of? @_attr "has_many" "has_one" "belongs_to" "has_and_belongs_to_many" "attribute" "class_attribute" "option" "config_accessor")) @symbol.property

; Tests

(call
  method: (identifier) @_test
  arguments: (argument_list . [(string) (constant) (scope_resolution)] @name)
  block: (_) @body
  (#any-of? @_test "describe" "context" "it" "specify" "example" "feature" "scenario" "test" "should" "shared_examples" "shared_context" "shared_examples_for")) @symbol.test

; A bare `private` speaks of all methods after it

(body_statement
  [(identifier) @section.private (identifier) @section.restricted (identifier) @section.public]
  (#eq? @section.private "private")
  (#eq? @section.restricted "protected")
  (#eq? @section.public "public"))

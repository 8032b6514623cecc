; Imports

(import (qualified_identifier (identifier) @reference.import .))

; Bases

(delegation_specifier (user_type (identifier) @reference.inherit))
(delegation_specifier (constructor_invocation (user_type (identifier) @reference.inherit)))

; Annotations

(annotation (user_type (identifier) @reference.macro))
(annotation (constructor_invocation (user_type (identifier) @reference.macro)))

; Calls

(call_expression . (identifier) @reference.call)
(call_expression . (navigation_expression (identifier) @reference.call .))
(infix_expression . (_) . (identifier) @reference.call)
(callable_reference (identifier) @reference.call .)

; Types

(user_type (identifier) @reference.type)

; Other names; before a dot only capitalised ones, others are mostly local

((navigation_expression . (identifier) @reference.mention) (#match? @reference.mention "^[A-Z]"))
(navigation_expression (_) (identifier) @reference.mention)
(value_argument (identifier) @reference.mention)

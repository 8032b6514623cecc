; Imports

(import module: (module) @reference.import)
(import_name variable: (variable) @reference.import)
(import_name type: (name) @reference.import)

; Classes that are implemented or derived

(instance name: (name) @reference.inherit)
(deriving classes: (name) @reference.inherit)
(deriving classes: (tuple (name) @reference.inherit))
(deriving classes: (parens (name) @reference.inherit))
(deriving_instance name: (name) @reference.inherit)

; Calls: the head of an application

(apply function: (variable) @reference.call)
(apply function: (constructor) @reference.call)
(apply function: (qualified id: (variable) @reference.call))
(apply function: (qualified id: (constructor) @reference.call))
(infix operator: (infix_id (variable) @reference.call))
((infix operator: (operator) @reference.call)
  (#not-any-of? @reference.call
    "$" "." "+" "-" "*" "/" "==" "/=" "<" ">" "<=" ">=" "&&" "||" "++" "<>" "<$>" "<*>" ">>=" ">>" "*>" "<*" "<|>" "$!" "!!"))

; Types

(apply constructor: (name) @reference.type)
(name) @reference.type

; Names that stand alone: arguments, point-free compositions, constructors in patterns; short ones are local

(constructor) @reference.mention
(qualified id: (variable) @reference.mention)
((infix left_operand: (variable) @reference.mention) (#match? @reference.mention "^..."))
((infix right_operand: (variable) @reference.mention) (#match? @reference.mention "^..."))
((match expression: (variable) @reference.call) (#match? @reference.call "^..."))
(exp (variable) @reference.call)
((apply argument: (variable) @reference.mention) (#match? @reference.mention "^..."))

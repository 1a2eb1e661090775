; Definitions. Each pattern is rooted at the node that defines. Functions without a name of their own are named by what holds
; them (`walk.namers` in language.toml).

(function_declaration "async"? @async name: (identifier) @name parameters: (formal_parameters) @params body: (statement_block) @body) @symbol.function

(generator_function_declaration "async"? @async name: (identifier) @name parameters: (formal_parameters) @params body: (statement_block) @body) @symbol.function @generator

(function_expression "async"? @async name: (identifier)? @name parameters: (formal_parameters) @params body: (statement_block) @body) @symbol.function

(generator_function "async"? @async name: (identifier)? @name parameters: (formal_parameters) @params body: (statement_block) @body) @symbol.function @generator

(arrow_function "async"? @async [parameters: (formal_parameters) parameter: (identifier)] @params body: (_) @body) @symbol.function

(method_definition name: (_) @name parameters: (formal_parameters) @params body: (statement_block) @body) @symbol.method
(method_definition "async" @async) @symbol
(method_definition "*" @generator) @symbol
(method_definition "static" @static) @symbol
(method_definition "static get" @static @getter) @symbol
(method_definition "get" @getter) @symbol
(method_definition "set" @setter) @symbol
(method_definition decorator: (decorator) @decorator) @symbol

(class_declaration name: (identifier) @name body: (class_body) @body) @symbol.class
(class_declaration (class_heritage (_) @base)) @symbol
(class_declaration decorator: (decorator) @decorator) @symbol
(class name: (identifier)? @name body: (class_body) @body) @symbol.class
(class (class_heritage (_) @base)) @symbol
(class decorator: (decorator) @decorator) @symbol

; Fields and constants.
(field_definition property: (_) @name value: (_)? @value) @symbol.field
(field_definition "static" @static) @symbol
(field_definition decorator: (decorator) @decorator) @symbol
(variable_declarator name: (identifier) @name value: (_)? @value) @symbol.constant

; The names that a module gives out.
(export_statement !source (export_clause (export_specifier name: (_) @export)))
(export_statement value: (identifier) @export)
(assignment_expression left: (member_expression) @_left right: (object (shorthand_property_identifier) @export) (#eq? @_left "module.exports"))
(assignment_expression left: (member_expression) @_left right: (object (pair value: (identifier) @export)) (#eq? @_left "module.exports"))
(assignment_expression left: (member_expression) @_left
  right: (object (pair key: (_) @export value: [(function_expression) (arrow_function) (generator_function) (class)])) (#eq? @_left "module.exports"))
(assignment_expression left: (member_expression) @_left right: (object (method_definition name: (_) @export)) (#eq? @_left "module.exports"))
(assignment_expression left: (member_expression) @_left right: (identifier) @export (#eq? @_left "module.exports"))
(assignment_expression left: (member_expression object: (_) @_object) right: (identifier) @export (#any-of? @_object "exports" "module.exports"))

; Definitions. Each pattern is rooted at the node that defines.

(function_definition
  "async"? @async
  name: (identifier) @name
  type_parameters: (type_parameter)? @type_params
  parameters: (parameters) @params
  return_type: (type)? @return.type
  body: (block) @body) @symbol.function

(class_definition
  name: (identifier) @name
  type_parameters: (type_parameter)? @type_params
  body: (block) @body) @symbol.class

(class_definition superclasses: (argument_list [(identifier) (attribute) (subscript) (call)] @base)) @symbol

; Fields and constants.
(expression_statement (assignment left: (identifier) @name type: (type)? @value.type right: (_)? @value)) @symbol.constant

; The names that a module says are public.
(expression_statement (assignment left: (identifier) @_all right: [(list (string) @export) (tuple (string) @export)]) (#eq? @_all "__all__"))

(type_alias_statement left: (type [(identifier) @name (generic_type . (identifier) @name)]) right: (type) @value) @symbol.type

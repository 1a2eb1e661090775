; Definitions. Each pattern is rooted at the node that defines. Functions without a name of their own are named by what holds
; them (`walk.namers` in language.toml). Every pattern compiles with the grammars of ts and of tsx.

[(function_declaration) (function_signature) (function_expression)] @symbol.function
[(generator_function_declaration) (generator_function)] @symbol.function @generator
(function_declaration "async"? @async name: (identifier) @name type_parameters: (type_parameters)? @type_params
  parameters: (formal_parameters) @params return_type: (_)? @return.type body: (statement_block) @body) @symbol
(function_signature "async"? @async name: (identifier) @name type_parameters: (type_parameters)? @type_params
  parameters: (formal_parameters) @params return_type: (_)? @return.type) @symbol
(function_expression "async"? @async name: (identifier)? @name type_parameters: (type_parameters)? @type_params
  parameters: (formal_parameters) @params return_type: (_)? @return.type body: (statement_block) @body) @symbol
(generator_function_declaration "async"? @async name: (identifier) @name type_parameters: (type_parameters)? @type_params
  parameters: (formal_parameters) @params return_type: (_)? @return.type body: (statement_block) @body) @symbol
(generator_function "async"? @async name: (identifier)? @name type_parameters: (type_parameters)? @type_params
  parameters: (formal_parameters) @params return_type: (_)? @return.type body: (statement_block) @body) @symbol
(arrow_function "async"? @async type_parameters: (type_parameters)? @type_params
  [parameters: (formal_parameters) parameter: (identifier)] @params return_type: (_)? @return.type body: (_) @body) @symbol.function

(method_definition name: (_) @name type_parameters: (type_parameters)? @type_params parameters: (formal_parameters) @params
  return_type: (_)? @return.type body: (statement_block) @body) @symbol.method
(method_definition (accessibility_modifier) @visibility) @symbol
(method_definition (override_modifier) @override) @symbol
(method_definition "async" @async) @symbol
(method_definition "*" @generator) @symbol
(method_definition "static" @static) @symbol
(method_definition "get" @getter) @symbol
(method_definition "set" @setter) @symbol

(method_signature name: (_) @name type_parameters: (type_parameters)? @type_params parameters: (formal_parameters) @params
  return_type: (_)? @return.type) @symbol.method
(method_signature (accessibility_modifier) @visibility) @symbol
(method_signature (override_modifier) @override) @symbol
(method_signature "async" @async) @symbol
(method_signature "static" @static) @symbol
(method_signature "get" @getter) @symbol
(method_signature "set" @setter) @symbol

(abstract_method_signature name: (_) @name type_parameters: (type_parameters)? @type_params parameters: (formal_parameters) @params
  return_type: (_)? @return.type) @symbol.method @abstract
(abstract_method_signature (accessibility_modifier) @visibility) @symbol
(abstract_method_signature (override_modifier) @override) @symbol
(abstract_method_signature "get" @getter) @symbol
(abstract_method_signature "set" @setter) @symbol

(call_signature type_parameters: (type_parameters)? @type_params parameters: (formal_parameters) @params
  return_type: (_)? @return.type) @symbol.method
(construct_signature "new" @name type_parameters: (type_parameters)? @type_params parameters: (formal_parameters) @params
  type: (_)? @return.type) @symbol.method

(class_declaration name: (_) @name type_parameters: (type_parameters)? @type_params body: (class_body) @body) @symbol.class
(class_declaration (class_heritage (extends_clause value: (_) @base))) @symbol
(class_declaration (class_heritage (implements_clause (_) @base))) @symbol
(class_declaration decorator: (decorator) @decorator) @symbol
(abstract_class_declaration name: (_) @name type_parameters: (type_parameters)? @type_params body: (class_body) @body) @symbol.class @abstract
(abstract_class_declaration (class_heritage (extends_clause value: (_) @base))) @symbol
(abstract_class_declaration (class_heritage (implements_clause (_) @base))) @symbol
(abstract_class_declaration decorator: (decorator) @decorator) @symbol
(class name: (_)? @name type_parameters: (type_parameters)? @type_params body: (class_body) @body) @symbol.class
(class (class_heritage (extends_clause value: (_) @base))) @symbol
(class (class_heritage (implements_clause (_) @base))) @symbol
(class decorator: (decorator) @decorator) @symbol

(interface_declaration name: (type_identifier) @name type_parameters: (type_parameters)? @type_params body: (_) @body) @symbol.interface
(interface_declaration (extends_type_clause (_) @base)) @symbol
(enum_declaration name: (identifier) @name body: (enum_body) @body) @symbol.enum
(enum_assignment name: (_) @name value: (_) @value) @symbol.variant
[(property_identifier) (string) (computed_property_name)] @name @symbol.variant
[(internal_module name: (_) @name body: (statement_block)? @body) (module name: (_) @name body: (statement_block)? @body)] @symbol.namespace

(type_alias_declaration name: (type_identifier) @name type_parameters: (type_parameters)? @type_params value: (_) @value) @symbol.type

; Fields and constants.
(property_signature name: (_) @name type: (_)? @value.type) @symbol.field
(index_signature name: (_)? @name type: (_) @value.type) @symbol.field
(public_field_definition name: (_) @name type: (_)? @value.type value: (_)? @value) @symbol.field
(public_field_definition (accessibility_modifier) @visibility) @symbol
(public_field_definition (override_modifier) @override) @symbol
(public_field_definition "static" @static) @symbol
(public_field_definition "abstract" @abstract) @symbol
(public_field_definition decorator: (decorator) @decorator) @symbol
(variable_declarator name: (identifier) @name type: (_)? @value.type value: (_)? @value) @symbol.constant

; The names that a module gives out.
(export_statement !source (export_clause (export_specifier name: (_) @export)))
(export_statement value: (identifier) @export)
(export_statement "=" (identifier) @export)
(assignment_expression left: (member_expression object: (_) @_object) right: (identifier) @export (#any-of? @_object "exports" "module.exports"))

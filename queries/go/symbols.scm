; Definitions. Each pattern is rooted at the node that defines.

(package_clause (package_identifier) @name) @symbol.module

(function_declaration name: (identifier) @name type_parameters: (type_parameter_list)? @type_params
  parameters: (parameter_list) @params result: (_)? @return.type body: (block)? @body) @symbol.function

(method_declaration receiver: (parameter_list) @receiver name: (field_identifier) @name
  parameters: (parameter_list) @params result: (_)? @return.type body: (block)? @body) @symbol.method
(method_declaration receiver: (parameter_list (parameter_declaration type: [
  (type_identifier) @receiver.type
  (generic_type type: (_) @receiver.type)
  (pointer_type [(type_identifier) @receiver.type (generic_type type: (_) @receiver.type)])]))) @symbol

(method_elem name: (field_identifier) @name parameters: (parameter_list) @params result: (_)? @return.type) @symbol.method

(type_spec name: (type_identifier) @name type_parameters: (type_parameter_list)? @type_params type: (struct_type) @body) @symbol.struct
(type_spec type: (struct_type (field_declaration_list (field_declaration !name type: (_) @base)))) @symbol
(type_spec name: (type_identifier) @name type_parameters: (type_parameter_list)? @type_params type: (interface_type) @body) @symbol.interface
(type_spec type: (interface_type (type_elem . [(type_identifier) (qualified_type) (generic_type)] @base .))) @symbol
(type_spec name: (type_identifier) @name type_parameters: (type_parameter_list)? @type_params type: (_) @value) @symbol.type
(type_alias name: (type_identifier) @name type: (_) @value) @symbol.type

(field_declaration name: (field_identifier) @name type: (_) @value.type) @symbol.field
(const_spec (identifier) @name) @symbol.constant
(const_spec type: (_) @value.type) @symbol
(const_spec value: (_) @value) @symbol
(var_spec (identifier) @name) @symbol.constant
(var_spec type: (_) @value.type) @symbol
(var_spec value: (_) @value) @symbol

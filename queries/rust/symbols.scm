; Definitions. Each pattern is rooted at the node that defines.

(function_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params
  parameters: (parameters) @params return_type: (_)? @return.type body: (block) @body) @symbol.function
(function_item (function_modifiers "async" @async)) @symbol
(function_item (function_modifiers "unsafe" @unsafe)) @symbol
(function_item (where_clause) @type_params) @symbol

(function_signature_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params
  parameters: (parameters) @params return_type: (_)? @return.type) @symbol.function
(function_signature_item (function_modifiers "async" @async)) @symbol
(function_signature_item (function_modifiers "unsafe" @unsafe)) @symbol
(function_signature_item (where_clause) @type_params) @symbol

(impl_item type_parameters: (type_parameters)? @type_params trait: (_)? @base type: (_) @name body: (declaration_list)? @body) @symbol.impl
(impl_item (where_clause) @type_params) @symbol
(impl_item "unsafe" @unsafe) @symbol
(trait_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params body: (declaration_list) @body) @symbol.interface
(trait_item bounds: (trait_bounds (_) @base)) @symbol
(trait_item "unsafe" @unsafe) @symbol
(trait_item (where_clause) @type_params) @symbol

(struct_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params body: (_)? @body) @symbol.struct
(struct_item (where_clause) @type_params) @symbol
(union_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params body: (_) @body) @symbol.struct
(enum_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params body: (enum_variant_list) @body) @symbol.enum
(enum_item (where_clause) @type_params) @symbol
(enum_variant name: (identifier) @name body: (_)? @value.type value: (_)? @value) @symbol.variant
(field_declaration (visibility_modifier)? @visibility name: (_) @name type: (_) @value.type) @symbol.field

(const_item (visibility_modifier)? @visibility name: (_) @name type: (_) @value.type value: (_)? @value) @symbol.constant
(static_item (visibility_modifier)? @visibility name: (_) @name type: (_) @value.type value: (_)? @value) @symbol.constant
(type_item (visibility_modifier)? @visibility name: (_) @name type_parameters: (type_parameters)? @type_params type: (_) @value) @symbol.type
(associated_type name: (_) @name type_parameters: (type_parameters)? @type_params bounds: (_)? @value.type) @symbol.type
(mod_item (visibility_modifier)? @visibility name: (identifier) @name body: (declaration_list)? @body) @symbol.namespace
(macro_definition name: (identifier) @name) @symbol.macro

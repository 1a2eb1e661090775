; Parameters, rooted at the list.

(parameters (identifier) @param @param.name)
(parameters (default_parameter name: (identifier) @param.name value: (_) @param.default) @param)
(parameters (typed_parameter . (identifier) @param.name type: (type) @param.type) @param)
(parameters (typed_parameter . (list_splat_pattern (identifier) @param.name) @param.rest type: (type) @param.type) @param)
(parameters (typed_parameter . (dictionary_splat_pattern (identifier) @param.name) @param.keyword_rest type: (type) @param.type) @param)
(parameters (typed_default_parameter name: (identifier) @param.name type: (type) @param.type value: (_) @param.default) @param)
(parameters (list_splat_pattern (identifier) @param.name) @param @param.rest)
(parameters (dictionary_splat_pattern (identifier) @param.name) @param @param.keyword_rest)
(parameters (positional_separator) @param.positional_end)
(parameters (keyword_separator) @param.keyword_begin)

; Generic parameters (PEP 695).
(type_parameter (type (identifier) @type_param))
(type_parameter (type (splat_type (identifier) @type_param)))
(type_parameter (type (constrained_type . (type (identifier) @type_param) (type) @type_param.bound)))

; Parameters, rooted at the list. One declaration may name several.

(parameter_list (parameter_declaration name: (identifier) @param.name type: (_) @param.type) @param.each)
(parameter_list (parameter_declaration !name type: (_) @param.type) @param)
(parameter_list (variadic_parameter_declaration name: (identifier)? @param.name type: (_) @param.type) @param @param.rest)

; Generic parameters.
(type_parameter_list (type_parameter_declaration name: (identifier) @type_param type: (type_constraint) @type_param.bound))

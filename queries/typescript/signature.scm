; Parameters, rooted at the list, or at the one name of an arrow function without brackets.

(identifier) @param @param.name
(formal_parameters (_ pattern: (identifier) @param.name) @param)
(formal_parameters (_ pattern: (rest_pattern (identifier) @param.name) @param.rest) @param)
(formal_parameters (_ pattern: (rest_pattern [(object_pattern) (array_pattern)] @param.pattern) @param.rest) @param)
(formal_parameters (_ pattern: [(object_pattern) (array_pattern)] @param.pattern) @param)
(formal_parameters (_ pattern: [(identifier) (rest_pattern) (object_pattern) (array_pattern)] type: (_) @param.type) @param)
(formal_parameters (_ value: (_) @param.default) @param)
(formal_parameters (optional_parameter) @param @param.optional)
(formal_parameters (_ (accessibility_modifier) @param.property) @param)
(formal_parameters (_ "readonly" @param.property) @param)
(formal_parameters (_ pattern: (this)) @receiver)

; Generic parameters.
(type_parameters (type_parameter name: (type_identifier) @type_param))
(type_parameters (type_parameter name: (type_identifier) @type_param constraint: (constraint (_) @type_param.bound)))

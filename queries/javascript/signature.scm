; Parameters, rooted at the list, or at the one name of an arrow function without brackets.

(identifier) @param @param.name
(formal_parameters (identifier) @param @param.name)
(formal_parameters (assignment_pattern left: (identifier) @param.name right: (_) @param.default) @param)
(formal_parameters (rest_pattern (identifier) @param.name) @param @param.rest)
(formal_parameters [(object_pattern) (array_pattern)] @param @param.pattern)
(formal_parameters (assignment_pattern left: [(object_pattern) (array_pattern)] @param.pattern right: (_) @param.default) @param)
(formal_parameters (rest_pattern [(object_pattern) (array_pattern)] @param.pattern) @param @param.rest)

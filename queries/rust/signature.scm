; Parameters, rooted at the list.

(parameters (self_parameter) @receiver)
(parameters (parameter pattern: (self)) @receiver)
(parameters (parameter pattern: (identifier) @param.name type: (_) @param.type) @param)
(parameters (parameter pattern: "_" @param.name type: (_) @param.type) @param)
(parameters (parameter
  pattern: [(tuple_pattern) (struct_pattern) (tuple_struct_pattern) (reference_pattern) (slice_pattern) (ref_pattern) (mut_pattern)] @param.pattern
  type: (_) @param.type) @param)

; Generic parameters; lifetimes are left out.
(type_parameters (type_parameter name: (type_identifier) @type_param))
(type_parameters (type_parameter name: (type_identifier) @type_param bounds: (trait_bounds) @type_param.bound))
(type_parameters (const_parameter name: (identifier) @type_param type: (_) @type_param.bound))
(where_clause (where_predicate left: (type_identifier) @type_param.of bounds: (trait_bounds) @type_param.bound))

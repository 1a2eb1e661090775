; What makes a body hard to follow.

(function_declaration) @boundary
(generator_function_declaration) @boundary
(method_definition) @boundary
(class_declaration) @boundary
(abstract_class_declaration) @boundary
(class) @boundary

(if_statement) @branch
(else_clause (if_statement) @branch.flat)
(else_clause [(statement_block) (expression_statement) (return_statement) (throw_statement)]) @cognitive
(for_statement) @branch
(for_in_statement) @branch
(while_statement) @branch
(do_statement) @branch
(catch_clause) @branch
(ternary_expression) @branch
(switch_statement) @cognitive.nest
(switch_case) @branch.case
(binary_expression operator: ["&&" "||" "??"]) @branch.operator
(arrow_function) @nest
(function_expression) @nest

; What makes a body hard to follow.

(function_definition) @boundary
(class_definition) @boundary

(if_statement) @branch
(elif_clause) @branch.flat
(else_clause) @cognitive
(for_statement) @branch
(while_statement) @branch
(except_clause) @branch
(conditional_expression) @branch
(match_statement) @cognitive.nest
(case_clause) @branch.case
(if_clause) @branch.flat
(for_in_clause) @branch.flat
(boolean_operator) @branch.operator
(lambda) @nest

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
(case_clause) @branch.case
(if_clause) @branch.case
(for_in_clause) @branch.case
(boolean_operator) @branch.case
(lambda) @nest

; What makes a body hard to follow.

(if_statement) @branch
(if_statement alternative: (if_statement) @branch.flat)
(if_statement alternative: (block) @cognitive)
(for_statement) @branch
(expression_switch_statement) @cognitive.nest
(type_switch_statement) @cognitive.nest
(select_statement) @cognitive.nest
(expression_case) @branch.case
(type_case) @branch.case
(communication_case) @branch.case
(binary_expression operator: ["&&" "||"]) @branch.operator
(func_literal) @nest

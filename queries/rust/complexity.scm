; What makes a body hard to follow.

(function_item) @boundary
(impl_item) @boundary

(if_expression) @branch
(else_clause (if_expression) @branch.flat)
(else_clause (block)) @cognitive
(for_expression) @branch
(while_expression) @branch
(loop_expression) @branch
(let_declaration alternative: (block)) @branch
(match_expression) @cognitive.nest
(match_arm) @branch.case
(binary_expression operator: ["&&" "||"]) @branch.operator
(closure_expression) @nest

; What a body does. The first capture of a pattern names the thing, the others tell of it.

(func_literal) @boundary

(return_statement) @return
(return_statement (expression_list) @return.value) @return

; The last result that is an error is what a function throws.
(return_statement (expression_list (identifier) @throw.type .) (#match? @throw.type "^[eE]rr[A-Z]")) @throw
(return_statement (expression_list (identifier) @_err .) (#match? @_err "^err[0-9]*$")) @throw @throw.again
(return_statement (expression_list (selector_expression field: (field_identifier) @_name) @throw.type .) (#match? @_name "^(Err[A-Z].*|EOF)$")) @throw
(return_statement (expression_list (call_expression function: (selector_expression) @_make) .) (#any-of? @_make "errors.New" "fmt.Errorf" "errors.Wrap" "errors.Wrapf")) @throw
(return_statement (expression_list (call_expression function: (selector_expression) @_make
  arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @throw.message)) .) (#any-of? @_make "errors.New" "fmt.Errorf")) @throw
(return_statement (expression_list [
  (unary_expression operand: (composite_literal type: (_) @throw.type))
  (composite_literal type: (_) @throw.type)] .) (#match? @throw.type "(Error|Err)$")) @throw

(call_expression function: (identifier) @panic.name (#eq? @panic.name "panic")) @panic
(call_expression function: (identifier) @panic.name
  arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @throw.message) (#eq? @panic.name "panic")) @panic
(call_expression function: (identifier) @panic.name
  arguments: (argument_list . (call_expression arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @throw.message)))
  (#eq? @panic.name "panic")) @panic

(call_expression function: [(identifier) (selector_expression)] @call)

; Code that asks for trouble. `note` is what the message says.

((call_expression function: (selector_expression field: (field_identifier) @_name)
  arguments: (argument_list (binary_expression) @_text)) @smell.injection-risk
  (#any-of? @_name "Query" "QueryRow" "QueryContext" "QueryRowContext" "Exec" "ExecContext" "Raw")
  (#match? @_text "^[\"`]") (#match? @_text "(?i)\\b(select|insert|update|delete|drop|alter|create|where|values)\\b")
  (#set! note "A query is built from text that may come from outside"))

((call_expression function: (selector_expression field: (field_identifier) @_name)
  arguments: (argument_list (call_expression function: (selector_expression) @_format) @_text)) @smell.injection-risk
  (#any-of? @_name "Query" "QueryRow" "QueryContext" "QueryRowContext" "Exec" "ExecContext" "Raw") (#eq? @_format "fmt.Sprintf")
  (#match? @_text "(?i)\\b(select|insert|update|delete|drop|alter|create|where|values)\\b")
  (#set! note "A query is built from text that may come from outside"))

((call_expression function: (selector_expression) @_name
  arguments: (argument_list . (interpreted_string_literal) @_shell . (interpreted_string_literal) @_flag . [(binary_expression) (call_expression) (identifier)])) @smell.injection-risk
  (#eq? @_name "exec.Command") (#any-of? @_shell "\"sh\"" "\"bash\"" "\"/bin/sh\"" "\"/bin/bash\"" "\"cmd\"")
  (#any-of? @_flag "\"-c\"" "\"-lc\"" "\"/C\"" "\"/c\"") (#set! note "A shell command is built from text that may come from outside"))

((call_expression function: (selector_expression) @_name
  arguments: (argument_list . (_) . (interpreted_string_literal) @_shell . (interpreted_string_literal) @_flag . [(binary_expression) (call_expression) (identifier)])) @smell.injection-risk
  (#eq? @_name "exec.CommandContext") (#any-of? @_shell "\"sh\"" "\"bash\"" "\"/bin/sh\"" "\"/bin/bash\"" "\"cmd\"")
  (#any-of? @_flag "\"-c\"" "\"-lc\"" "\"/C\"" "\"/c\"") (#set! note "A shell command is built from text that may come from outside"))

(const_spec name: (identifier) @literal.name value: (expression_list . [(interpreted_string_literal) (raw_string_literal)] @literal.value .))
(var_spec name: (identifier) @literal.name value: (expression_list . [(interpreted_string_literal) (raw_string_literal)] @literal.value .))
(short_var_declaration left: (expression_list . (identifier) @literal.name .) right: (expression_list . [(interpreted_string_literal) (raw_string_literal)] @literal.value .))
(assignment_statement left: (expression_list . (identifier) @literal.name .) right: (expression_list . [(interpreted_string_literal) (raw_string_literal)] @literal.value .))
(assignment_statement left: (expression_list . (selector_expression field: (field_identifier) @literal.name) .) right: (expression_list . [(interpreted_string_literal) (raw_string_literal)] @literal.value .))
(keyed_element key: (literal_element (identifier) @literal.name) value: (literal_element [(interpreted_string_literal) (raw_string_literal)] @literal.value))
; Without a name only the form of a value tells that it is a secret.
(argument_list [(interpreted_string_literal) (raw_string_literal)] @literal.value)
(literal_element [(interpreted_string_literal) (raw_string_literal)] @literal.value)
(expression_list [(interpreted_string_literal) (raw_string_literal)] @literal.value)

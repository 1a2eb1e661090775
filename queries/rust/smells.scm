; Code that asks for trouble. `note` is what the message says.

((call_expression
  function: (field_expression
    value: (call_expression
      function: (field_expression value: (call_expression function: (scoped_identifier) @_new arguments: (arguments . (string_literal) @_shell)) field: (field_identifier) @_arg)
      arguments: (arguments . (string_literal) @_flag))
    field: (field_identifier) @_second)
  arguments: (arguments . [
    (macro_invocation macro: (identifier) @_format)
    (reference_expression (macro_invocation macro: (identifier) @_format))])) @smell.injection-risk
  (#match? @_new "Command::new$") (#any-of? @_shell "\"sh\"" "\"bash\"" "\"/bin/sh\"" "\"/bin/bash\"" "\"cmd\"") (#eq? @_arg "arg")
  (#any-of? @_flag "\"-c\"" "\"-lc\"" "\"/C\"" "\"/c\"") (#eq? @_second "arg") (#eq? @_format "format")
  (#set! note "A shell command is built from text that may come from outside"))

((call_expression
  function: [(identifier) @_name (scoped_identifier name: (identifier) @_name) (field_expression field: (field_identifier) @_name)]
  arguments: (arguments . [
    (macro_invocation macro: (identifier) @_format (token_tree) @_text)
    (reference_expression (macro_invocation macro: (identifier) @_format (token_tree) @_text))])) @smell.injection-risk
  (#any-of? @_name "query" "query_as" "sql_query" "execute" "prepare" "execute_batch" "query_row") (#eq? @_format "format")
  (#match? @_text "(?i)\\b(select|insert|update|delete|drop|alter|create|where|values)\\b")
  (#set! note "A query is built from text that may come from outside"))

(let_declaration pattern: (identifier) @literal.name value: [(string_literal) (raw_string_literal)] @literal.value)
(const_item name: (identifier) @literal.name value: [(string_literal) (raw_string_literal)] @literal.value)
(static_item name: (identifier) @literal.name value: [(string_literal) (raw_string_literal)] @literal.value)
(field_initializer field: (field_identifier) @literal.name value: [(string_literal) (raw_string_literal)] @literal.value)
(assignment_expression left: (identifier) @literal.name right: [(string_literal) (raw_string_literal)] @literal.value)
(assignment_expression left: (field_expression field: (field_identifier) @literal.name) right: [(string_literal) (raw_string_literal)] @literal.value)
; Without a name only the form of a value tells that it is a secret.
(arguments [(string_literal) (raw_string_literal)] @literal.value)
(array_expression [(string_literal) (raw_string_literal)] @literal.value)
(block [(string_literal) (raw_string_literal)] @literal.value .)
(macro_invocation (token_tree [(string_literal) (raw_string_literal)] @literal.value))

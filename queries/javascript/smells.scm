; Code that asks for trouble. `note` is what the message says.

((call_expression function: (identifier) @_name arguments: (arguments . [(identifier) (call_expression) (member_expression) (binary_expression) (template_string) (subscript_expression)])) @smell.unsafe-eval
  (#eq? @_name "eval") (#set! note "Runs text as code"))

((new_expression constructor: (identifier) @_name arguments: (arguments (_))) @smell.unsafe-eval
  (#eq? @_name "Function") (#set! note "Runs text as code"))

((call_expression function: (identifier) @_name arguments: (arguments . [(string) (template_string) (binary_expression)])) @smell.unsafe-eval
  (#any-of? @_name "setTimeout" "setInterval") (#set! note "Runs text as code"))

((call_expression function: (member_expression object: (identifier) @_vm property: (property_identifier) @_run)) @smell.unsafe-eval
  (#eq? @_vm "vm") (#any-of? @_run "runInContext" "runInNewContext" "runInThisContext") (#set! note "Runs text as code"))

((call_expression function: (member_expression property: (property_identifier) @_name)
  arguments: (arguments . [(template_string (template_substitution)) (binary_expression (string))] @_text)) @smell.injection-risk
  (#any-of? @_name "query" "execute" "raw" "$queryRawUnsafe" "$executeRawUnsafe")
  (#match? @_text "(?i)\\b(select|insert|update|delete|drop|alter|create|where|values)\\b")
  (#set! note "A query is built from text that may come from outside"))

((call_expression function: [(identifier) @_name (member_expression property: (property_identifier) @_name)]
  arguments: (arguments . [(template_string (template_substitution)) (binary_expression (string))])) @smell.injection-risk
  (#any-of? @_name "exec" "execSync") (#set! note "A shell command is built from text that may come from outside"))

(variable_declarator name: (identifier) @literal.name value: [(string) (template_string)] @literal.value)
(assignment_expression left: (identifier) @literal.name right: [(string) (template_string)] @literal.value)
(assignment_expression left: (member_expression property: (property_identifier) @literal.name) right: [(string) (template_string)] @literal.value)
(pair key: (property_identifier) @literal.name value: [(string) (template_string)] @literal.value)
(pair key: (string (string_fragment) @literal.name) value: [(string) (template_string)] @literal.value)
(assignment_pattern left: (identifier) @literal.name right: [(string) (template_string)] @literal.value)
(field_definition property: (property_identifier) @literal.name value: [(string) (template_string)] @literal.value)
; Without a name only the form of a value tells that it is a secret.
(arguments [(string) (template_string)] @literal.value)
(array [(string) (template_string)] @literal.value)
(return_statement [(string) (template_string)] @literal.value)
(pair value: [(string) (template_string)] @literal.value)

; Code that asks for trouble. `note` is what the message says.

((call function: (identifier) @_name arguments: (argument_list . [(identifier) (call) (attribute) (binary_operator) (subscript) (string (interpolation))])) @smell.unsafe-eval
  (#any-of? @_name "eval" "exec") (#set! note "Runs text as code"))

((call function: (attribute attribute: (identifier) @_name)
  arguments: (argument_list . [(string (interpolation)) (binary_operator (string)) (call function: (attribute object: (string)))] )) @smell.injection-risk
  (#any-of? @_name "execute" "executemany" "executescript") (#set! note "A query is built from text that may come from outside"))

((call function: (attribute) @_name arguments: (argument_list . [(string (interpolation)) (binary_operator) (call) (identifier)])) @smell.injection-risk
  (#any-of? @_name "os.system" "os.popen") (#set! note "A shell command is built from text that may come from outside"))

((call function: (attribute object: (identifier) @_module)
  arguments: (argument_list . [(string (interpolation)) (binary_operator) (identifier)] (keyword_argument name: (identifier) @_shell value: (true)))) @smell.injection-risk
  (#eq? @_module "subprocess") (#eq? @_shell "shell") (#set! note "A shell command is built from text that may come from outside"))

((call function: (attribute) @_name) @smell.unsafe-eval
  (#any-of? @_name "pickle.loads" "pickle.load" "marshal.loads" "marshal.load") (#set! note "Loading this format can run code"))

((call function: (attribute) @_name arguments: (argument_list . (_) .)) @smell.unsafe-eval
  (#eq? @_name "yaml.load") (#set! note "yaml.load without a safe loader can run code"))

(assignment left: (identifier) @literal.name right: (string) @literal.value)
(assignment left: (attribute attribute: (identifier) @literal.name) right: (string) @literal.value)
(keyword_argument name: (identifier) @literal.name value: (string) @literal.value)
(pair key: (string (string_content) @literal.name) value: (string) @literal.value)
(default_parameter name: (identifier) @literal.name value: (string) @literal.value)
; Without a name only the form of a value tells that it is a secret.
(argument_list (string) @literal.value)
(list (string) @literal.value)
(tuple (string) @literal.value)
(return_statement (string) @literal.value)
(pair value: (string) @literal.value)
(typed_default_parameter name: (identifier) @literal.name value: (string) @literal.value)

; What a body does. The first capture of a pattern names the thing, the others tell of it.

(function_declaration) @boundary
(generator_function_declaration) @boundary
(function_expression) @boundary
(generator_function) @boundary
(arrow_function) @boundary
(method_definition) @boundary
(class_declaration) @boundary
(abstract_class_declaration) @boundary
(class) @boundary

(return_statement) @return
(return_statement (_) @return.value) @return
(yield_expression) @yield
(yield_expression (_) @yield.value) @yield
(yield_expression "*" @yield.from) @yield

(throw_statement) @throw
(throw_statement (identifier) @throw.type) @throw
(throw_statement (new_expression constructor: [(identifier) (member_expression)] @throw.type) @throw.call) @throw
(throw_statement (call_expression function: (identifier) @throw.type) @throw.call (#match? @throw.type "^[A-Z]")) @throw
(throw_statement [
  (new_expression arguments: (arguments . [(string) (template_string)] @throw.message))
  (call_expression arguments: (arguments . [(string) (template_string)] @throw.message))]) @throw

(call_expression function: (member_expression object: (identifier) @_promise property: (property_identifier) @_reject)
  (#eq? @_promise "Promise") (#eq? @_reject "reject")) @reject
(call_expression function: (member_expression object: (identifier) @_promise property: (property_identifier) @_reject)
  arguments: (arguments . (new_expression constructor: [(identifier) (member_expression)] @throw.type) @throw.call)
  (#eq? @_promise "Promise") (#eq? @_reject "reject")) @reject
(call_expression function: (member_expression object: (identifier) @_promise property: (property_identifier) @_reject)
  arguments: (arguments . (identifier) @throw.type)
  (#eq? @_promise "Promise") (#eq? @_reject "reject")) @reject
(call_expression function: (member_expression object: (identifier) @_promise property: (property_identifier) @_reject)
  arguments: (arguments . (new_expression arguments: (arguments . [(string) (template_string)] @throw.message)))
  (#eq? @_promise "Promise") (#eq? @_reject "reject")) @reject

; `new Promise((resolve, reject) => …)`: what is handed to its second parameter is a rejection of the function around it.
((new_expression constructor: (identifier) @_promise arguments: (arguments . [
  (arrow_function parameters: (formal_parameters . (_) . (required_parameter pattern: (identifier) @executor.reject)))
  (function_expression parameters: (formal_parameters . (_) . (required_parameter pattern: (identifier) @executor.reject)))])) @executor
  (#eq? @_promise "Promise"))
(call_expression function: (identifier) @reject.by
  arguments: (arguments . (new_expression constructor: [(identifier) (member_expression)] @throw.type) @throw.call)) @reject
(call_expression function: (identifier) @reject.by
  arguments: (arguments . (new_expression arguments: (arguments . [(string) (template_string)] @throw.message)))) @reject
; Whose rejections end here, or where a `try` around it sees them.
((call_expression function: (member_expression object: (_) @settled property: (property_identifier) @_catch)) (#eq? @_catch "catch"))
(await_expression (_) @awaited)
(try_statement body: (statement_block) @try.body) @try
(catch_clause) @catch
(catch_clause parameter: (identifier) @catch.name) @catch

(call_expression function: [(identifier) (member_expression)] @call)

(assignment_expression left: (member_expression object: (this) property: [(property_identifier) (private_property_identifier)] @attribute))

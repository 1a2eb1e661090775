; What a body does. The first capture of a pattern names the thing, the others tell of it.

(function_item) @boundary
(closure_expression) @boundary
(async_block) @boundary
(gen_block) @boundary
(impl_item) @boundary
(trait_item) @boundary
(mod_item) @boundary

(return_expression) @return
(return_expression (_) @return.value) @return
(yield_expression) @yield
(yield_expression (_) @yield.value) @yield

; An error is thrown where `Err(…)` is what is handed out, and where `?` hands on what a call gave.
(call_expression function: (identifier) @_err (#eq? @_err "Err")) @throw @throw.returned
(call_expression function: (identifier) @_err arguments: (arguments . [(identifier) (scoped_identifier)] @throw.type) (#eq? @_err "Err")) @throw @throw.returned
(call_expression function: (identifier) @_err arguments: (arguments . (struct_expression name: (_) @throw.type)) (#eq? @_err "Err")) @throw @throw.returned
(call_expression function: (identifier) @_err
  arguments: (arguments . (call_expression function: [(identifier) (scoped_identifier)] @throw.type) @throw.call) (#eq? @_err "Err")) @throw @throw.returned
(call_expression function: (identifier) @_err arguments: (arguments . (string_literal) @throw.message) (#eq? @_err "Err")) @throw @throw.returned
(call_expression function: (identifier) @_err
  arguments: (arguments . (call_expression arguments: (arguments . (string_literal) @throw.message))) (#eq? @_err "Err")) @throw @throw.returned

(try_expression) @throw @throw.again
(try_expression (call_expression function: (identifier) @_err
  arguments: (arguments . [(scoped_identifier) @throw.type (call_expression function: (scoped_identifier) @throw.type) (struct_expression name: (_) @throw.type)]))
  (#eq? @_err "Err")) @throw
(try_expression (call_expression function: (field_expression field: (field_identifier) @_method)
  arguments: (arguments . [(scoped_identifier) @throw.type (call_expression function: (scoped_identifier) @throw.type) (struct_expression name: (_) @throw.type)]))
  (#eq? @_method "ok_or")) @throw
(try_expression (call_expression function: (field_expression field: (field_identifier) @_method)
  arguments: (arguments . (closure_expression
    body: [(scoped_identifier) @throw.type (call_expression function: (scoped_identifier) @throw.type) (struct_expression name: (_) @throw.type)])))
  (#any-of? @_method "ok_or_else" "map_err")) @throw
(try_expression (call_expression function: (field_expression field: (field_identifier) @_method) arguments: (arguments . (scoped_identifier) @throw.type))
  (#eq? @_method "map_err")) @throw
(macro_invocation macro: (identifier) @_macro (token_tree . (string_literal)? @throw.message) (#eq? @_macro "bail")) @throw
(macro_invocation macro: (identifier) @_macro (token_tree) @throw.unless (#eq? @_macro "ensure")) @throw

(call_expression function: (field_expression field: (field_identifier) @panic.name)
  (#any-of? @panic.name "unwrap" "expect" "unwrap_err" "expect_err")) @panic
(call_expression function: (field_expression field: (field_identifier) @panic.name) arguments: (arguments . (string_literal) @throw.message)
  (#any-of? @panic.name "expect" "expect_err")) @panic
(macro_invocation macro: (identifier) @panic.name (#any-of? @panic.name "panic" "todo" "unimplemented" "assert" "assert_eq" "assert_ne")) @panic
(macro_invocation macro: (identifier) @panic.name (token_tree . (string_literal) @throw.message) (#any-of? @panic.name "panic" "todo" "unimplemented")) @panic
(macro_invocation macro: (identifier) @panic.name (token_tree) @throw.unless (#eq? @panic.name "assert")) @panic

(call_expression function: [(identifier) (scoped_identifier) (field_expression)] @call)

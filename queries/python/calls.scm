; What a body does. The first capture of a pattern names the thing, the others tell of it.

(function_definition) @boundary
(class_definition) @boundary
(lambda) @boundary

(return_statement) @return
(return_statement (_) @return.value) @return
(yield) @yield
(yield (_) @yield.value) @yield
(yield "from" @yield.from) @yield

(raise_statement) @throw
(raise_statement . (identifier) @throw.type) @throw
(raise_statement . (attribute) @throw.type) @throw
(raise_statement . (call function: [(identifier) (attribute object: [(identifier) (attribute)])] @throw.type) @throw.call) @throw
; raise Error(…).with_traceback(…)
(raise_statement . (call function: (attribute object: (call function: [(identifier) (attribute)] @throw.type) @throw.call))) @throw
(raise_statement . (call arguments: (argument_list . (string) @throw.message))) @throw

(try_statement body: (block) @try.body) @try
(except_clause) @catch
(except_clause value: [(identifier) (attribute)] @catch.type) @catch
(except_clause value: (tuple [(identifier) (attribute)] @catch.type)) @catch
(except_clause value: (as_pattern [(identifier) (attribute)] @catch.type)) @catch
(except_clause value: (as_pattern (tuple [(identifier) (attribute)] @catch.type))) @catch
(except_clause value: (as_pattern alias: (as_pattern_target (identifier) @catch.name))) @catch

(call function: [(identifier) (attribute)] @call)

(assignment left: (attribute object: (identifier) @_self attribute: (identifier) @attribute) (#eq? @_self "self"))
(assignment left: (pattern_list (attribute object: (identifier) @_self attribute: (identifier) @attribute)) (#eq? @_self "self"))

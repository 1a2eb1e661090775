; The string that opens a body or the file.

(block . (comment)* . (expression_statement . (string) @doc .))
(module . (comment)* . (expression_statement . (string) @doc .))

-- For vim.lsp.enable("code-agent") without any setup, Neovim 0.11 and later.
return {
  cmd = { "code-agent", "lsp" },
  filetypes = { "python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust", "go" },
  root_markers = { "code-agent.toml", ".git", "pyproject.toml", "package.json", "Cargo.toml", "go.mod" },
}

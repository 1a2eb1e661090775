-- Commands of the code-agent plugin. The server itself is started by require("code_agent").setup().
if vim.g.loaded_code_agent then
  return
end
vim.g.loaded_code_agent = true

local function command(name, kind, text)
  vim.api.nvim_create_user_command(name, function()
    require("code_agent").take(kind)
  end, { desc = text })
end

command("CodeAgentQuickFix", "quickfix", "Mend the documentation finding under the cursor")
command("CodeAgentDocument", "refactor.rewrite", "Document, update or convert the documentation of the symbol under the cursor")
command("CodeAgentFixAll", "source.fixAll.code-agent", "Mend all documentation findings of the file")

vim.api.nvim_create_user_command("CodeAgent", function(given)
  require("code_agent.commands").run(given)
end, {
  nargs = "+",
  range = true,
  desc = "Have the server of code-agent carry out a command on the selection or at the cursor",
  complete = function(typed, line)
    -- Only the first word is one of ours.
    return line:match("CodeAgent%s+%S*$") and require("code_agent.commands").complete(typed) or {}
  end,
})

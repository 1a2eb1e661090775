-- Run inside Neovim: opens a file, takes the actions of a model one after the other, and says what it saw as JSON into SESSION_REPORT.
local session = vim.json.decode(vim.env.SESSION)
local report = {}

local function wait(what, seconds, condition)
  if not vim.wait(seconds * 1000, condition, 20) then
    error("waited in vain for " .. what .. ": " .. table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n"))
  end
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, false), "\n")
end

local function take(title, line)
  vim.api.nvim_win_set_cursor(0, { line, 5 })
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      return action.title:find(title, 1, true) == 1
    end,
  })
end

local function main()
  vim.opt.runtimepath:append(session.plugin)
  vim.cmd.runtime("plugin/code-agent.lua")
  vim.cmd("filetype on")
  require("code_agent").setup({ cmd = session.cmd })
  vim.cmd.edit(vim.fn.fnameescape(session.file))
  wait("the server", 30, function()
    return #vim.lsp.get_clients({ bufnr = 0, name = "code-agent" }) > 0
  end)
  local buffer = vim.api.nvim_get_current_buf()
  take("Document `subtract` · local model", 4)
  -- Somebody types while the model thinks.
  vim.wait(session.typing)
  vim.api.nvim_buf_set_lines(buffer, 1, 1, false, { "# typed 🎉" })
  wait("the documentation", 20, function()
    return text(buffer):find("Take 🎉 one number", 1, true) ~= nil
  end)
  report.documented = text(buffer)
  take("Simplify `subtract`", 5)
  wait("the refactoring", 20, function()
    return text(buffer):find("return difference", 1, true) ~= nil
  end)
  report.refactored = text(buffer)
  take("Explain `subtract`", 5)
  wait("the explanation", 20, function()
    return vim.api.nvim_get_current_buf() ~= buffer and text():find("It takes `second`", 1, true) ~= nil
  end)
  report.explained = text()
  vim.api.nvim_buf_call(buffer, function()
    vim.cmd("silent write")
  end)
end

local good, problem = pcall(main)
if not good then
  report.error = tostring(problem)
end
vim.fn.writefile({ vim.json.encode(report) }, vim.env.SESSION_REPORT)
vim.cmd(good and "qall!" or "cquit 1")

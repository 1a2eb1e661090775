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

-- Tells the model how to answer from now on, and returns what it has seen.
local function steer(how)
  local command = vim.list_extend(vim.deepcopy(session.steer), { vim.json.encode(how or vim.empty_dict()) })
  return vim.json.decode(vim.fn.system(command))
end

local said = {}
vim.notify = function(message)
  table.insert(said, message)
end

-- What was told to the user, by the plugin or by Neovim itself, since it was last asked: the lines with these words.
local function heard(words)
  local found
  wait(words, 20, function()
    found = vim.tbl_filter(function(line)
      return line:find(words, 1, true) ~= nil
    end, vim.list_extend(vim.split(vim.fn.execute("messages"), "\n"), said))
    return #found > 0
  end)
  return found
end

-- What goes wrong, or is ended, in a buffer that is as it was at first each time.
local function troubles(buffer, undocumented)
  local function anew()
    said = {}
    vim.cmd("messages clear")
    vim.api.nvim_set_current_buf(buffer)
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, undocumented)
    vim.api.nvim_win_set_cursor(0, { 4, 5 })
  end

  anew()
  -- A finding that no server has told, as linters of their own make them.
  local namespace = vim.api.nvim_create_namespace("other")
  vim.diagnostic.set(namespace, buffer, { { lnum = 4, col = 4, end_col = 10, message = "Name the difference.", source = "other", severity = 2 } })
  vim.api.nvim_win_set_cursor(0, { 5, 5 })
  vim.cmd("CodeAgentQuickFix")
  wait("the fix", 20, function()
    return text(buffer):find("return difference", 1, true) ~= nil
  end)
  vim.diagnostic.reset(namespace, buffer)
  report.fixed = text(buffer)
  report.asked = steer({ before = 0.6 }).last

  anew()
  vim.cmd("CodeAgent refactor name it")
  vim.wait(200)
  vim.api.nvim_buf_set_lines(buffer, 4, 5, false, { undocumented[5] .. " - 0" })
  report.refused = heard("changed meanwhile")
  report.conflict = text(buffer)

  anew()
  local slow = { pace = 0.02, words = 5000 }
  steer(slow)
  vim.cmd("CodeAgent explain")
  vim.wait(500)
  vim.cmd("CodeAgent cancel")
  report.cancelled = heard("cancelled")
  wait("the model to be told", 20, function()
    return steer(slow).aborted
  end)
  report.stays = vim.api.nvim_get_current_buf() == buffer and text(buffer) == table.concat(undocumented, "\n")

  anew()
  steer({ down = true })
  vim.cmd("CodeAgent documentWithModel")
  report.note = heard("without a model")
  report.offline = text(buffer)
  vim.cmd("CodeAgent refactor name it")
  report.down = heard("no connection")
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
  local undocumented = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
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
  troubles(buffer, undocumented)
end

local good, problem = pcall(main)
if not good then
  report.error = tostring(problem)
end
vim.fn.writefile({ vim.json.encode(report) }, vim.env.SESSION_REPORT)
vim.cmd(good and "qall!" or "cquit 1")

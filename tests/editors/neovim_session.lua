-- Run inside Neovim: opens a file, breaks its documentation, waits for the finding, takes the action, writes the file.
-- Says what it saw as JSON into the file named by SESSION_REPORT; any error ends the editor with exit code 1.
local session = vim.json.decode(vim.env.SESSION)
local report = {}

local function wait(what, seconds, condition)
  if not vim.wait(seconds * 1000, condition, 20) then
    error("waited in vain for " .. what)
  end
end

local function lines()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

local function findings()
  return vim.tbl_filter(function(finding)
    return finding.source == "code-agent"
  end, vim.diagnostic.get(0))
end

local function start()
  if session.packages then
    -- As a native package: Neovim finds plugin, modules and help by itself.
    vim.opt.packpath:prepend(session.packages)
    vim.cmd("packloadall!")
  else
    vim.opt.runtimepath:append(session.plugin)
    vim.cmd.runtime("plugin/code-agent.lua")
  end
  -- Older ways to start a server are taken when the newer ones are not there.
  if session.way ~= "enable" then
    vim.lsp.config, vim.lsp.enable = nil, nil
  end
  if session.way == "start_client" then
    vim.lsp.start = nil
  end
  vim.cmd("filetype on")
  require("code_agent").setup({ cmd = session.cmd, connect = session.connect })
  vim.cmd.edit(vim.fn.fnameescape(session.file))
end

local function started()
  wait("the server", 30, function()
    return #vim.lsp.get_clients({ bufnr = 0, name = "code-agent" }) > 0
  end)
end

local function take(kind)
  vim.lsp.buf.code_action({
    context = { only = { kind } },
    apply = true,
    filter = function(action)
      report.titles = report.titles or {}
      table.insert(report.titles, action.title)
      return action.isPreferred or session.title == nil or action.title:find(session.title, 1, true) ~= nil
    end,
  })
end

local function mend()
  local right = lines()
  local broken = {}
  for number, line in ipairs(right) do
    local first, last = line:find(session.right, 1, true)
    if first then
      line = line:sub(1, first - 1) .. session.wrong .. line:sub(last + 1)
      vim.api.nvim_win_set_cursor(0, { number, first - 1 })
    end
    broken[number] = line
  end
  vim.api.nvim_buf_set_lines(0, 0, -1, false, broken)
  wait("the finding", 30, function()
    return #findings() > 0
  end)
  report.findings = vim.tbl_map(function(finding)
    return { code = finding.code, line = finding.lnum, from = finding.col, to = finding.end_col, message = finding.message }
  end, findings())
  local finding = findings()[1]
  vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
  report.underlined = lines()[finding.lnum + 1]:sub(finding.col + 1, finding.end_col)
  take("quickfix")
  wait("the fix", 30, function()
    return vim.deep_equal(lines(), right)
  end)
  wait("the finding to go", 30, function()
    return #findings() == 0
  end)
end

local function document()
  local before = lines()
  vim.api.nvim_win_set_cursor(0, { session.line, 4 })
  take("refactor.rewrite")
  wait("the documentation", 30, function()
    return not vim.deep_equal(lines(), before)
  end)
end

local function health()
  require("code_agent").options.cmd = session.checked or session.cmd
  vim.cmd("checkhealth " .. session.name)
  wait("the report", 30, function()
    return table.concat(lines(), "\n"):find("code-agent: server", 1, true) ~= nil
  end)
  report.health = table.concat(lines(), "\n")
  vim.cmd("helptags " .. vim.fn.fnameescape(session.packages .. "/pack/code-agent/start/code-agent/doc"))
  vim.cmd("help :CodeAgent")
  report.help = vim.api.nvim_buf_get_name(0)
end

--- Has commands carried out as a person types them, each after the keys that select something.
local function commands()
  report.notes = {}
  vim.notify = function(text)
    table.insert(report.notes, text)
  end
  for _, step in ipairs(session.steps) do
    vim.api.nvim_win_set_cursor(0, { step.line, step.column })
    if step.keys then
      vim.cmd("normal! " .. step.keys .. vim.api.nvim_replace_termcodes("<Esc>", true, false, true))
    end
    vim.cmd(step.command)
  end
  wait("the commands to be heard", 30, function()
    local _, count = table.concat(vim.fn.readfile(session.heard), "\n"):gsub("workspace/executeCommand", "")
    return count >= session.expected
  end)
end

--- What a person reads where the server is there no more.
local function refused()
  wait("the sentence", 30, function()
    report.messages = vim.api.nvim_exec2("messages", { output = true }).output
    return report.messages:find(session.sentence, 1, true) ~= nil
  end)
  wait("the end of the server", 30, function()
    return #vim.lsp.get_clients({ name = "code-agent" }) == 0
  end)
end

--- What there is to do by name.
local tasks = { mend = mend, document = document, health = health, commands = commands, refused = refused }

local ok, message = pcall(function()
  start()
  -- One that is refused may be gone before anybody looks.
  if session.task ~= "refused" then
    started()
  end
  tasks[session.task]()
  if vim.bo.buftype == "" and not vim.bo.readonly then
    vim.cmd("silent write")
  end
  for _, client in ipairs(vim.lsp.get_clients({ name = "code-agent" })) do
    client:stop()
  end
end)
report.error = not ok and tostring(message) or nil
local file = assert(io.open(vim.env.SESSION_REPORT, "w"))
file:write(vim.json.encode(report))
file:close()
vim.cmd(ok and "qall!" or "cquit 1")

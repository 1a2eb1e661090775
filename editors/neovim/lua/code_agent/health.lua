--- Says whether everything that the plugin needs is there: `:checkhealth code-agent`.
local M = {}

local health = vim.health or require("health")
-- Neovim 0.9 and before have longer names.
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local warn = health.warn or health.report_warn
local fail = health.error or health.report_error

local function check_editor()
  start("code-agent: editor")
  local version = vim.version()
  local name = ("Neovim %d.%d.%d"):format(version.major, version.minor, version.patch)
  if vim.fn.has("nvim-0.7") == 1 then
    ok(name)
  else
    fail(name .. " is too old; 0.7 or later is needed.")
  end
end

local function check_program(command)
  start("code-agent: program")
  local program = command[1]
  local path = vim.fn.exepath(program)
  if path == "" then
    fail(program .. " is not an executable file on the PATH.", { "Put it there, or name it: setup({ cmd = { \"<path>\", \"lsp\" } })." })
    return
  end
  -- The last argument starts the server; the version is asked in its place.
  local asked = vim.list_extend({ path }, vim.list_slice(command, 2, #command - 1))
  local said = vim.fn.system(vim.list_extend(asked, { "--version" }))
  if vim.v.shell_error == 0 then
    ok(vim.trim(said) .. ", " .. path)
  else
    fail(path .. " does not say its version: " .. vim.trim(said))
  end
end

local function check_server()
  start("code-agent: server")
  local clients = require("code_agent").clients()
  if #clients == 0 then
    warn("No server runs.", { "Open a file of one of the file types that setup() names." })
  end
  local service = require("code_agent").options.connect
  if service and #clients > 0 then
    ok("It is that of " .. service .. ".")
  end
  for _, client in ipairs(clients) do
    local encoding = client.offset_encoding or "utf-16"
    ok(("It runs for %s; columns are counted in %s."):format(client.config.root_dir or "no folder", encoding))
    local provider = client.server_capabilities.executeCommandProvider or {}
    ok(("It has %d commands."):format(#(provider.commands or {})))
  end
end

--- Called by Neovim.
function M.check()
  check_editor()
  check_program(require("code_agent").options.cmd)
  check_server()
end

return M

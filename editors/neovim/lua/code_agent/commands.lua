--- The commands of the server as `:CodeAgent` takes them.
local M = {}

--- What a command is about, and what it wants to be told.
---
--- place: "cursor" is the selection, or the symbol under the cursor; "selection" is the selection, or the whole document.
--- field: the field of the argument that the rest of the line fills; prompt: how it is asked for where the line ends early.
M.known = {
  document = { place = "cursor" },
  documentFile = {},
  documentWorkspace = {},
  updateDocs = { place = "selection" },
  fixAll = {},
  convertStyle = { place = "selection", field = "style", prompt = "Convert to which style? " },
  documentWithModel = { place = "cursor" },
  explain = { place = "cursor" },
  fix = { place = "cursor" },
  refactor = { place = "cursor", field = "instruction", prompt = "What shall be changed? " },
  writeTests = { place = "cursor" },
  review = { place = "selection" },
  translate = { place = "selection", field = "instruction", prompt = "Into which language? " },
  custom = { place = "cursor", field = "name", prompt = "Which instruction? " },
  answer = {},
  showLast = {},
  status = { shows = true },
  stats = { shows = true },
}

--- Requests under way: what cancels each.
local running = {}

--- Names of commands that begin as typed.
function M.complete(typed)
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, typed)
  end, vim.list_extend(vim.tbl_keys(M.known), { "cancel" }))
  table.sort(names)
  return names
end

local function say(text, level)
  vim.notify("code-agent: " .. text, level or vim.log.levels.INFO)
end

--- How many units of the server's counting a text has.
function M.units(text, encoding)
  if encoding == "utf-8" then
    return #text
  end
  if vim.fn.has("nvim-0.11") == 1 then
    return vim.str_utfindex(text, encoding)
  end
  local utf32, utf16 = vim.str_utfindex(text)
  return encoding == "utf-32" and utf32 or utf16
end

local function line_at(number)
  return vim.api.nvim_buf_get_lines(0, number - 1, number, false)[1] or ""
end

--- The range of a command: the selected characters, where the lines are those of the selection, otherwise whole lines.
local function range_of(command, encoding)
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  local last = line_at(command.line2)
  local first_byte, last_byte = 1, #last
  if vim.fn.visualmode() == "v" and from[2] == command.line1 and to[2] == command.line2 then
    first_byte = from[3]
    -- The last character is selected as a whole; at the end of a line the column may lie far behind it.
    last_byte = to[3] <= #last and to[3] + vim.str_utf_end(last, to[3]) or #last
  end
  return {
    start = { line = command.line1 - 1, character = M.units(line_at(command.line1):sub(1, first_byte - 1), encoding) },
    ["end"] = { line = command.line2 - 1, character = M.units(last:sub(1, last_byte), encoding) },
  }
end

local function cursor(encoding)
  local place = vim.api.nvim_win_get_cursor(0)
  return { line = place[1] - 1, character = M.units(line_at(place[1]):sub(1, place[2]), encoding) }
end

local function send(client, buffer, name, argument)
  local token = ("code-agent-command-%d"):format(vim.loop.hrtime())
  local params = { command = "code-agent." .. name, arguments = { argument }, workDoneToken = token }
  local function done(failure, result)
    running[token] = nil
    if failure then
      -- The protocol's numbers for a request that was cancelled, and for a text that changed meanwhile, which the server tells itself.
      if failure.code ~= -32800 and failure.code ~= -32801 then
        say(failure.message, vim.log.levels.ERROR)
      end
    elseif M.known[name].shows then
      print(vim.inspect(result))
    elseif type(result) == "table" and type(result.message) == "string" and not result.shown then
      -- Above all that words are from the code alone, where no model could be asked.
      say(result.message)
    end
  end
  -- Since 0.11 a client is an object with methods.
  local is_object = vim.fn.has("nvim-0.11") == 1
  local sent, id
  if is_object then
    sent, id = client:request("workspace/executeCommand", params, done, buffer)
  else
    sent, id = client.request("workspace/executeCommand", params, done, buffer)
  end
  if not sent then
    say("the server does not run any more.", vim.log.levels.ERROR)
    return
  end
  running[token] = function()
    if is_object then
      client:cancel_request(id)
    else
      client.cancel_request(id)
    end
  end
end

local function cancel()
  local count = 0
  for token, stop in pairs(running) do
    running[token] = nil
    stop()
    count = count + 1
  end
  say(count == 0 and "nothing is under way." or ("%d cancelled."):format(count))
end

--- Carries out a line of `:CodeAgent`, as Neovim gives it to a user command.
function M.run(command)
  local name = command.fargs[1]
  if name == "cancel" then
    return cancel()
  end
  local known = M.known[name]
  if not known then
    return say(("there is no command %s; :CodeAgent <Tab> lists them."):format(name), vim.log.levels.ERROR)
  end
  local client = require("code_agent").clients(0)[1]
  if not client then
    return say("no server runs for this buffer; :checkhealth code-agent tells more.", vim.log.levels.ERROR)
  end
  local provider = client.server_capabilities.executeCommandProvider or {}
  if not vim.tbl_contains(provider.commands or {}, "code-agent." .. name) then
    return say(("the server that runs here is too old for this: it has no command code-agent.%s."):format(name), vim.log.levels.ERROR)
  end
  local buffer = vim.api.nvim_get_current_buf()
  local encoding = client.offset_encoding or "utf-16"
  local argument = { uri = vim.uri_from_bufnr(buffer) }
  if known.place and command.range > 0 then
    argument.range = range_of(command, encoding)
  elseif known.place == "cursor" then
    argument.position = cursor(encoding)
  end
  local text = table.concat(vim.list_slice(command.fargs, 2), " ")
  if not known.field then
    return send(client, buffer, name, argument)
  end
  local function go(answer)
    if answer and vim.trim(answer) ~= "" then
      argument[known.field] = vim.trim(answer)
      send(client, buffer, name, argument)
    end
  end
  if text ~= "" then
    go(text)
  else
    vim.ui.input({ prompt = known.prompt }, go)
  end
end

return M

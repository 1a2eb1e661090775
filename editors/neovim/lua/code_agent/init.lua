--- Starts the code-agent language server in Neovim 0.7 to 0.12 and offers its actions as commands.
local M = {}

--- The settings that `setup` was called with, defaults filled in.
M.options = {
  --- How the server is started.
  cmd = { "code-agent", "lsp" },
  --- The address of a service whose language server is used, `https://HOST:PORT`; without one the server runs here.
  connect = nil,
  --- Files that the server is started for.
  filetypes = { "python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust", "go" },
  --- The nearest folder above the file that holds one of these is the root.
  root_markers = { "code-agent.toml", ".git", "pyproject.toml", "package.json", "Cargo.toml", "go.mod" },
  --- Settings of the server, as in code-agent.toml.
  settings = {},
  --- Called with the client and the buffer when the server is attached.
  on_attach = nil,
  --- Capabilities of the client; a completion plugin may give its own.
  capabilities = nil,
}

local function root_of(path)
  local uv = vim.uv or vim.loop
  local nearest = vim.fn.fnamemodify(path, ":p:h")
  for _, marker in ipairs(M.options.root_markers) do
    local folder = nearest
    while true do
      if uv.fs_stat(folder .. "/" .. marker) then
        return folder
      end
      local above = vim.fn.fnamemodify(folder, ":h")
      if above == folder then
        break
      end
      folder = above
    end
  end
  return nearest
end

--- The command line of the server.
local function command()
  if not M.options.connect then
    return M.options.cmd
  end
  return vim.list_extend(vim.list_slice(M.options.cmd), { "--connect", M.options.connect })
end

local function client_config(root)
  return {
    name = "code-agent",
    cmd = command(),
    root_dir = root,
    settings = { ["code-agent"] = M.options.settings },
    init_options = M.options.settings,
    on_attach = M.options.on_attach,
    capabilities = M.options.capabilities or vim.lsp.protocol.make_client_capabilities(),
    workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
  }
end

--- Clients by root, for Neovim 0.7, which cannot find a running one itself.
local clients_of_root = {}

--- Attaches the server to a buffer; starts it where it does not run yet.
function M.attach(buffer)
  local path = vim.api.nvim_buf_get_name(buffer)
  if path == "" or vim.api.nvim_buf_get_option(buffer, "buftype") ~= "" then
    return
  end
  local root = root_of(path)
  if vim.lsp.start then
    vim.lsp.start(client_config(root), { bufnr = buffer })
    return
  end
  local id = clients_of_root[root]
  if not id or not vim.lsp.get_client_by_id(id) then
    id = vim.lsp.start_client(client_config(root))
    clients_of_root[root] = id
  end
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

--- The running clients of code-agent: those of a buffer, or all.
function M.clients(buffer)
  if vim.lsp.get_clients then
    return vim.lsp.get_clients({ bufnr = buffer, name = "code-agent" })
  end
  local clients = buffer and vim.lsp.buf_get_clients(buffer) or vim.lsp.get_active_clients()
  return vim.tbl_filter(function(client)
    return client.name == "code-agent"
  end, vim.tbl_values(clients))
end

--- All findings of the line, whoever has them: Neovim itself shows each server its own only, and a model can mend those of others.
local function findings()
  local client = M.clients(0)[1]
  local encoding = client and client.offset_encoding or "utf-16"
  local function place(line, column)
    local text = vim.api.nvim_buf_get_lines(0, line, line + 1, false)[1] or ""
    return { line = line, character = require("code_agent.commands").units(text:sub(1, column), encoding) }
  end
  local found = {}
  for _, item in ipairs(vim.diagnostic.get(0, { lnum = vim.api.nvim_win_get_cursor(0)[1] - 1 })) do
    -- What the server said of it, but for the range, which another one may count in other units.
    local known = vim.deepcopy(item.user_data and item.user_data.lsp or {})
    known.range = { start = place(item.lnum, item.col), ["end"] = place(item.end_lnum or item.lnum, item.end_col or item.col) }
    known.message, known.severity, known.source, known.code = item.message, item.severity, item.source, known.code or item.code
    found[#found + 1] = known
  end
  return found
end

--- Takes the action of this kind at the cursor; asks where there are several.
function M.take(kind)
  local context = { only = { kind }, diagnostics = findings() }
  if vim.fn.has("nvim-0.8") == 1 then
    vim.lsp.buf.code_action({ context = context, apply = true })
  else
    vim.lsp.buf.code_action(context)
  end
end

--- Starts the server for the file types of the settings.
function M.setup(options)
  M.options = vim.tbl_deep_extend("force", M.options, options or {})
  local group = vim.api.nvim_create_augroup("code-agent", { clear = true })
  -- Conversations are Markdown, most of which is none of our business.
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
    group = group,
    pattern = "*.chat.md",
    callback = function(event)
      M.attach(event.buf)
    end,
  })
  if vim.lsp.config and vim.lsp.enable then
    vim.lsp.config("code-agent", {
      cmd = command(),
      filetypes = M.options.filetypes,
      root_markers = M.options.root_markers,
      settings = { ["code-agent"] = M.options.settings },
      init_options = M.options.settings,
      on_attach = M.options.on_attach,
      capabilities = M.options.capabilities,
    })
    vim.lsp.enable("code-agent")
    return
  end
  vim.api.nvim_create_autocmd("FileType", {
    group = group,
    pattern = M.options.filetypes,
    callback = function(event)
      M.attach(event.buf)
    end,
  })
  -- Buffers that were open before.
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local filetype = vim.api.nvim_buf_get_option(buffer, "filetype")
    if vim.api.nvim_buf_is_loaded(buffer) and vim.tbl_contains(M.options.filetypes, filetype) then
      M.attach(buffer)
    end
  end
end

return M

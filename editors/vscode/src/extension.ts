/**
 * Starts the server that is on the path and hands the rest to the client library.
 */

import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

const LANGUAGES = ["python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust", "go"];

let client: LanguageClient | undefined;

/**
 * Leaves out what only the extension itself reads; the server refuses settings that it does not know.
 */
function forServer(settings: unknown): unknown {
  if (typeof settings !== "object" || settings === null) {
    return settings;
  }
  const { path: _path, trace: _trace, ...rest } = settings as Record<string, unknown>;
  return rest;
}

/**
 * Builds a client with the settings as they are now.
 */
function build(): LanguageClient {
  const command = vscode.workspace.getConfiguration("code-agent").get<string>("path") || "code-agent";
  // Without a transport the library adds no argument of its own to the command line.
  const server: ServerOptions = { command, args: ["lsp"] };
  const options: LanguageClientOptions = {
    documentSelector: LANGUAGES.map((language) => ({ language })),
    synchronize: { configurationSection: "code-agent" },
    initializationOptions: forServer(vscode.workspace.getConfiguration().get("code-agent")),
    middleware: {
      workspace: {
        configuration: async (params, token, next) => {
          const answers = await next(params, token);
          return Array.isArray(answers) ? answers.map(forServer) : answers;
        },
      },
    },
  };
  return new LanguageClient("code-agent", "code-agent", server, options);
}

/**
 * Starts the server; says in one sentence why, if it cannot be started.
 */
async function start(): Promise<void> {
  const starting = build();
  client = starting;
  try {
    await starting.start();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const answer = await vscode.window.showErrorMessage(`code-agent could not be started: ${reason}`, "Settings");
    if (answer === "Settings") {
      await vscode.commands.executeCommand("workbench.action.openSettings", "code-agent.path");
    }
  }
}

/**
 * Stops the server if it runs.
 */
async function stop(): Promise<void> {
  const stopping = client;
  client = undefined;
  if (stopping?.needsStop()) {
    await stopping.stop();
  }
}

/**
 * Called by the editor when a file of one of the languages is opened.
 */
export async function activate(context: vscode.ExtensionContext): Promise<void> {
  context.subscriptions.push(
    vscode.commands.registerCommand("code-agent.restart", async () => {
      await stop();
      await start();
    }),
    vscode.commands.registerCommand("code-agent.showLog", () => client?.outputChannel.show()),
    vscode.workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("code-agent.path")) {
        await stop();
        await start();
      }
    }),
  );
  await start();
}

/**
 * Called by the editor when it closes.
 */
export async function deactivate(): Promise<void> {
  await stop();
}

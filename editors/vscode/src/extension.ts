/**
 * Starts the server and hands the rest to the client library. Sends nothing anywhere, and fetches nothing.
 */

import * as vscode from "vscode";
import type { LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";
import type { Client } from "./client";
import { COMMANDS, run, showStats } from "./commands";
import { find } from "./program";
import { chosenProgram, chosenService, forServer } from "./settings";
import { openMenu, Status } from "./status";

const LANGUAGES = ["python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust", "go"];

const EXAMPLE = `"""An example: its documentation no longer tells the truth."""


def total(prices, discount=0.1):
    """Sum prices up.

    Args:
        prices: The prices.
        rebate: Share of the price that is taken off.
    """
    return sum(prices) * (1 - discount)
`;

let client: Client | undefined;
let status: Status;
let log: vscode.LogOutputChannel;

/** Starts and stops follow one another; a second one waits for the first. */
let turn: Promise<void> = Promise.resolve();

/**
 * Builds a client with the settings as they are now.
 */
async function build(extension: vscode.Extension<unknown>, command: string): Promise<Client> {
  // The library is most of the extension. It is loaded when it is wanted, so that the editor does not wait for it at its own start.
  const { Client } = await import("./client");
  // Without a transport the library adds no argument of its own to the command line.
  const service = chosenService();
  const server: ServerOptions = { command, args: service ? ["lsp", "--connect", service] : ["lsp"] };
  const options: LanguageClientOptions = {
    // Files, and documents that are not saved yet; not the other side of a comparison, which nobody can edit.
    documentSelector: [
      ...LANGUAGES.flatMap((language) => ["file", "untitled"].map((scheme) => ({ scheme, language }))),
      { scheme: "file", pattern: "**/*.chat.md" },
    ],
    outputChannel: log,
    initializationOptions: forServer(extension),
    // Whoever starts it says what went wrong.
    initializationFailedHandler: () => false,
    middleware: {
      workspace: {
        configuration: (params) => params.items.map((item) => (item.section === "code-agent" ? forServer(extension) : null)),
      },
    },
  };
  return new Client("code-agent", "code-agent", server, options);
}

/**
 * Says that there is no program to start, and helps to name one.
 */
async function tellMissing(chosen: string): Promise<void> {
  const where = chosen ? `${chosen}, which the setting code-agent.path names, cannot be started` : "it is not on the PATH";
  const [choose, settings, welcome] = ["Choose the program…", "Settings", "Welcome"];
  const answer = await vscode.window.showErrorMessage(`code-agent was not found: ${where}.`, choose, settings, welcome);
  if (answer === choose) {
    const files = await vscode.window.showOpenDialog({ title: "The program code-agent", canSelectMany: false });
    if (files?.[0]) {
      await vscode.workspace.getConfiguration("code-agent").update("path", files[0].fsPath, vscode.ConfigurationTarget.Global);
    }
  } else if (answer === settings) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "code-agent.path");
  } else if (answer === welcome) {
    await vscode.commands.executeCommand("code-agent.welcome");
  }
}

/**
 * Starts the server; says in one sentence why, if it cannot be started.
 */
async function start(context: vscode.ExtensionContext): Promise<void> {
  const chosen = chosenProgram();
  const program = await find(chosen, context.extensionPath);
  if (!program) {
    status.follow(undefined, "The program code-agent was not found.");
    void tellMissing(chosen);
    return;
  }
  const starting = await build(context.extension, program);
  client = starting;
  status.follow(starting);
  try {
    await starting.start();
  } catch (error) {
    // The library knows no more than that nothing came.
    const ended = starting.isOver ? "its process has ended" : undefined;
    const reason = ended ?? (error instanceof Error ? error.message : String(error));
    status.follow(starting, `The server could not be started: ${reason}`);
    void vscode.window.showErrorMessage(`code-agent could not be started: ${reason}`, "Show the log").then((answer) => {
      if (answer) {
        log.show();
      }
    });
  }
}

/**
 * Stops the server if it runs.
 */
async function stop(): Promise<void> {
  const stopping = client;
  client = undefined;
  status.follow(undefined);
  if (stopping) {
    stopping.isOver = true;
  }
  try {
    await stopping?.dispose();
  } catch {
    // A server that does not go in good order has been killed, and somebody waits for the next one.
  }
}

/**
 * Does one thing after what was begun before is done.
 */
function next(work: () => Promise<void>): Promise<void> {
  turn = turn.then(work, work);
  return turn;
}

/**
 * Called by the editor when a file of one of the languages is opened, or a command is chosen. The server starts beside it, so that the
 * editor does not wait.
 */
export function activate(context: vscode.ExtensionContext): void {
  status = new Status();
  // One for all clients that follow one another.
  log = vscode.window.createOutputChannel("code-agent", { log: true });
  const restart = () =>
    next(async () => {
      await stop();
      await start(context);
    });
  const own: [string, (...args: unknown[]) => unknown][] = [
    ["restart", restart],
    ["showLog", () => log.show()],
    ["status", () => openMenu(status.hasModels, client?.isRunning() ?? false)],
    ["welcome", () => vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#welcome`, false)],
    [
      "openExample",
      async () => {
        const document = await vscode.workspace.openTextDocument({ language: "python", content: EXAMPLE });
        await vscode.window.showTextDocument(document);
      },
    ],
  ];
  for (const [name, handle] of own) {
    context.subscriptions.push(vscode.commands.registerCommand(`code-agent.${name}`, handle));
  }
  for (const command of COMMANDS) {
    const handle = async (...args: unknown[]) => {
      // A command can be what activated the extension.
      await turn;
      const working = run(client, command, args);
      if (command.asks) {
        void status.refresh();
      }
      const result = await working;
      if (command.asks) {
        void status.refresh();
      }
      if (command.name === "stats" && result) {
        await showStats(result);
      }
      return result;
    };
    context.subscriptions.push(vscode.commands.registerCommand(`code-agent.${command.name}`, handle));
  }
  context.subscriptions.push(
    status,
    log,
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("code-agent.path") || event.affectsConfiguration("code-agent.connect")) {
        void restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => {
      if (chosenProgram()) {
        void restart();
      }
    }),
  );
  void next(() => start(context));
}

/**
 * Called by the editor when it closes.
 */
export async function deactivate(): Promise<void> {
  await next(stop);
}

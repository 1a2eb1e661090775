/**
 * The commands of the server as the palette, the context menu, code actions and code lenses start them.
 */

import * as vscode from "vscode";
import type { Client } from "./client";

/** The protocol's number for a request that was cancelled. */
const REQUEST_CANCELLED = -32800;

/** And for one whose text changed meanwhile. Most clients pass over it in silence, so that the server shows a message itself. */
const CONTENT_MODIFIED = -32801;

/** Milliseconds for which the status bar says what came of a question. */
const MESSAGE_SHOWN = 15_000;

/** What a command is about, besides the document. */
type Place =
  /** The selection, or the symbol under the cursor. */
  | "cursor"
  /** The selection, or the whole document. */
  | "selection"
  /** Nothing: the whole document, or the whole workspace. */
  | "none";

interface Wanted {
  /** The field of the argument that the user fills in. */
  field: "instruction" | "name" | "style";
  prompt: string;
  placeholder?: string;
  /** The answers there are; any text where they are left out. */
  choices?: string[];
}

export interface Command {
  name: string;
  /** What is shown while it works. */
  title: string;
  place: Place;
  /** Whether a model is asked, which takes its time and can be cancelled. */
  asks: boolean;
  wanted?: Wanted;
}

const STYLES = ["google", "numpy", "sphinx", "jsdoc", "tsdoc", "rustdoc", "godoc"];

export const COMMANDS: Command[] = [
  { name: "document", title: "Writing documentation", place: "cursor", asks: false },
  { name: "documentFile", title: "Documenting the file", place: "none", asks: false },
  { name: "documentWorkspace", title: "Documenting the workspace", place: "none", asks: false },
  { name: "updateDocs", title: "Updating documentation", place: "selection", asks: false },
  { name: "fixAll", title: "Mending all findings", place: "none", asks: false },
  {
    name: "convertStyle",
    title: "Converting documentation",
    place: "selection",
    asks: false,
    wanted: { field: "style", prompt: "Convert the documentation to which style?", choices: STYLES },
  },
  { name: "documentWithModel", title: "Writing documentation with a model", place: "cursor", asks: true },
  { name: "explain", title: "Explaining", place: "cursor", asks: true },
  { name: "fix", title: "Fixing", place: "cursor", asks: true },
  {
    name: "refactor",
    title: "Refactoring",
    place: "cursor",
    asks: true,
    wanted: { field: "instruction", prompt: "What shall be changed?", placeholder: "take the parsing out into a function of its own" },
  },
  { name: "writeTests", title: "Writing tests", place: "cursor", asks: true },
  { name: "review", title: "Reviewing", place: "selection", asks: true },
  {
    name: "translate",
    title: "Translating documentation",
    place: "selection",
    asks: true,
    wanted: { field: "instruction", prompt: "Translate into which language?", placeholder: "German" },
  },
  {
    name: "custom",
    title: "Carrying out an instruction",
    place: "cursor",
    asks: true,
    wanted: { field: "name", prompt: "Which instruction of your settings?" },
  },
  { name: "answer", title: "Answering", place: "none", asks: true },
  { name: "showLast", title: "Showing the last question", place: "none", asks: false },
  { name: "stats", title: "Reading the measures", place: "none", asks: false },
  // These come with code actions only.
  { name: "apply", title: "Applying an edit", place: "none", asks: false },
  { name: "ask", title: "Asking a model", place: "none", asks: true },
];

/**
 * Whether arguments were written by the server, into a code action or a lens. A menu of the editor gives its own: the file's address.
 */
function isFromServer(args: unknown[]): boolean {
  const first = args[0];
  return typeof first === "object" && first !== null && !(first instanceof vscode.Uri);
}

/**
 * Asks the user for what a command needs; `undefined` where the user thinks better of it.
 */
async function ask(wanted: Wanted): Promise<string | undefined> {
  if (wanted.choices) {
    return vscode.window.showQuickPick(wanted.choices, { placeHolder: wanted.prompt });
  }
  const text = await vscode.window.showInputBox({ prompt: wanted.prompt, placeHolder: wanted.placeholder, ignoreFocusOut: true });
  return text?.trim() || undefined;
}

/**
 * The one argument of a command that a person started; `undefined` where the command is not to be carried out.
 */
async function argument(client: Client, command: Command): Promise<Record<string, unknown> | undefined> {
  const editor = vscode.window.activeTextEditor;
  const made: Record<string, unknown> = {};
  if (editor) {
    // Read before the user is asked, who may click elsewhere meanwhile.
    const { document, selection } = editor;
    made.uri = client.code2ProtocolConverter.asUri(document.uri);
    if (command.place !== "none" && !selection.isEmpty) {
      made.range = client.code2ProtocolConverter.asRange(selection);
    } else if (command.place === "cursor") {
      made.position = client.code2ProtocolConverter.asPosition(selection.active);
    }
  }
  if (command.wanted) {
    const answer = await ask(command.wanted);
    if (answer === undefined) {
      return undefined;
    }
    made[command.wanted.field] = answer;
  }
  return made;
}

/**
 * Says in the status bar what came of a question: above all that words are from the code alone, where no model could be asked.
 */
function tell(result: unknown): void {
  const message = (result as { message?: unknown } | undefined)?.message;
  if (typeof message === "string" && message !== "") {
    vscode.window.setStatusBarMessage(message, MESSAGE_SHOWN);
  }
}

/**
 * Carries out a command, and tells in one sentence why, if it could not be.
 */
export async function run(client: Client | undefined, command: Command, args: unknown[]): Promise<unknown> {
  const name = `code-agent.${command.name}`;
  if (!client?.isRunning()) {
    void vscode.window.showErrorMessage("The server of code-agent does not run; the command “Restart the server” starts it.");
    return undefined;
  }
  if (!client.knows(name)) {
    void vscode.window.showErrorMessage(`The server that runs here is too old for this: it has no command ${name}.`);
    return undefined;
  }
  const fromServer = isFromServer(args);
  const made = fromServer ? undefined : await argument(client, command);
  if (!fromServer && made === undefined) {
    return undefined;
  }
  const location = command.asks || command.name === "documentWorkspace" ? vscode.ProgressLocation.Notification : vscode.ProgressLocation.Window;
  const cancellable = location === vscode.ProgressLocation.Notification;
  return vscode.window.withProgress({ location, cancellable, title: command.title }, async (progress, token) => {
    try {
      const result = await client.execute(name, fromServer ? args : [made], token, (message) => progress.report({ message }));
      if (command.asks) {
        tell(result);
      }
      return result;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== REQUEST_CANCELLED && code !== CONTENT_MODIFIED && !token.isCancellationRequested) {
        void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
      }
      return undefined;
    }
  });
}

/**
 * Shows the measures of the server in a document of their own.
 */
export async function showStats(stats: unknown): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "json", content: `${JSON.stringify(stats, undefined, 2)}\n` });
  await vscode.window.showTextDocument(document);
}

/**
 * The client of the server, with commands that are the extension's own.
 */

import * as vscode from "vscode";
import { ClientCapabilities, DynamicFeature, FeatureState, ServerCapabilities, StaticFeature } from "vscode-languageclient";
import { CloseAction, ErrorHandler, ExecuteCommandRequest, LanguageClient, State, WorkDoneProgress } from "vscode-languageclient/node";

/**
 * Says that commands of the server are understood, and registers none.
 */
class CommandsElsewhere implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.workspace = { ...capabilities.workspace, executeCommand: { dynamicRegistration: false } };
  }

  initialize(_capabilities: ServerCapabilities): void {}

  getState(): FeatureState {
    return { kind: "static" };
  }

  clear(): void {}
}

/**
 * What a piece of work tells while it is done.
 */
export type Report = (message: string) => void;

let works = 0;

export class Client extends LanguageClient {
  /**
   * Leaves out the library's own registration of commands. It fails where the same command stands in the palette, and those would not
   * be there before the server runs.
   */
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    const method = "registrationType" in feature ? feature.registrationType.method : undefined;
    super.registerFeature(method === ExecuteCommandRequest.method ? new CommandsElsewhere() : feature);
  }

  /** Whether the server is being stopped, or ended before it was one. */
  isOver = false;

  private hasRun = false;

  override async start(): Promise<void> {
    await super.start();
    this.hasRun = true;
  }

  /**
   * A server that ends while it starts for the first time has said why, and would only say it again; the library starts it five times more.
   */
  override createDefaultErrorHandler(maxRestartCount?: number): ErrorHandler {
    const usual = super.createDefaultErrorHandler(maxRestartCount);
    return {
      error: (error, message, count) => usual.error(error, message, count),
      closed: () => {
        if (this.hasRun || !this.isStarting()) {
          return usual.closed();
        }
        this.isOver = true;
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  /**
   * What goes wrong with a server that is over stands in the log; nobody waits for it.
   */
  override error(message: string, data?: unknown, showNotification?: boolean | "force"): void {
    super.error(message, data, this.isOver ? false : showNotification);
  }

  /**
   * Whether the server is being started.
   */
  isStarting(): boolean {
    return this.state === State.Starting;
  }

  /**
   * Whether the server has a command.
   */
  knows(command: string): boolean {
    return this.initializeResult?.capabilities.executeCommandProvider?.commands.includes(command) ?? false;
  }

  /**
   * Has the server execute a command.
   *
   * @param command - Its full name.
   * @param args - Its arguments.
   * @param token - Ends the work.
   * @param report - Is told how the work goes on.
   */
  async execute(command: string, args: unknown[], token?: vscode.CancellationToken, report?: Report): Promise<unknown> {
    const workDoneToken = `code-agent-command-${++works}`;
    const listening = this.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      if (value.kind !== "end" && value.message) {
        report?.(value.message);
      }
    });
    try {
      return await this.sendRequest(ExecuteCommandRequest.type, { command, arguments: args, workDoneToken }, token);
    } finally {
      listening.dispose();
    }
  }
}

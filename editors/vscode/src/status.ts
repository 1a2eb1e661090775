/**
 * The item in the status bar: whether the server runs, which model answers, what today has cost. A click opens a menu.
 */

import * as vscode from "vscode";
import type { Client } from "./client";

/** Milliseconds between two questions to the server, while models are set up. */
const INTERVAL = 5_000;

interface Model {
  name: string;
  model: string;
  provider: string;
  state: string;
}

export interface Report {
  models: Model[];
  asking: number;
  calls: number;
  cost_today: number | null;
}

/**
 * A sum as people write it; small ones keep two digits that say something.
 */
export function dollars(sum: number): string {
  return `$${sum > 0 && sum < 0.1 ? sum.toPrecision(2) : sum.toFixed(2)}`;
}

function isReport(value: unknown): value is Report {
  return typeof value === "object" && value !== null && Array.isArray((value as Report).models);
}

export class Status implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private client: Client | undefined;
  private report: Report | undefined;
  private trouble: string | undefined;
  /** Until it is known whether there is a program to start. */
  private isBeginning = true;
  private timer: NodeJS.Timeout | undefined;

  constructor() {
    this.item = vscode.window.createStatusBarItem("status", vscode.StatusBarAlignment.Right, 50);
    this.item.name = "code-agent";
    this.item.command = "code-agent.status";
    this.draw();
    this.item.show();
  }

  /**
   * Whether the server has models to ask.
   */
  get hasModels(): boolean {
    return (this.report?.models.length ?? 0) > 0;
  }

  /**
   * Follows another client, or none.
   */
  follow(client: Client | undefined, trouble?: string): void {
    this.isBeginning = false;
    this.client = client;
    this.report = undefined;
    this.trouble = trouble;
    clearTimeout(this.timer);
    client?.onDidChangeState(() => {
      if (client === this.client) {
        void this.refresh();
      }
    });
    this.draw();
  }

  /**
   * Asks the server how it is. A server without that command works without models, and is not asked again.
   */
  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const client = this.client;
    if (!client?.isRunning()) {
      this.draw();
      return;
    }
    let report: unknown;
    try {
      report = client.knows("code-agent.status") ? await client.execute("code-agent.status", [{}]) : undefined;
    } catch {
      // The item then says what is certain: that the server runs.
    }
    if (client !== this.client) {
      return;
    }
    this.report = isReport(report) ? report : undefined;
    if (this.hasModels) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.refresh(), INTERVAL);
    }
    this.draw();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.client = undefined;
    this.item.dispose();
  }

  private draw(): void {
    const tooltip = new vscode.MarkdownString();
    this.item.backgroundColor = undefined;
    if (this.trouble === undefined && (this.isBeginning || this.client?.isStarting())) {
      this.item.text = "$(loading~spin) code-agent";
      tooltip.appendText("The server is starting.");
    } else if (this.trouble !== undefined || !this.client?.isRunning()) {
      this.item.text = "$(warning) code-agent";
      this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
      tooltip.appendText(this.trouble ?? "The server does not run.");
    } else if (!this.report || !this.hasModels) {
      this.item.text = "$(book) code-agent";
      tooltip.appendText("The server runs. No model is set up: findings, fixes and drafts come from the code alone.");
    } else {
      const { models, asking, calls, cost_today: cost } = this.report;
      const spent = cost === null ? "" : ` ${dollars(cost)}`;
      this.item.text = `${asking > 0 ? "$(loading~spin)" : "$(book)"} ${models[0].name}${spent}`;
      const count = asking > 0 ? `, ${asking} under way` : "";
      tooltip.appendText(`Today: ${calls} questions${count}${cost === null ? "" : `, ${dollars(cost)}`}.`);
      for (const model of models) {
        tooltip.appendMarkdown("\n\n");
        tooltip.appendText(`${model.name}: ${model.model} (${model.provider}), ${model.state}`);
      }
    }
    this.item.tooltip = tooltip;
    const label = this.item.text.replace(/\$\([^)]*\) /, "");
    this.item.accessibilityInformation = { label: `${label}. ${tooltip.value}`, role: "button" };
  }
}

interface Entry extends vscode.QuickPickItem {
  command?: string;
  args?: unknown[];
}

/**
 * Opens the menu behind the item.
 */
export async function openMenu(hasModels: boolean, isRunning: boolean): Promise<void> {
  const line = (label: string): Entry => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const offline: Entry[] = [
    line("Documentation"),
    { label: "$(edit) Document what is under the cursor", command: "code-agent.document" },
    { label: "$(wrench) Mend all findings of this file", command: "code-agent.fixAll" },
  ];
  const withModel: Entry[] = [
    line("With a model"),
    { label: "$(comment) Explain", command: "code-agent.explain" },
    { label: "$(lightbulb) Fix", command: "code-agent.fix" },
    { label: "$(history) Show the last question, its answer and its cost", command: "code-agent.showLast" },
  ];
  const server: Entry[] = [
    line("Server"),
    { label: "$(debug-restart) Restart the server", command: "code-agent.restart" },
    { label: "$(output) Show the log", command: "code-agent.showLog" },
    { label: "$(settings-gear) Settings", command: "workbench.action.openSettings", args: ["code-agent."] },
    { label: "$(question) Welcome", command: "code-agent.welcome" },
  ];
  const entries = [...(isRunning ? offline : []), ...(isRunning && hasModels ? withModel : []), ...server];
  const chosen = await vscode.window.showQuickPick(entries, { placeHolder: "code-agent" });
  if (chosen?.command) {
    await vscode.commands.executeCommand(chosen.command, ...(chosen.args ?? []));
  }
}

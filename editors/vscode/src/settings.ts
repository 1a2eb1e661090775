/**
 * Reads the settings of the server as the user wrote them.
 *
 * Defaults are never sent: the editor's settings are stronger than `code-agent.toml`, which would then say nothing.
 */

import * as vscode from "vscode";

const SECTION = "code-agent.";

/** What only the extension itself reads; the server refuses settings that it does not know. */
const OWN = new Set(["path", "connect", "trace.server"]);

interface Property {
  scope?: string;
}

type Properties = Record<string, Property>;

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The settings that the manifest declares, by key.
 */
function declared(extension: vscode.Extension<unknown>): [string, Property][] {
  const groups = extension.packageJSON.contributes.configuration as { properties: Properties }[];
  return groups.flatMap((group) => Object.entries(group.properties)).map(([key, property]) => [key.slice(SECTION.length), property]);
}

/**
 * What stands in the user's settings and, where it may have a say, in those of the workspace; `undefined` where nothing does.
 */
function written(key: string, isOfTheMachine: boolean): unknown {
  const seen = vscode.workspace.getConfiguration("code-agent").inspect<unknown>(key);
  // A workspace comes with code that others wrote; it must not say where questions are sent. The editor leaves such settings of a
  // workspace out because of their scope; that they are not even read here holds for whatever shape they are written in.
  const layers = isOfTheMachine ? [seen?.globalValue] : [seen?.globalValue, seen?.workspaceValue, seen?.workspaceFolderValue];
  return layers.reduce((under, over) => {
    if (over === undefined) {
      return under;
    }
    return isTable(under) && isTable(over) ? { ...under, ...over } : over;
  }, undefined);
}

/**
 * The settings for the server, in tables as in `code-agent.toml`.
 */
export function forServer(extension: vscode.Extension<unknown>): Record<string, unknown> {
  const settings: Record<string, Record<string, unknown>> = {};
  // A service has models, budgets and files of its own; what is set up for this machine is none of its business.
  const isElsewhere = chosenService() !== "";
  for (const [key, property] of declared(extension)) {
    const isOfTheMachine = property.scope === "machine";
    const value = OWN.has(key) || (isElsewhere && isOfTheMachine) ? undefined : written(key, isOfTheMachine);
    if (value !== undefined) {
      const [section, name] = key.split(".", 2);
      settings[section] = { ...settings[section], [name]: value };
    }
  }
  return settings;
}

/**
 * The program that the user chose; that of a workspace counts only where the workspace is trusted.
 */
export function chosenProgram(): string {
  const seen = vscode.workspace.getConfiguration("code-agent").inspect<string>("path");
  const ofWorkspace = vscode.workspace.isTrusted ? (seen?.workspaceFolderValue ?? seen?.workspaceValue) : undefined;
  return ofWorkspace ?? seen?.globalValue ?? "";
}

/**
 * The address of the service whose language server is used; empty where the server runs here. What is opened goes there, so that no
 * workspace has a say in it, trusted or not.
 */
export function chosenService(): string {
  return (vscode.workspace.getConfiguration("code-agent").inspect<string>("connect")?.globalValue ?? "").trim();
}

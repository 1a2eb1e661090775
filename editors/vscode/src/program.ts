/**
 * Finds the program that the extension starts. Downloads nothing, and starts nothing to find out.
 */

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

const NAME = process.platform === "win32" ? "code-agent.exe" : "code-agent";

/**
 * Whether a path is a file that may be started.
 */
async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Searches the folders of the `PATH` for a program.
 */
async function onThePath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    // A relative folder would mean another program in every workspace.
    if (isAbsolute(folder) && (await isProgram(join(folder, name)))) {
      return join(folder, name);
    }
  }
  return undefined;
}

/**
 * The path of the program: what the user chose, else what came with the extension and was tested with it, else what is on the `PATH`.
 * What the user chose and cannot be started is not replaced by another one.
 *
 * @param chosen - The setting; empty where nothing was chosen.
 * @param extension - The folder of the extension.
 * @returns The path, or `undefined` where there is no such program.
 */
export async function find(chosen: string, extension: string): Promise<string | undefined> {
  const wanted = chosen.trim().replace(/^~(?=[/\\])/, homedir());
  if (isAbsolute(wanted)) {
    return (await isProgram(wanted)) ? wanted : undefined;
  }
  if (wanted !== "") {
    const name = process.platform === "win32" && !wanted.includes(".") ? `${wanted}.exe` : wanted;
    return onThePath(name);
  }
  const bundled = join(extension, "bin", NAME);
  return (await isProgram(bundled)) ? bundled : onThePath(NAME);
}

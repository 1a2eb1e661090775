/**
 * A person's way through VS Code with the packed extension: open a file, see the underlined name, take the quick fix, save.
 *
 *   node journey.mjs JOB
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, startServer } from "./browser.mjs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const server = await startServer(job, {});
const { browser, page } = await openBrowser(job);
const picture = (name) => page.screenshot({ path: join(job.folder, name) });
try {
  await page.goto(`http://127.0.0.1:${server.port}/?folder=${encodeURIComponent(job.workspace)}`);
  await page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: job.file }).first().dblclick();
  const editor = page.locator(".editor-instance .view-lines");
  await editor.filter({ hasText: job.wrong }).waitFor();
  await page.locator(".cdr.squiggly-warning, .cdr.squiggly-error, .cdr.squiggly-info").first().waitFor({ state: "attached" });
  await page.locator("[id='code-agent.code-agent.status']").filter({ hasText: "code-agent" }).waitFor();
  await page.locator(".codelens-decoration").first().waitFor();
  await picture("finding.png");
  // The cursor goes to the first finding of the file, as F8 does for a person.
  await page.locator(".editor-instance .view-line").first().click();
  await page.keyboard.press("F8");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+.");
  await page.locator(".action-widget .monaco-list-row.action").filter({ hasText: "Rename to" }).first().click();
  await editor.filter({ hasText: job.right }).waitFor();
  await page.keyboard.press("Control+s");
  await page.locator(".tab.active:not(.dirty)").first().waitFor();
  await picture("mended.png");
} catch (error) {
  await picture("failure.png");
  console.error(String(error), server.said.join(""));
  process.exitCode = 1;
}
await browser.close();
server.end();
process.exit();

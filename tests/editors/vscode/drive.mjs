/**
 * Runs tests in the extension host of a real VS Code, and ends with their exit code.
 *
 *   node drive.mjs JOB    JOB is a file with an object: what is started, and where
 *
 * The tests run where extensions run, and see no windows. What they want to know of the page, or do to it, they ask over HTTP.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { openBrowser, startServer, within } from "./browser.mjs";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
let page;

/** What the tests may ask of the page. */
const ASKED = {
  text: async ({ selector, includes }) => {
    await page.locator(selector).filter({ hasText: includes }).first().waitFor({ state: "visible", timeout: 30_000 });
    return page.locator(selector).filter({ hasText: includes }).first().innerText();
  },
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
  type: async ({ selector, prompt, text }) => {
    await page.locator(selector).filter({ hasText: prompt }).first().waitFor({ state: "visible", timeout: 30_000 });
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
    return null;
  },
  click: async ({ selector, includes }) => {
    await page.locator(selector).filter({ hasText: includes }).first().click({ timeout: 30_000 });
    return null;
  },
  screenshot: async ({ name }) => {
    await page.screenshot({ path: join(job.folder, name) });
    return null;
  },
};

const ears = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", async () => {
    try {
      const { ask, ...what } = JSON.parse(body);
      response.end(JSON.stringify({ answer: await ASKED[ask](what) }));
    } catch (error) {
      response.end(JSON.stringify({ error: String(error) }));
    }
  });
});
await new Promise((resolve) => ears.listen(0, "127.0.0.1", resolve));

const environment = { TEST_JOB: process.argv[2], TEST_PAGE: `http://127.0.0.1:${ears.address().port}` };
const server = await startServer(job, environment);
const said = [];
let code = 1;
let browser;
try {
  ({ browser, page } = await openBrowser(job));
  const exit = new Promise((resolve) => page.exposeFunction("codeAutomationExit", resolve));
  await page.exposeFunction("codeAutomationLog", (type, args) => said.push(`${type}: ${JSON.stringify(args)}`));
  const remote = (path) => `vscode-remote://127.0.0.1:${server.port}${path}`;
  const payload = JSON.stringify([
    ["extensionDevelopmentPath", remote(job.extension)],
    ["extensionTestsPath", remote(job.suite)],
  ]);
  const query = `folder=${encodeURIComponent(job.workspace)}&payload=${encodeURIComponent(payload)}`;
  await page.goto(`http://127.0.0.1:${server.port}/?${query}`);
  code = await within(job.seconds, "the tests in the extension host", exit);
} catch (error) {
  console.error(String(error));
}
if (code !== 0) {
  await page?.screenshot({ path: join(job.folder, "failure.png") }).catch(() => {});
}
writeFileSync(join(job.folder, "said.log"), [...said, ...server.said].join("\n"));
await browser?.close();
ears.close();
server.end();
process.exit(code);

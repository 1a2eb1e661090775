/**
 * Tests of the extension with the language server of a running service.
 */

const assert = require("node:assert");
const fs = require("node:fs");
const vscode = require("vscode");
const { activation, job, mend, page, runAll, until } = require("./harness.cjs");

const settings = () => vscode.workspace.getConfiguration("code-agent");

/** Waits until so many are connected to the service, as it says itself. */
async function connected(count) {
  await until(`${count} connections`, async () => {
    const answer = await fetch(`${job.service}/metrics`);
    return (await answer.text()).includes(`\ncode_agent_websocket_connections ${count}\n`);
  });
}

const tests = {
  async activation(seen) {
    await connected(0);
    await activation(seen);
  },

  async mend() {
    await mend(job.cases[0]);
    await connected(1);
  },

  // The service is left and gone back to, and the editor works on.
  async restart() {
    await settings().update("connect", undefined, vscode.ConfigurationTarget.Global);
    await connected(0);
    await mend(job.cases[0]);
    await connected(0);
    await settings().update("connect", job.service, vscode.ConfigurationTarget.Global);
    await connected(1);
    await mend(job.cases[0]);
  },

  async refused() {
    fs.writeFileSync(job.token, "cagt_wrong");
    await vscode.commands.executeCommand("code-agent.restart");
    await connected(0);
    await vscode.commands.executeCommand("notifications.showList");
    const told = ".notifications-center .notification-list-item .notification-list-item-message";
    await page("text", { selector: told, includes: `${job.service} does not take the token (status 401); it is wrong, is over, or its role or scope` });
    await page("text", { selector: told, includes: "code-agent could not be started: its process has ended" });
    // Neither is said again, and nothing of what the library thinks of it.
    const all = await page("texts", { selector: told });
    assert.strictEqual(all.length, 2, String(all));
    await page("screenshot", { name: "refused.png" });
  },
};

exports.run = () => runAll(tests);

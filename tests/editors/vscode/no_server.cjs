/**
 * Tests of the extension where the program is missing.
 */

const vscode = require("vscode");
const { activation, open, page, runAll } = require("./harness.cjs");

const tests = {
  activation,

  async missing() {
    await open("sums.py");
    // With the driver of tests VS Code shows no message by itself, but it keeps them.
    await vscode.commands.executeCommand("notifications.showList");
    const told = ".notifications-center .notification-list-item";
    await page("text", { selector: told, includes: "code-agent was not found: " });
    await page("text", { selector: `${told} .monaco-button`, includes: "Choose the program…" });
    await page("text", { selector: "[id='code-agent.code-agent.status'].warning-kind", includes: "code-agent" });
    await page("click", { selector: `${told} .monaco-button`, includes: "Welcome" });
    await page("text", { selector: ".gettingStartedContainer", includes: "It works without a model" });
    await page("screenshot", { name: "welcome.png" });
  },

  async refused() {
    await vscode.commands.executeCommand("notifications.clearAll");
    await open("sums.py");
    await vscode.commands.executeCommand("code-agent.explain");
    await vscode.commands.executeCommand("notifications.showList");
    await page("text", { selector: ".notifications-center .notification-list-item", includes: "The server of code-agent does not run" });
  },
};

exports.run = () => runAll(tests);

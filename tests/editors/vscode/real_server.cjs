/**
 * Tests of the extension with the real program behind it.
 */

const assert = require("node:assert");
const vscode = require("vscode");
const { EXTENSION, activation, findings, job, mend, open, page, runAll, until } = require("./harness.cjs");

const tests = {
  activation,

  async commands(seen) {
    const known = await vscode.commands.getCommands(true);
    const declared = vscode.extensions.getExtension(EXTENSION).packageJSON.contributes.commands.map((item) => item.command);
    seen.commands = declared;
    assert.deepStrictEqual(declared.filter((command) => !known.includes(command)), []);
    // Code actions and lenses carry any of them, and one that the editor does not know does nothing.
    assert.ok(job.announced.length > 10 && job.announced.includes("code-agent.ask"), String(job.announced));
    assert.deepStrictEqual(job.announced.filter((command) => !known.includes(command)), []);
  },

  async status() {
    await page("text", { selector: "[id='code-agent.code-agent.status']", includes: "code-agent" });
    // The program of the tests has no model, or does not know the question: neither is a trouble.
    await page("text", { selector: "[id='code-agent.code-agent.status']:not(.warning-kind)", includes: "code-agent" });
  },

  async undocumented() {
    const editor = await open("undocumented.py");
    const before = editor.document.getText();
    const offset = before.indexOf("subtract");
    const place = editor.document.positionAt(offset);
    editor.selection = new vscode.Selection(place, place);
    await vscode.commands.executeCommand("code-agent.document");
    const text = await until("the documentation", () => editor.document.getText() !== before && editor.document.getText());
    assert.match(text, /def subtract[^]*"""[^]*first[^]*second[^]*"""/);
    assert.ok(text.includes("🎉"));
  },

  // A document without a file, as the welcome opens it.
  async example() {
    await vscode.commands.executeCommand("code-agent.openExample");
    const document = await until("the example", () => {
      const editor = vscode.window.activeTextEditor;
      return editor?.document.isUntitled && editor.document;
    });
    await until("the finding in the example", () => findings(document).some((item) => item.code === "param-renamed" || item.code?.value === "param-renamed"));
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },

  async settings() {
    const settings = vscode.workspace.getConfiguration("code-agent");
    const editor = await open("undocumented_too.py");
    const missing = () => findings(editor.document).some((item) => String(item.code?.value ?? item.code) === "missing-doc");
    await settings.update("analysis.rules", { "missing-doc": "warning" }, vscode.ConfigurationTarget.Global);
    await until("the finding", missing);
    await settings.update("analysis.rules", undefined, vscode.ConfigurationTarget.Global);
    await until("the finding to go", () => !missing());
  },

  async measures() {
    const result = await vscode.commands.executeCommand("code-agent.stats");
    assert.ok(result && typeof result === "object", `the measures are ${JSON.stringify(result)}`);
    await until("the document with the measures", () => vscode.window.activeTextEditor?.document.languageId === "json");
  },

  async restart() {
    await vscode.commands.executeCommand("code-agent.restart");
    const result = await vscode.commands.executeCommand("code-agent.stats");
    assert.ok(result && typeof result === "object", "the server does not answer after a restart");
  },
};

for (const one of job.cases) {
  tests[`mend ${one.name}`] = () => mend(one);
}

exports.run = () => runAll(tests);

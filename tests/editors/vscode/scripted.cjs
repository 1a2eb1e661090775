/**
 * Tests of what the extension sends, with a scripted server behind it that has every command with a model.
 */

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");
const { activation, job, open, page, runAll, until } = require("./harness.cjs");

function heard() {
  const text = fs.readFileSync(path.join(job.folder, "heard.jsonl"), "utf8");
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

const executed = (name) => heard().filter((message) => message.params?.command === `code-agent.${name}`).map((message) => message.params);

/** Starts a command as the palette does, and returns what the server was sent. */
async function sent(name, meanwhile) {
  const before = executed(name).length;
  const working = vscode.commands.executeCommand(`code-agent.${name}`);
  await meanwhile?.();
  await working;
  return until(`the command ${name}`, () => executed(name)[before]);
}

/** Selects the words of one line, or puts the cursor before them. */
async function select(words, isCursor = false) {
  const editor = await open("sums.py");
  const start = editor.document.positionAt(editor.document.getText().indexOf(words));
  const end = isCursor ? start : start.translate(0, words.length);
  editor.selection = new vscode.Selection(start, end);
  const wire = (place) => ({ line: place.line, character: place.character });
  return { uri: editor.document.uri.toString(), range: { start: wire(start), end: wire(end) }, position: wire(start) };
}

const INPUT = ".quick-input-widget";

const tests = {
  activation,

  async status() {
    await open("sums.py");
    const text = await page("text", { selector: "[id='code-agent.code-agent.status']", includes: "here" });
    assert.match(text, /here \$0\.25/);
  },

  async settings() {
    const answer = await until("the settings", () => heard().find((message) => message.id === "settings" && message.result));
    // No default, nothing that only the extension reads, and of the workspace only what it may say.
    assert.deepStrictEqual(answer.result, [{ docs: { width: 72, style: "numpy" }, budget: { "dollars-per-day": 1 } }]);
    const begun = heard().find((message) => message.method === "initialize");
    assert.deepStrictEqual(begun.params.initializationOptions, answer.result[0]);
  },

  async selection() {
    const { uri, range } = await select("first + second");
    const { arguments: args, workDoneToken } = await sent("explain");
    assert.deepStrictEqual(args, [{ uri, range }]);
    assert.ok(workDoneToken, "no progress can be told");
  },

  async cursor() {
    const { uri, position } = await select("first + second", true);
    for (const name of ["documentWithModel", "fix", "writeTests", "document"]) {
      assert.deepStrictEqual((await sent(name)).arguments, [{ uri, position }], name);
    }
  },

  async document() {
    const { uri } = await select("first + second", true);
    for (const name of ["answer", "fixAll", "documentFile"]) {
      assert.deepStrictEqual((await sent(name)).arguments, [{ uri }], name);
    }
  },

  async instruction() {
    const { uri, range } = await select("first + second");
    const { arguments: args } = await sent("refactor", () => page("type", { selector: INPUT, prompt: "What shall be changed?", text: "use sum" }));
    assert.deepStrictEqual(args, [{ uri, range, instruction: "use sum" }]);
  },

  async language() {
    const { uri } = await select("first + second", true);
    const { arguments: args } = await sent("translate", () => page("type", { selector: INPUT, prompt: "into which language?", text: "German" }));
    assert.deepStrictEqual(args, [{ uri, instruction: "German" }]);
  },

  async style() {
    const { uri } = await select("first + second", true);
    const { arguments: args } = await sent("convertStyle", () => page("type", { selector: INPUT, prompt: "numpy", text: "numpy" }));
    assert.deepStrictEqual(args, [{ uri, style: "numpy" }]);
  },

  async error() {
    await select("first + second", true);
    const { arguments: args } = await sent("custom", () => page("type", { selector: INPUT, prompt: "Which instruction", text: "none" }));
    assert.strictEqual(args[0].name, "none");
    await vscode.commands.executeCommand("notifications.showList");
    await page("text", { selector: ".notifications-center .notification-list-item", includes: "There is no instruction called that." });
    await vscode.commands.executeCommand("notifications.clearAll");
  },

  async arguments() {
    const argument = { uri: "file:///elsewhere.py", position: { line: 3, character: 1 } };
    await vscode.commands.executeCommand("code-agent.document", argument);
    assert.deepStrictEqual(executed("document").at(-1).arguments, [argument]);
  },

  async cancel() {
    const { uri, range } = await select("first + second");
    const { arguments: args } = await sent("review", async () => {
      await until("the question", () => executed("review").length > 0);
      await vscode.commands.executeCommand("notifications.showList");
      await page("text", { selector: ".notifications-center .notification-list-item", includes: "Reading the third of nine files" });
      await page("click", { selector: ".notifications-center .notification-list-item .monaco-button", includes: "Cancel" });
    });
    assert.deepStrictEqual(args, [{ uri, range }]);
    const review = heard().find((message) => message.params?.command === "code-agent.review");
    assert.ok(heard().some((message) => message.method === "$/cancelRequest" && message.params.id === review.id), "the server was not told");
  },

  async shown() {
    await vscode.commands.executeCommand("code-agent.showLast");
    const document = await until("the document", () => {
      const shown = vscode.window.activeTextEditor?.document;
      return shown?.uri.scheme === "code-agent" && shown;
    });
    assert.strictEqual(document.getText(), "# The last question\n\nof code-agent:/last.md\n");
  },

  // The last one: the server is another one then.
  async connect() {
    const starts = () => heard().filter((message) => message.arguments);
    const started = async (count) => {
      await until(`start ${count}`, () => starts().length === count);
      await until(`the settings of start ${count}`, () => heard().filter((message) => message.id === "settings" && message.result).length === count);
      const begun = heard().filter((message) => message.method === "initialize").at(-1).params.initializationOptions;
      const asked = heard().filter((message) => message.id === "settings").at(-1).result[0];
      assert.deepStrictEqual(begun, asked);
      return [starts().at(-1).arguments, begun];
    };
    const before = starts().length;
    assert.deepStrictEqual(starts().at(-1).arguments, ["lsp"], "the address in the settings of the workspace has no say");
    const settings = vscode.workspace.getConfiguration("code-agent");
    await settings.update("connect", "https://team.example.org", vscode.ConfigurationTarget.Global);
    const [there, sent] = await started(before + 1);
    assert.deepStrictEqual(there, ["lsp", "--connect", "https://team.example.org"]);
    assert.deepStrictEqual(sent, { docs: { width: 72, style: "numpy" } }, "what is set up for this machine stays here");
    await settings.update("connect", undefined, vscode.ConfigurationTarget.Global);
    const [here, all] = await started(before + 2);
    assert.deepStrictEqual(here, ["lsp"]);
    assert.deepStrictEqual(all, { docs: { width: 72, style: "numpy" }, budget: { "dollars-per-day": 1 } });
  },
};

exports.run = () => runAll(tests);

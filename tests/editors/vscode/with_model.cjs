/**
 * Tests of the extension with the real program behind it, and a model behind that which says what it is told to.
 */

const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");
const { activation, job, open, page, replace, runAll, until } = require("./harness.cjs");

const ITEM = ".notifications-center .notification-list-item";
const MESSAGE = `${ITEM} .notification-list-item-message`;
// How far something is, which goes away by itself, on a slow machine a moment after what it is about.
const PROGRESS = /^(Asking a model|Answering$|[A-Z][a-z ]+: \d+ bytes written$)/;
const WORK = "Take 🎉 one number from another.";

/** Tells the model how to answer from now on, and returns what it has seen so far. */
async function model(how = {}) {
  const answer = await fetch(job.double, { method: "PUT", body: JSON.stringify(how) });
  return answer.json();
}

/** Opens a file of its own for each test, with the cursor in the function. */
async function opened(name, text = job.undocumented) {
  fs.writeFileSync(path.join(job.workspace, name), text);
  const editor = await open(name);
  const place = editor.document.positionAt(Math.max(0, text.indexOf("subtract")));
  editor.selection = new vscode.Selection(place, place);
  await until("the whole text", () => editor.document.getText() === text);
  return editor;
}

/** The actions for a place, by their titles. */
const actions = (document, range) => vscode.commands.executeCommand("vscode.executeCodeActionProvider", document.uri, range, undefined, 30);

/** Takes the action whose title begins so, as a choice in the menu does. */
async function take(editor, title, range = editor.selection) {
  // The server may not have read the file yet.
  let offered = [];
  const action = await until(`the action ${title}`, async () => {
    offered = await actions(editor.document, range);
    return offered.find((item) => item.title.startsWith(title));
  }, 10).catch((error) => assert.fail(`${error.message}: ${offered.map((item) => item.title)}`));
  if (action.edit) {
    await vscode.workspace.applyEdit(action.edit);
  }
  return vscode.commands.executeCommand(action.command.command, ...(action.command.arguments ?? []));
}

/** The messages that a person reads, and takes away. What is told of work goes by itself, a moment after the work. */
async function messages() {
  await vscode.commands.executeCommand("notifications.showList");
  const texts = await until("a message", async () => {
    const all = (await page("texts", { selector: MESSAGE })).filter((text) => !PROGRESS.test(text));
    return all.length > 0 && all;
  });
  await vscode.commands.executeCommand("notifications.clearAll");
  return texts;
}

/** The function is documented in words that come from its code alone, and the user is told so. */
async function offline(editor, result) {
  const text = editor.document.getText();
  assert.match(text, /def subtract.*\n    """Subtract [^]*first:[^]*second:[^]*"""\n    return first - second\n$/);
  assert.ok(!text.includes(WORK));
  assert.match(result.message, /without a model/);
  await page("text", { selector: ".statusbar-item", includes: "without a model" });
}

const tests = {
  activation,

  async status() {
    await opened("status.py");
    await page("text", { selector: "[id='code-agent.code-agent.status']", includes: "double" });
  },

  async document() {
    const editor = await opened("document.py");
    const { asked } = await model();
    await take(editor, "Document `subtract` · local model");
    const text = editor.document.getText();
    assert.ok(text.includes(`    """${WORK}`) && text.endsWith("    return first - second\n"), text);
    assert.strictEqual((await model()).asked, asked + 1, "offering is free, and one answer is enough");
    await vscode.commands.executeCommand("undo");
    assert.strictEqual(editor.document.getText(), job.undocumented, "one step takes it back");
  },

  async explain() {
    const editor = await opened("explain.py");
    await vscode.commands.executeCommand("code-agent.explain");
    const shown = await until("the page", () => {
      const active = vscode.window.activeTextEditor?.document;
      return active && active !== editor.document && active;
    });
    assert.ok(shown.getText().startsWith("# Explanation of `subtract`") && shown.getText().includes("It takes `second` from `first`."), shown.getText());
    await page("text", { selector: ".view-lines", includes: "It takes" });
    assert.strictEqual(editor.document.getText(), job.undocumented);
  },

  async fix() {
    const editor = await opened("fix.py");
    const { document } = editor;
    const start = document.positionAt(document.getText().indexOf("return first"));
    const range = new vscode.Range(start, start.translate(0, 6));
    const others = vscode.languages.createDiagnosticCollection("other");
    const finding = new vscode.Diagnostic(range, "Name the difference.", vscode.DiagnosticSeverity.Warning);
    finding.source = "other";
    others.set(document.uri, [finding]);
    await take(editor, "Fix “Name the difference”", range);
    others.dispose();
    assert.ok(document.getText().endsWith("    difference = first - second\n    return difference\n"), document.getText());
    assert.ok((await model()).last.includes("Name the difference."));
  },

  async refactor() {
    const editor = await opened("refactor.py");
    const working = vscode.commands.executeCommand("code-agent.refactor");
    await page("type", { selector: ".quick-input-widget", prompt: "What shall be changed?", text: "name the difference" });
    await working;
    assert.ok(editor.document.getText().endsWith("    difference = first - second\n    return difference\n"), editor.document.getText());
    assert.ok((await model()).last.includes("name the difference"));
  },

  async cancel() {
    const editor = await opened("cancel.py");
    const slow = { pace: 0.02, words: 5000 };
    await model(slow);
    const working = vscode.commands.executeCommand("code-agent.explain");
    await vscode.commands.executeCommand("notifications.showList");
    await page("text", { selector: ITEM, includes: "bytes written" });
    await page("click", { selector: `${ITEM} .monaco-button`, includes: "Cancel" });
    await working;
    await until("the model to be told", async () => (await model(slow)).aborted, 5);
    await model();
    assert.strictEqual(vscode.window.activeTextEditor.document, editor.document, "a page was opened nevertheless");
    assert.strictEqual(editor.document.getText(), job.undocumented);
    // What the journey before said of its progress may take a moment to go; what an answer or an error says stays.
    await until("nothing to be told to who cancels", async () => !(await page("texts", { selector: MESSAGE })).length, 5);
  },

  async meanwhile() {
    const editor = await opened("meanwhile.py");
    const { asked } = await model({ before: 0.6 });
    const working = take(editor, "Document `subtract` · local model");
    await until("the question", async () => (await model({ before: 0.6 })).asked > asked);
    await replace(editor, 'Sums 🎉 of numbers."""', 'Sums 🎉🎉 of all numbers."""\n\nimport os  # 🎉');
    await working;
    await model();
    const text = editor.document.getText();
    assert.ok(text.startsWith('"""Sums 🎉🎉 of all numbers."""\n\nimport os  # 🎉\n\n\ndef subtract(first, second):\n    """' + WORK), text);
    assert.ok(text.endsWith('"""\n    return first - second\n'), text);
  },

  async conflict() {
    const editor = await opened("conflict.py");
    const { asked } = await model({ before: 0.6 });
    const working = take(editor, "Simplify `subtract`");
    await until("the question", async () => (await model({ before: 0.6 })).asked > asked);
    await replace(editor, "first - second", "first - second - 0");
    await working;
    await model();
    assert.deepStrictEqual(await messages(), ["The text to be edited was changed meanwhile; run the action again."]);
    assert.strictEqual(editor.document.getText(), job.undocumented.replace("first - second", "first - second - 0"));
  },

  async "ghost text"() {
    const text = job.undocumented.replace(" - second\n", "");
    const editor = await opened("ghost.py", text);
    const end = editor.document.positionAt(text.length);
    editor.selection = new vscode.Selection(end, end);
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    await page("text", { selector: "[class*=ghost-text]", includes: "second" });
    assert.strictEqual(editor.document.getText(), text, "it is only shown");
    await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
    await until("the suggestion", () => editor.document.getText() === `${text} - second`);
  },

  async "new file"() {
    await opened("tested.py");
    await vscode.commands.executeCommand("code-agent.writeTests");
    const written = vscode.workspace.textDocuments.find((document) => document.uri.path.endsWith("/tests/test_tested.py"));
    assert.ok(written?.getText().includes("class TestSubtract"), written?.getText());
  },

  async review() {
    execFileSync("git", ["init", "-q"], { cwd: job.workspace });
    const editor = await opened("review.py");
    await take(editor, "Review the changes of this file");
    const remark = await until("the remark", () => vscode.languages.getDiagnostics(editor.document.uri).find((item) => item.source === "code-agent review"));
    assert.deepStrictEqual([remark.message, remark.range.start.line], ["`first` may be no number.", 4]);
  },

  async conversation() {
    const text = "# A talk\n\nWhat is two and one?\n";
    const editor = await opened("talk.chat.md", text);
    await vscode.commands.executeCommand("code-agent.answer");
    assert.strictEqual(editor.document.getText(), `${text}\n## Assistant\n\nOne, two 🎉,\nthree.\n\n## You\n\n`);
  },

  async budget() {
    const settings = vscode.workspace.getConfiguration("code-agent");
    await settings.update("budget.tokens-per-day", 5, vscode.ConfigurationTarget.Global);
    try {
      const { asked } = await model();
      const editor = await opened("budget.py");
      await take(editor, "Simplify `subtract`");
      const said = await messages();
      assert.ok(said.length === 1 && said[0].includes("`budget.tokens-per-day`") && said[0].endsWith("."), String(said));
      assert.strictEqual(editor.document.getText(), job.undocumented);
      await offline(editor, await take(editor, "Document `subtract` · local model"));
      assert.strictEqual((await model()).asked, asked, "what is not paid for is not asked");
    } finally {
      await settings.update("budget.tokens-per-day", undefined, vscode.ConfigurationTarget.Global);
    }
  },

  // The last one: the model does not come back.
  async down() {
    await model({ down: true });
    const editor = await opened("down.py");
    await offline(editor, await take(editor, "Document `subtract` · local model"));
    const before = editor.document.getText();
    await take(editor, "Simplify `subtract`");
    const said = await messages();
    assert.ok(said.length === 1 && said[0].includes("double: there is no connection to 127.0.0.1") && said[0].endsWith("."), String(said));
    assert.strictEqual(editor.document.getText(), before);
  },
};

exports.run = () => runAll(tests);

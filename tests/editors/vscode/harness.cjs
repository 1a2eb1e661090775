/**
 * What the tests in the extension host share: they run one after another, and what came of each is written down for the outside.
 */

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");

const EXTENSION = "code-agent.code-agent";
const job = JSON.parse(fs.readFileSync(process.env.TEST_JOB, "utf8"));

/** Asks the browser that shows this editor. */
async function page(ask, what) {
  const answer = await fetch(process.env.TEST_PAGE, { method: "POST", body: JSON.stringify({ ask, ...what }) });
  const told = await answer.json();
  if (told.error) {
    throw new Error(told.error);
  }
  return told.answer;
}

/** Waits until something is so, and returns it. */
async function until(what, condition, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until nothing else keeps the extension host busy. */
async function calm() {
  let quiet = 0;
  await until("the extension host to be calm", async () => {
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    quiet = performance.now() - began < 20 ? quiet + 1 : 0;
    return quiet > 40;
  }, 60);
}

/** The first test of every run, while nothing has activated the extension yet. */
async function activation(seen) {
  const extension = vscode.extensions.getExtension(EXTENSION);
  if (!extension || extension.isActive) {
    throw new Error("the extension is not there, or is active before a file of its languages is open");
  }
  // The extension is measured, and not the start of VS Code.
  await calm();
  const began = performance.now();
  await extension.activate();
  seen.activation = performance.now() - began;
  if (!extension.isActive) {
    throw new Error("the extension is not active");
  }
}

/** Runs tests by name; each may add to what is told. */
async function runAll(tests) {
  const report = { outcomes: {}, seconds: {}, seen: {} };
  for (const [name, test] of Object.entries(tests)) {
    const began = performance.now();
    try {
      await test(report.seen);
      report.outcomes[name] = "passed";
    } catch (error) {
      report.outcomes[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    report.seconds[name] = (performance.now() - began) / 1000;
    // After each, so that it is known how far a run came that did not end.
    fs.writeFileSync(path.join(job.folder, "report.json"), JSON.stringify(report));
  }
  const failed = Object.values(report.outcomes).filter((outcome) => outcome !== "passed").length;
  if (failed > 0) {
    throw new Error(`${failed} tests failed`);
  }
}

/** Opens a file of the workspace. */
async function open(name) {
  const document = await vscode.workspace.openTextDocument(path.join(job.workspace, name));
  return vscode.window.showTextDocument(document);
}

/** Types one text over another. */
async function replace(editor, old, text) {
  const start = editor.document.getText().indexOf(old);
  const range = new vscode.Range(editor.document.positionAt(start), editor.document.positionAt(start + old.length));
  await editor.edit((builder) => builder.replace(range, text));
}

/** What the extension found in a document. */
const findings = (document) => vscode.languages.getDiagnostics(document.uri).filter((item) => item.source === "code-agent");

/** Breaks the documentation of a file, sees the finding, and takes the action that mends it. */
async function mend(one) {
  const editor = await open(one.filename);
  const { document } = editor;
  await until("the language", () => document.languageId === one.filetype);
  await replace(editor, one.right, one.wrong);
  const found = await until("the finding", () => findings(document).find((item) => one.codes.includes(String(item.code?.value ?? item.code))));
  assert.strictEqual(document.getText(found.range), "frist", "columns must be right beside emoji");
  editor.selection = new vscode.Selection(found.range.start, found.range.start);
  const kind = vscode.CodeActionKind.QuickFix.value;
  const actions = await vscode.commands.executeCommand("vscode.executeCodeActionProvider", document.uri, found.range, kind, 20);
  const action = actions.find((item) => item.isPreferred) ?? actions.find((item) => item.title.startsWith("Rename to"));
  assert.ok(action, `no action mends it: ${actions.map((item) => item.title)}`);
  if (action.edit) {
    await vscode.workspace.applyEdit(action.edit);
  }
  if (action.command) {
    await vscode.commands.executeCommand(action.command.command, ...action.command.arguments);
  }
  await until("the fix", () => document.getText() === one.text);
  await until("the finding to go", () => findings(document).every((item) => item.code !== found.code));
  await document.save();
}

module.exports = { EXTENSION, activation, findings, job, mend, open, page, replace, runAll, until };

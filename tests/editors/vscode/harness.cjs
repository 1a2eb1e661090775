/**
 * What the tests in the extension host share: they run one after another, and what came of each is written down for the outside.
 */

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

module.exports = { EXTENSION, activation, job, open, page, replace, runAll, until };

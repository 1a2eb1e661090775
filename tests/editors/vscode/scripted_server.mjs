#!/usr/bin/env node
/**
 * A language server that has every command with a model, answers as it is told here, and writes down what it hears.
 */

import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const { folder } = JSON.parse(readFileSync(process.env.TEST_JOB, "utf8"));
const heard = join(folder, "heard.jsonl");
appendFileSync(heard, `${JSON.stringify({ arguments: process.argv.slice(2) })}\n`);

const NAMES = [
  "apply", "document", "documentFile", "documentWorkspace", "updateDocs", "fixAll", "convertStyle", "stats", "documentWithModel",
  "explain", "fix", "refactor", "writeTests", "review", "translate", "custom", "answer", "showLast", "status",
];

const STATUS = {
  models: [{ name: "here", model: "qwen2.5-coder", provider: "openai", state: "ready" }],
  asking: 0,
  calls: 7,
  cost_today: 0.25,
};

function send(message) {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  process.stdout.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Requests that end only when they are cancelled. */
const held = new Set();

function execute(id, { command, arguments: args, workDoneToken }) {
  const name = command.replace("code-agent.", "");
  if (name === "status") {
    return send({ id, result: STATUS });
  }
  if (name === "review") {
    send({ method: "$/progress", params: { token: workDoneToken, value: { kind: "begin", title: "Reviewing" } } });
    send({ method: "$/progress", params: { token: workDoneToken, value: { kind: "report", message: "Reading the third of nine files" } } });
    return held.add(id);
  }
  if (name === "custom") {
    return send({ id, error: { code: -32803, message: "There is no instruction called that." } });
  }
  if (name === "showLast") {
    send({ id: "show", method: "window/showDocument", params: { uri: "code-agent:/last.md", takeFocus: true } });
  }
  return send({ id, result: { applied: false, files: 0, message: "", args } });
}

function take(message) {
  const { id, method, params } = message;
  appendFileSync(heard, `${JSON.stringify(message)}\n`);
  if (method === "initialize") {
    send({
      id,
      result: {
        capabilities: {
          textDocumentSync: 1,
          executeCommandProvider: { commands: NAMES.map((name) => `code-agent.${name}`) },
          workspace: { textDocumentContent: { schemes: ["code-agent"] } },
        },
      },
    });
  } else if (method === "initialized") {
    send({ id: "settings", method: "workspace/configuration", params: { items: [{ section: "code-agent" }] } });
  } else if (method === "workspace/executeCommand") {
    execute(id, params);
  } else if (method === "workspace/textDocumentContent") {
    send({ id, result: { text: `# The last question\n\nof ${params.uri}\n` } });
  } else if (method === "$/cancelRequest" && held.delete(params.id)) {
    send({ id: params.id, error: { code: -32800, message: "cancelled" } });
  } else if (method === "shutdown") {
    send({ id, result: null });
  } else if (method === "exit") {
    process.exit(0);
  }
}

let waiting = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  waiting = Buffer.concat([waiting, chunk]);
  for (;;) {
    const head = waiting.indexOf("\r\n\r\n");
    const length = head < 0 ? null : /Content-Length: (\d+)/i.exec(waiting.subarray(0, head).toString());
    if (!length || waiting.length < head + 4 + Number(length[1])) {
      return;
    }
    const end = head + 4 + Number(length[1]);
    const body = waiting.subarray(head + 4, end).toString();
    waiting = waiting.subarray(end);
    take(JSON.parse(body));
  }
});
process.stdin.on("end", () => process.exit(0));

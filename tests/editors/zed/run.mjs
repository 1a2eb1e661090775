/**
 * Runs the extension of Zed, as a WebAssembly component, with a host that answers as Zed would, and prints what it returned.
 *
 *   node run.mjs JOB    JOB is a file with an object: the transpiled component, the library that stands in for the system, and the calls
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { instantiate } = await import(pathToFileURL(join(job.transpiled, "extension.js")));
const library = createRequire(join(job.modules, "package.json")).resolve("@bytecodealliance/preview2-shim/instantiation");
const { WASIShim } = await import(pathToFileURL(library));

/** What the extension may ask about the folder that is open. */
class Worktree {
  constructor(call) {
    this.call = call;
  }
  id() {
    return 1n;
  }
  rootPath() {
    return "/project";
  }
  readTextFile() {
    throw "There is no such file.";
  }
  which(name) {
    return this.call.path[name];
  }
  shellEnv() {
    return [["FROM", "shell"]];
  }
}

let settings;
const imports = {
  ...new WASIShim().getImportObject(),
  worktree: { default: Worktree },
  project: { default: class {} },
  "key-value-store": { default: class {} },
  "get-settings": {
    default: (_place, category, key) => {
      if (category !== "lsp" || key !== "code-agent") {
        throw `There are no settings ${category} of ${key}.`;
      }
      return JSON.stringify(settings);
    },
  },
};
const compiled = async (name) => WebAssembly.compile(readFileSync(join(job.transpiled, name)));
const extension = await instantiate(compiled, imports);
extension.initExtension();

const results = job.calls.map((call) => {
  settings = call.settings;
  try {
    return { returned: extension[call.name]("code-agent", new Worktree(call)) ?? null };
  } catch (error) {
    return { refused: error.payload ?? String(error) };
  }
});
console.log(JSON.stringify(results));

/**
 * Writes the settings of the server into the manifest of the extension; they are declared in one place only, by the server itself.
 *
 *   code-agent config schema | npm run --silent settings            writes package.json
 *   code-agent config schema | npm run --silent settings -- --check fails where package.json says something else
 */

import { readFileSync, writeFileSync } from "node:fs";

const MANIFEST = new URL("../package.json", import.meta.url);

const TITLES = {
  analysis: "Findings",
  docs: "Documentation",
  editor: "Editor",
  models: "Models",
  routing: "Choice of a model",
  budget: "Budget",
  cache: "Cache",
  limits: "Limits",
  core: "Program",
  log: "Log",
};

/** What a workspace, whose files others may have written, has no say in: where questions are sent, what may be spent, files outside. */
const OF_THE_MACHINE = new Set(["models", "routing", "budget", "cache", "core", "log"]);

const schema = JSON.parse(readFileSync(0, "utf8"));

/**
 * A schema without references, in the words that the editor's settings page understands.
 */
function plain(node) {
  if (Array.isArray(node)) {
    return node.map(plain);
  }
  if (typeof node !== "object" || node === null) {
    return node;
  }
  const { $ref, description, format: _format, ...rest } = node;
  const named = $ref ? plain(schema.$defs[$ref.split("/").pop()]) : {};
  const made = { ...named };
  for (const [key, value] of Object.entries(rest)) {
    made[key] = key === "properties" ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)])) : plain(value);
  }
  if (description) {
    made.markdownDescription = description;
  }
  const constants = made.oneOf?.every((choice) => typeof choice.const === "string");
  if (constants) {
    const { oneOf, ...others } = made;
    return { ...others, type: "string", enum: oneOf.map((choice) => choice.const), markdownEnumDescriptions: oneOf.map((choice) => choice.markdownDescription ?? "") };
  }
  return made;
}

/**
 * The settings of one section.
 */
function group(section, order) {
  const node = plain(schema.properties[section]);
  const properties = {};
  for (const [name, setting] of Object.entries(node.properties)) {
    properties[`code-agent.${section}.${name}`] = { ...setting, scope: OF_THE_MACHINE.has(section) ? "machine" : "window" };
  }
  return { title: TITLES[section] ?? section, order, properties };
}

const manifest = JSON.parse(readFileSync(MANIFEST, "utf8"));
const known = Object.keys(TITLES);
const sections = Object.keys(schema.properties).sort((one, other) => (known.indexOf(one) + 1 || 99) - (known.indexOf(other) + 1 || 99));
manifest.contributes.configuration = [manifest.contributes.configuration[0], ...sections.map((section, index) => group(section, index + 1))];
const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
if (!process.argv.includes("--check")) {
  writeFileSync(MANIFEST, text);
} else if (text !== readFileSync(MANIFEST, "utf8")) {
  console.error("The settings in package.json are not those of the server; `code-agent config schema | npm run --silent settings` writes them.");
  process.exit(1);
}

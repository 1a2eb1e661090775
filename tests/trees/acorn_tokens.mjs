// Prints, for each file named on standard input, a line of JSON: a print of its tokens and of its comments that are not documentation.
// A file that does not parse gives null.
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";

const acorn = createRequire(import.meta.url)(process.argv[2]);

function tokens(text) {
  for (const sourceType of ["module", "script"]) {
    const comments = [];
    const options = {
      ecmaVersion: "latest",
      sourceType,
      allowReturnOutsideFunction: true,
      allowHashBang: true,
      onComment: (block, comment) => {
        if (!(block && comment.startsWith("*"))) comments.push(comment.trim());
      },
    };
    try {
      const all = [];
      acorn.parse(text, { ...options, onToken: (token) => all.push([token.type.label, text.slice(token.start, token.end)]) });
      return createHash("sha256").update(JSON.stringify({ tokens: all, comments })).digest("hex");
    } catch {
      // The other source type may do.
    }
  }
  return null;
}

for (const path of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  console.log(JSON.stringify(tokens(fs.readFileSync(path, "utf8"))));
}

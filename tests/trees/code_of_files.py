"""What of a file is code, told without any part of the program under test."""

import ast
import hashlib
import io
import json
import pathlib
import re
import subprocess
import tokenize

from fetch import acorn


def code_of(files: list[pathlib.Path]) -> list[object]:
    """For each file a print that is equal before and after if only documentation changed."""
    scripts = [file for file in files if file.suffix == ".js"]
    tokens = dict(zip(scripts, javascript(scripts)))
    result = []
    for file in files:
        content = file.read_bytes()
        if file.suffix == ".js":
            # What no other parser reads must not be touched at all.
            result.append(tokens[file] or print_of(content))
        elif file.suffix == ".py":
            result.append(print_of(python(content)))
        else:
            text = content.decode("utf-8", "surrogateescape")
            result.append(print_of(rust(text) if file.suffix == ".rs" else go(text)))
    return result


def print_of(code: object) -> str:
    """A short print: whole trees are compared, and their code does not fit into memory twice."""
    return hashlib.sha256(repr(code).encode("utf-8", "surrogatepass")).hexdigest()


def python(content: bytes) -> object:
    """The syntax tree without docstrings, and all comments."""
    try:
        tree = ast.parse(content)
        comments = [
            token.string for token in tokenize.tokenize(io.BytesIO(content).readline) if token.type == tokenize.COMMENT
        ]
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        # Python itself does not read it: compare all but the triple-quoted strings, lines without anything left out.
        text = re.sub(rb'[rRuU]{0,2}("""|\'\'\').*?\1', b"", content, flags=re.DOTALL)
        return [line.strip() for line in text.splitlines() if line.strip()]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                del node.body[0]
    try:
        return ast.dump(tree), comments
    except RecursionError:
        return content


def javascript(files: list[pathlib.Path]) -> list[object]:
    """A print of the tokens by another tokenizer, and of the comments that are not documentation."""
    if not files:
        return []
    script = pathlib.Path(__file__).with_name("acorn_tokens.mjs")
    done = subprocess.run(
        ["node", "--max-old-space-size=2048", str(script), str(acorn())],
        input="\n".join(map(str, files)), capture_output=True, text=True, check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


RUST = re.compile(
    r"""(?P<doc>//[/!][^\n]*|/\*[*!])|(?P<line>//[^\n]*)|(?P<block>/\*)"""
    r"""|(?P<raw>\b(?:b|c)?r(?P<hashes>\#*)".*?"(?P=hashes))"""
    r"""|(?P<string>"(?:\\.|[^"\\])*")"""
    r"""|(?P<character>'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])')""",
    re.DOTALL,
)


def rust(text: str) -> object:
    """The lines of code without comments, and the comments that are not documentation."""
    code, comments, done = [], [], 0
    while match := RUST.search(text, done):
        code.append(text[done:match.start()])
        if match["raw"] or match["string"] or match["character"]:
            code.append(match.group().replace("\n", "\\n"))
            done = match.end()
            continue
        done = match.end()
        is_block = match["block"] or (match["doc"] or "").startswith("/*")
        if is_block:
            depth = 1
            while depth and (bracket := re.compile(r"/\*|\*/").search(text, done)):
                depth += 1 if bracket.group() == "/*" else -1
                done = bracket.end()
        comment = text[match.start():done]
        if not is_documentation(comment):
            comments.append(comment.strip())
    code.append(text[done:])
    return lines_of("".join(code)), comments


def is_documentation(comment: str) -> bool:
    """Whether Rust takes a comment for documentation."""
    if comment.startswith("//"):
        return comment.startswith("//!") or (comment.startswith("///") and not comment.startswith("////"))
    return comment.startswith("/*!") or (comment.startswith("/**") and not comment.startswith(("/***", "/**/")))


GO = re.compile(
    r"""(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<raw>`[^`]*`)|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<rune>'(?:\\.|[^'\\\n])+')""",
    re.DOTALL,
)


def go(text: str) -> object:
    """The lines of code without comments, and the comments that the compiler reads."""
    code, directives, done = [], [], 0
    for match in GO.finditer(text):
        code.append(text[done:match.start()])
        done = match.end()
        if match["line"] or match["block"]:
            comment = match.group()
            if re.match(r"//(go:|line |export |nolint|\s*\+build)", comment):
                directives.append(comment.strip())
        else:
            code.append(match.group().replace("\n", "\\n"))
    code.append(text[done:])
    return lines_of("".join(code)), directives


def lines_of(code: str) -> list[str]:
    """The lines that hold anything, without the white space around it."""
    return [line.strip() for line in code.splitlines() if line.strip()]

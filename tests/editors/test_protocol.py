"""The real program behind the capabilities of real editors: open, break a docstring, see the finding, take the action, compare the text."""

import asyncio
import warnings

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from cases import CASES, UNDOCUMENTED

EDITORS = ["neovim", "visual-studio-code", "emacs"]


class Buffer:
    """A document as an editor keeps it, with columns counted in UTF-16."""

    def __init__(self, client: LanguageClient, uri: str, language: str, text: str):
        self.client, self.uri, self.text, self.version = client, uri, text, 1
        client.text_document_did_open(types.DidOpenTextDocumentParams(
            types.TextDocumentItem(uri=uri, language_id=language, version=1, text=text)))

    def offset(self, position: types.Position) -> int:
        """Index of a position in the text."""
        lines = self.text.split("\n")
        before = sum(len(line) + 1 for line in lines[: position.line])
        units = lines[position.line].encode("utf-16-le")[: position.character * 2]
        return before + len(units.decode("utf-16-le"))

    def position(self, offset: int) -> types.Position:
        """Position of an index in the text."""
        before = self.text[:offset]
        column = len(before.rsplit("\n", 1)[-1].encode("utf-16-le")) // 2
        return types.Position(line=before.count("\n"), character=column)

    def replace(self, old: str, new: str) -> None:
        """Types `new` over `old`, and tells the server."""
        start = self.text.index(old)
        span = types.Range(start=self.position(start), end=self.position(start + len(old)))
        self.text = self.text.replace(old, new, 1)
        self.version += 1
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(uri=self.uri, version=self.version),
            [types.TextDocumentContentChangePartial(range=span, text=new)]))

    def apply(self, edits) -> None:
        """Makes the edits of the server."""
        spans = sorted(((self.offset(e.range.start), self.offset(e.range.end), e) for e in edits), key=lambda s: s[:2])
        for start, end, edit in reversed(spans):
            text = edit.new_text if hasattr(edit, "new_text") else edit.snippet.value
            self.text = self.text[:start] + text + self.text[end:]

    def take(self, edit: types.WorkspaceEdit) -> None:
        """Makes what concerns this document in an edit of the workspace."""
        for change in edit.document_changes or []:
            assert change.text_document.uri == self.uri
            assert change.text_document.version in (None, self.version), "the edit is for the version the editor has"
            self.apply(change.edits)
        for uri, edits in (edit.changes or {}).items():
            assert uri == self.uri
            self.apply(edits)


@pytest.fixture
async def session(request, project, program):
    """A function that starts the server as one editor would."""
    clients = []

    async def start(editor: str) -> LanguageClient:
        config = ClientServerConfig(server_command=[program, "lsp", "--stdio"])
        client = await config.start()
        clients.append(client)
        client.edits = []

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply_edit(params: types.ApplyWorkspaceEditParams):
            client.edits.append(params.edit)
            return types.ApplyWorkspaceEditResult(applied=True)

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams):
            return None

        @client.feature(types.WORKSPACE_CODE_LENS_REFRESH)
        def refresh(params):
            return None

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            capabilities = client_capabilities(editor)
        capabilities.general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16])
        result = await client.initialize_session(types.InitializeParams(
            capabilities=capabilities, root_uri=project.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=project.as_uri(), name="project")]))
        client.server_capabilities = result.capabilities
        return client

    yield start
    for client in clients:
        await client.shutdown_session()
        await client.stop()


async def findings(client: LanguageClient, buffer: Buffer, wanted) -> list[types.Diagnostic]:
    """Waits until the findings of a document are as wanted; asks for them where the server offers that."""
    seen: list[types.Diagnostic] = []
    for _ in range(600):
        seen = [item for item in client.diagnostics.get(buffer.uri, []) if item.source == "code-agent"]
        text_document = client.capabilities.text_document
        if not seen and text_document and text_document.diagnostic and client.server_capabilities.diagnostic_provider:
            report = await client.text_document_diagnostic_async(
                types.DocumentDiagnosticParams(types.TextDocumentIdentifier(buffer.uri)))
            seen = list(report.items)
        if wanted(seen):
            return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited in vain for the findings, last seen: {seen}")


async def take(client: LanguageClient, buffer: Buffer, place: types.Range, kind: str, diagnostics=(), title: str = "") -> None:
    """Takes the first action of a kind at a place, in whatever way the server answers it."""
    actions = await client.text_document_code_action_async(types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(buffer.uri), range=place,
        context=types.CodeActionContext(diagnostics=list(diagnostics), only=[kind])))
    actions = [action for action in actions or [] if title in action.title]
    assert actions, f"no action of the kind {kind} was offered"
    action = next((action for action in actions if getattr(action, "is_preferred", False)), actions[0])
    command = action if isinstance(action, types.Command) else action.command
    if isinstance(action, types.CodeAction) and action.edit is None and command is None:
        action = await client.code_action_resolve_async(action)
        command = action.command
    if isinstance(action, types.CodeAction) and action.edit is not None:
        buffer.take(action.edit)
        return
    assert command, f"{action.title} has neither an edit nor a command"
    await client.workspace_execute_command_async(types.ExecuteCommandParams(command=command.command, arguments=command.arguments))
    for _ in range(600):
        if client.edits:
            buffer.take(client.edits.pop())
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{action.title} brought no edit")


@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_broken_docstring_is_mended(session, project, case, editor):
    client = await session(editor)
    buffer = Buffer(client, (project / case.filename).as_uri(), case.filetype, case.text)
    buffer.replace(case.right, case.wrong)
    seen = await findings(client, buffer, lambda items: any(item.code in case.codes for item in items))
    finding = next(item for item in seen if item.code in case.codes)
    underlined = buffer.text[buffer.offset(finding.range.start): buffer.offset(finding.range.end)]
    assert underlined == "frist", "columns must be right beside emoji"
    await take(client, buffer, finding.range, "quickfix", [finding])
    assert buffer.text == case.text, "the text is as it was, byte for byte"


@pytest.mark.parametrize("editor", EDITORS)
async def test_a_function_is_documented(session, project, editor):
    client = await session(editor)
    buffer = Buffer(client, (project / "sums.py").as_uri(), "python", UNDOCUMENTED)
    place = buffer.position(buffer.text.index("subtract"))
    await take(client, buffer, types.Range(start=place, end=place), "refactor.rewrite", title="ocument")
    before = [line for line in UNDOCUMENTED.splitlines() if line]
    assert [line for line in buffer.text.splitlines() if line in before] == before, "no line of code was changed"
    assert "second" in buffer.text.split('"""', 3)[3].split('"""')[0], buffer.text

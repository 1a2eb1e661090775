"""The real program with a model, behind the capabilities of real editors: documentation, explanation, repair, cancel, conflict, budget, chat."""

import asyncio
import os
import time
import warnings
from typing import Union

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from cases import UNDOCUMENTED
from double import EXPLANATION, Double
from test_protocol import Buffer

# Zed and Helix have no recorded capabilities in the library, so these are the parts of theirs that matter here.
OWN = {
    "zed": types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True, workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=True, resource_operations=[types.ResourceOperationKind.Create])),
        window=types.WindowClientCapabilities(work_done_progress=True, show_document=types.ShowDocumentClientCapabilities(support=True)),
        text_document=types.TextDocumentClientCapabilities(code_action=types.CodeActionClientCapabilities(
            data_support=True, code_action_literal_support=types.ClientCodeActionLiteralOptions(
                code_action_kind=types.ClientCodeActionKindOptions(value_set=["quickfix", "refactor", "source"])),
            resolve_support=types.ClientCodeActionResolveOptions(properties=["edit", "command"])))),
}
EDITORS = ["neovim", "visual-studio-code", "emacs", "zed"]
LINE = 4


@pytest.fixture
def double():
    """A model that answers well, unless a test wants something else."""
    double = Double()
    yield double
    double.close()


@pytest.fixture
async def start(project, program, double, tmp_path):
    """A function that starts the server as one editor would, with the model in the user's settings."""
    clients = []

    async def start(editor: str, more: str = "", name: str | None = None) -> LanguageClient:
        folder = tmp_path / "config" / "code-agent"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(double.settings(more))
        environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
        client = await ClientServerConfig(server_command=[program, "lsp"], server_env=environment).start()
        clients.append(client)
        client.buffer = None

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        async def apply_edit(params: types.ApplyWorkspaceEditParams):
            for change in params.edit.document_changes or []:
                if isinstance(change, types.CreateFile):
                    client.created = change.uri
            if client.buffer is not None:
                edit = params.edit
                if edit.document_changes:
                    edit.document_changes = [change for change in edit.document_changes if hasattr(change, "edits")]
                if edit.document_changes and edit.document_changes[0].text_document.uri != client.buffer.uri:
                    client.elsewhere = edit
                    return types.ApplyWorkspaceEditResult(applied=True)
                before = client.buffer.text
                client.buffer.take(edit)
                tell(client.buffer, before)
            return types.ApplyWorkspaceEditResult(applied=True)

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams):
            return None

        client.feature(types.WORKSPACE_CODE_LENS_REFRESH)(lambda *_: None)

        # The library takes every action with a command for a bare command.
        converter = client.protocol._converter
        converter.register_structure_hook(
            Union[types.Command, types.CodeAction],
            lambda value, _: converter.structure(value, types.Command if isinstance(value.get("command"), str) else types.CodeAction))

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            capabilities = OWN.get(editor) or client_capabilities(editor)
        capabilities.general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16])
        info = types.ClientInfo(name=name or editor)
        await client.initialize_session(types.InitializeParams(
            capabilities=capabilities, client_info=info, root_uri=project.as_uri(),
            workspace_folders=[types.WorkspaceFolder(uri=project.as_uri(), name="project")]))
        return client

    yield start
    for client in clients:
        await asyncio.wait_for(client.shutdown_session(), 20)
        await asyncio.wait_for(client.stop(), 20)


def tell(buffer: Buffer, before: str) -> None:
    """Tells the server what its own edit made of the text, as an editor does."""
    buffer.version += 1
    whole = types.Range(start=types.Position(0, 0), end=types.Position(len(before.split("\n")) + 1, 0))
    buffer.client.text_document_did_change(types.DidChangeTextDocumentParams(
        types.VersionedTextDocumentIdentifier(uri=buffer.uri, version=buffer.version),
        [types.TextDocumentContentChangePartial(range=whole, text=buffer.text)]))


def opened(client: LanguageClient, project, text: str = UNDOCUMENTED, name: str = "sums.py") -> Buffer:
    """A document in the editor."""
    (project / name).write_text(text)
    client.buffer = Buffer(client, (project / name).as_uri(), "markdown" if name.endswith(".md") else "python", text)
    return client.buffer


async def actions(client: LanguageClient, buffer: Buffer, line: int = LINE - 1, diagnostics=(), only=None):
    """All actions of a line."""
    place = types.Range(start=types.Position(line, 5), end=types.Position(line, 5))
    return await client.text_document_code_action_async(types.CodeActionParams(
        types.TextDocumentIdentifier(buffer.uri), place, types.CodeActionContext(diagnostics=list(diagnostics), only=only)))


async def run(client: LanguageClient, buffer: Buffer, title: str, **options):
    """Takes the action whose title begins so."""
    offered = await actions(client, buffer, **options)
    chosen = [action for action in offered if action.title.startswith(title)]
    assert chosen, [action.title for action in offered]
    command = chosen[-1].command
    return await client.workspace_execute_command_async(types.ExecuteCommandParams(command=command.command, arguments=command.arguments))


async def asked(double: Double, count: int):
    """Waits until so many questions have come; who types before that types before the action was chosen."""
    for _ in range(1000):
        if len(double.bodies) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(double.bodies)} questions have come")


@pytest.mark.parametrize("editor", EDITORS)
async def test_a_model_documents_fixes_and_explains(start, project, double, editor):
    client = await start(editor)
    buffer = opened(client, project)
    offered = await actions(client, buffer)
    with_model = [action for action in offered if "local model" in action.title]
    assert {"Document `subtract` · local model", "Explain `subtract` · local model"} <= {action.title for action in with_model}
    assert not double.bodies, "offering is free"
    for action in with_model:
        if action.data is not None:
            await client.code_action_resolve_async(action)
    assert not double.bodies, "resolving is free too, since some editors resolve all that they list"
    result = await run(client, buffer, "Document `subtract` · local model")
    assert result["applied"] and "only documentation changed" in result["message"], result
    assert '"""Take 🎉 one number from another.' in buffer.text and buffer.text.endswith("    return first - second\n")
    line = buffer.text[: buffer.text.index("return first")].count("\n")
    place = types.Range(start=types.Position(line, 4), end=types.Position(line, 10))
    foreign = types.Diagnostic(range=place, message="Name the difference.", source="other")
    await run(client, buffer, "Fix “Name the difference”", line=line, diagnostics=[foreign])
    assert "    difference = first - second\n    return difference\n" in buffer.text
    assert "Name the difference." in double.bodies[-1] and "other:" in double.bodies[-1]
    explained = await run(client, buffer, "Explain `subtract`")
    assert EXPLANATION in explained["text"]
    if editor != "emacs":
        assert client.shown_documents, "a page is brought before the user"
    last = await client.workspace_execute_command_async(types.ExecuteCommandParams(command="code-agent.showLast"))
    assert "## Prompt" in last["text"] and "double (m, openai)" in last["text"]


async def test_tests_are_written_into_a_new_file_and_remarks_are_shown(start, project, double):
    client = await start("visual-studio-code")
    buffer = opened(client, project)
    result = await run(client, buffer, "Write tests for `subtract`")
    assert result["applied"] and client.created.endswith("/tests/test_sums.py")
    assert "class TestSubtract" in client.elsewhere.document_changes[0].edits[0].new_text
    git = await asyncio.create_subprocess_exec("git", "init", "-q", cwd=project)
    assert await git.wait() == 0
    await run(client, buffer, "Review the changes of this file")
    for _ in range(100):
        report = await client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(buffer.uri))) if client.capabilities.text_document.diagnostic else None
        items = report.items if report else client.diagnostics.get(buffer.uri, [])
        remarks = [item for item in items if item.source == "code-agent review"]
        if remarks:
            break
        await asyncio.sleep(0.05)
    assert [remark.message for remark in remarks] == ["`first` may be no number."] and remarks[0].range.start.line == 4


@pytest.mark.parametrize("editor", EDITORS)
async def test_a_cancel_ends_the_call_at_the_provider(start, project, double, editor):
    double.pace, double.say = 0.02, lambda _: "word " * 5000
    client = await start(editor)
    buffer = opened(client, project)
    chosen = [action for action in await actions(client, buffer) if action.title.startswith("Explain")][0]
    command = chosen.command
    params = types.ExecuteCommandParams(command=command.command, arguments=command.arguments, work_done_token="own-token")
    client.progress_reports["own-token"] = []
    request = asyncio.ensure_future(client.workspace_execute_command_async(params))
    await asyncio.to_thread(double.began.wait, 10)
    first = time.monotonic()
    for _ in range(200):
        if [value for value in client.progress_reports.get("own-token", []) if isinstance(value, types.WorkDoneProgressReport)]:
            break
        await asyncio.sleep(0.005)
    assert time.monotonic() - first < 0.3, "the first word is told"
    began = time.monotonic()
    identifier = next(identifier for identifier, future in client.protocol._request_futures.items() if not future.done())
    client.cancel_request(types.CancelParams(id=identifier))
    with pytest.raises((JsonRpcException, asyncio.CancelledError)):
        await request
    answered = time.monotonic() - began
    await asyncio.to_thread(double.aborted.wait, 5)
    assert double.aborted.is_set(), "the provider is told"
    # The double notices with its next word only, so the bound is not the one that is measured elsewhere.
    assert answered < 1 and double.aborted_at - began < 1, (answered, double.aborted_at - began)
    # It is told beside the answer.
    for _ in range(500):
        if isinstance(client.progress_reports["own-token"][-1], types.WorkDoneProgressEnd):
            break
        await asyncio.sleep(0.01)
    assert isinstance(client.progress_reports["own-token"][-1], types.WorkDoneProgressEnd), "the bar goes away"


@pytest.mark.parametrize("editor", EDITORS)
async def test_who_types_meanwhile_loses_nothing(start, project, double, editor):
    double.before = 0.5
    client = await start(editor)
    buffer = opened(client, project)
    request = asyncio.ensure_future(run(client, buffer, "Document `subtract` · local"))
    await asked(double, 1)
    buffer.replace('"""Sums 🎉 of numbers."""', '"""Sums 🎉🎉 of all numbers."""\n\nimport os')
    assert (await request)["applied"]
    assert buffer.text.startswith('"""Sums 🎉🎉 of all numbers."""\n\nimport os\n') and '    """Take 🎉 one number' in buffer.text
    before = buffer.text
    request = asyncio.ensure_future(run(client, buffer, "Simplify `subtract`", line=before[: before.index("def ")].count("\n")))
    await asked(double, 2)
    buffer.replace("return first - second", "return first - second - 0")
    with pytest.raises(JsonRpcException) as refused:
        await request
    assert str(refused.value.message).endswith("."), refused.value
    assert buffer.text == before.replace("return first - second", "return first - second - 0")


async def test_no_money_and_no_model_leave_what_needs_neither(start, project, double):
    client = await start("neovim", "[budget]\ntokens-per-day = 5\n")
    buffer = opened(client, project)
    with pytest.raises(JsonRpcException) as refused:
        await run(client, buffer, "Simplify `subtract`")
    assert "budget" in str(refused.value.message).lower(), refused.value.message
    result = await run(client, buffer, "Document `subtract` · local")
    assert result["applied"] and "without a model" in result["message"] and '"""' in buffer.text
    assert not double.bodies
    double.close()
    client = await start("neovim")
    buffer = opened(client, project)
    result = await run(client, buffer, "Document `subtract` · local")
    assert result["applied"] and "without a model" in result["message"], "the model is down"
    with pytest.raises(JsonRpcException) as refused:
        await run(client, buffer, "Rename the variables")
    assert str(refused.value.message).endswith("."), refused.value.message


async def test_an_editor_that_never_waits_gets_its_edit_later(start, project, double):
    double.before = 0.5
    client = await start("zed", name="helix")
    buffer = opened(client, project)
    result = await run(client, buffer, "Document `subtract` · local")
    assert not result["applied"], "answered at once"
    for _ in range(200):
        if '"""Take' in buffer.text:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(buffer.text)


@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("eol", ["\n", "\r\n"], ids=["lf", "crlf"])
async def test_a_conversation_is_answered_in_its_document(start, project, double, editor, eol):
    double.pace = 0.05
    client = await start(editor)
    (project / "helper.py").write_text("def the_helper():\n    pass\n")
    (project / ".env").write_text("TOKEN=not-for-models\n")
    text = f"# A talk{eol}{eol}What is in @helper.py and @.env and @../outside.py?{eol}"
    buffer = opened(client, project, text, "talk.chat.md")
    offered = await actions(client, buffer, line=2)
    assert [action.title for action in offered] == ["Answer"]
    result = await client.workspace_execute_command_async(types.ExecuteCommandParams(
        command=offered[0].command.command, arguments=offered[0].command.arguments))
    assert result["applied"]
    expected = f"{text}{eol}## Assistant{eol}{eol}One, two 🎉,{eol}three.{eol}{eol}## You{eol}{eol}"
    assert buffer.text == expected
    assert "the_helper" in double.bodies[-1] and "not-for-models" not in double.bodies[-1]
    assert not await actions(client, buffer, line=2), "nothing waits for an answer"


async def test_secrets_do_not_leave_and_private_files_are_not_offered(start, project, double):
    secret = "ghp_" + "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"
    client = await start("neovim")
    buffer = opened(client, project, UNDOCUMENTED + f'\nTOKEN = "{secret}"\n')
    await run(client, buffer, "Explain `subtract`")
    assert secret not in double.bodies[-1]
    (project / ".code-agentignore").write_text("private.py\n")
    private = opened(client, project, UNDOCUMENTED, "private.py")
    assert not [action for action in await actions(client, private) if "local model" in action.title]
    asked = len(double.bodies)
    with pytest.raises(JsonRpcException) as refused:
        await client.workspace_execute_command_async(types.ExecuteCommandParams(
            command="code-agent.explain", arguments=[{"uri": private.uri, "position": {"line": 3, "character": 5}}]))
    assert ".code-agentignore" in str(refused.value.message) and len(double.bodies) == asked


async def test_an_action_of_the_workspace_is_offered_and_run(start, project, double):
    folder = project / ".code-agent" / "actions"
    folder.mkdir(parents=True)
    (folder / "name-it.md").write_text("---\ntitle: Name the difference\nkinds: edit\nlanguages: [python]\n---\nGive it a name:\n{{selection}}\n")
    client = await start("neovim")
    buffer = opened(client, project)
    assert (await run(client, buffer, "Name the difference · local model"))["applied"]
    assert "    return difference\n" in buffer.text and "Give it a name" in double.bodies[-1]


async def test_the_state_of_the_models_is_told(start, project, double):
    client = await start("neovim")
    opened(client, project)
    status = await client.workspace_execute_command_async(types.ExecuteCommandParams(command="code-agent.status"))
    assert status["models"] == [{"name": "double", "model": "m", "provider": "openai", "state": "ready"}]
    assert status["cost_today"] == 0


@pytest.mark.parametrize("choice", ["Apply", "Discard", None, "cannot"])
async def test_an_edit_is_shown_first_and_applied_only_when_the_user_says_so(start, project, double, choice):
    client = await start("neovim", "[actions]\npreview = true\n")
    asked = []

    @client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
    def show_message_request(params: types.ShowMessageRequestParams):
        asked.append((params, len(client.shown_documents)))
        if choice == "cannot":
            raise RuntimeError("no such thing")
        return next((action for action in params.actions if action.title == choice), None)

    buffer = opened(client, project)
    if choice == "cannot":
        with pytest.raises(JsonRpcException, match="nothing was changed"):
            await run(client, buffer, "Document `subtract` · local model")
    else:
        result = await run(client, buffer, "Document `subtract` · local model")
        assert result["applied"] == (choice == "Apply"), result
    assert ("Take 🎉 one number" in buffer.text) == (choice == "Apply")
    params, shown = asked[0]
    assert [action.title for action in params.actions] == ["Apply", "Discard"] and "verified" in params.message
    assert shown == 1, "the difference is shown before the question"
    page = await client.workspace_execute_command_async(types.ExecuteCommandParams(command="code-agent.showLast"))
    for part in ["## Difference", "+    \"\"\"Take", "## Prompt 1", "| cost |"]:
        assert part in page["text"], page["text"]

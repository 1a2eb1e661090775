"""The door for programs that speak OpenAI's format, with OpenAI's own SDK, a real model, and a model that fails on demand."""

import base64
import json
import random
import zlib

import openai
import pytest

from served import serving, smollm2


@pytest.fixture(scope="module")
def small():
    """The address of a small model."""
    with serving(smollm2()) as url:
        yield url


def settings(folder, **targets: str) -> None:
    """Writes settings with targets, before the service starts."""
    place = folder / "config" / "code-agent"
    place.mkdir(parents=True)
    head = "[models]\nfirst-word-ms = 200000\nstall-ms = 100000\n"
    each = (f'[[models.target]]\nname = "{name}"\nmodel = "any"\nbase-url = "{url}"\n' for name, url in targets.items())
    (place / "config.toml").write_text(head + "".join(each))


@pytest.fixture
def door(start_service, tmp_path, scripted):
    """A service with a scripted model, and the SDK as a developer has it."""
    settings(tmp_path, work=scripted.url)
    service = start_service()
    return service, openai.OpenAI(base_url=f"{service.url}/v1", api_key=service.account("dev", "developer"), max_retries=0)


def test_the_sdk_has_a_real_model_answer_whole_and_in_pieces(start_service, tmp_path, small):
    settings(tmp_path, small=f"{small}/v1")
    service = start_service()
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key=service.account("dev", "developer"), max_retries=0)
    assert [model.id for model in client.models.list()] == ["auto", "small"]
    assert client.models.retrieve("small").owned_by == "openai"
    asked = {
        "model": "auto", "temperature": 0, "max_tokens": 24,
        "messages": [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "Say hello."}],
    }
    whole = client.chat.completions.with_raw_response.create(**asked)
    answer = whole.parse()
    assert answer.choices[0].message.content.strip() and answer.model == "small"
    assert answer.usage.prompt_tokens > 5 and 0 < answer.usage.completion_tokens <= 24
    assert whole.headers["x-code-agent-cache"] == "miss"
    again = client.chat.completions.with_raw_response.create(**asked)
    assert again.headers["x-code-agent-cache"] == "hit"
    assert again.parse().choices[0].message.content == answer.choices[0].message.content
    asked["messages"][1]["content"] = "Say goodbye."
    pieces = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    texts = [piece.choices[0].delta.content for piece in pieces if piece.choices and piece.choices[0].delta.content]
    assert len(texts) > 1, "it comes in pieces"
    assert pieces[0].choices[0].delta.role == "assistant"
    assert pieces[-2].choices[0].finish_reason in ("stop", "length")
    assert pieces[-1].usage.completion_tokens > 0 and not pieces[-1].choices


def test_a_conversation_reaches_the_model_turn_by_turn_and_without_its_secrets(door, scripted):
    _, client = door
    key = "ghp_" + "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"
    scripted.reply = "The token is __SECRET_1__ ."
    turns = [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": f"token = '{key}'"},
        {"role": "assistant", "content": "Noted."}, {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
    ]
    answer = client.chat.completions.with_raw_response.create(model="work", messages=turns, top_p=0.5, seed=1)
    assert key in answer.parse().choices[0].message.content, "it comes back to the one whose it is"
    assert answer.headers["x-code-agent-ignored"] == "top_p, seed"
    (asked,) = scripted.asked
    said = json.dumps(asked)
    assert key not in said and "__SECRET_1__" in said
    assert [turn["role"] for turn in asked["messages"]] == ["system", "user", "assistant", "user"]
    assert asked["temperature"] == 1 and asked["messages"][-1]["content"] == "What is it?"


def png(width: int, height: int) -> bytes:
    """A picture in which nothing repeats, so that it cannot be made small."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    noise = random.Random(7)
    rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_picture_reaches_the_model_byte_for_byte(door, scripted):
    _, client = door
    scripted.reply = "Noise."
    small, large = png(3, 2), png(1000, 1000)
    # Together they are more than any other request may have.
    shown = [small, large, large, large]
    assert len(large) < 5 << 20 and sum(map(len, shown)) > 8 << 20
    parts = [{"type": "text", "text": "What is it?"}]
    for data in shown:
        url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
    answer = client.chat.completions.create(model="work", messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content.strip() == "Noise."
    (asked,) = scripted.asked
    text, *pictures = asked["messages"][0]["content"]
    assert text == parts[0] and [picture["image_url"]["detail"] for picture in pictures] == ["low"] * len(shown)
    arrived = [base64.b64decode(picture["image_url"]["url"].removeprefix("data:image/png;base64,")) for picture in pictures]
    assert arrived == shown
    for url in ("data:image/png;base64,AAAA", "file:///etc/passwd", "http://localhost/a.png"):
        part = {"type": "image_url", "image_url": {"url": url}}
        with pytest.raises(openai.UnprocessableEntityError) as error:
            client.chat.completions.create(model="work", messages=[{"role": "user", "content": [part]}])
        assert error.value.body["param"] == "messages.0.content.0.image_url.url", error.value.body
    assert len(scripted.asked) == 1, "no model is asked what cannot be shown"


def test_errors_are_those_the_sdk_knows(door, scripted):
    service, client = door
    hello = [{"role": "user", "content": "Hello."}]

    def refused(kind, **asked):
        with pytest.raises(kind) as error:
            client.chat.completions.create(**{"model": "work", "messages": hello, **asked})
        assert error.value.body["message"].endswith("."), error.value.body
        return error.value.body

    assert refused(openai.NotFoundError, model="gone")["code"] == "model_not_found"
    assert refused(openai.BadRequestError, messages=[])["param"] == "messages"
    assert refused(openai.BadRequestError, n=2)["param"] == "n"
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    stray = [*hello, {"role": "tool", "content": "x", "tool_call_id": "1"}]
    assert refused(openai.UnprocessableEntityError, messages=stray, tools=[tool])["param"] == "messages.1.tool_call_id"
    assert refused(openai.UnprocessableEntityError, messages=[*hello, {"role": "assistant", "content": "x"}])["param"] == "messages.1"
    assert refused(openai.BadRequestError, messages=[{"role": "function", "name": "f", "content": "x"}])["param"] == "messages.0.role"
    assert refused(openai.UnprocessableEntityError, tools=[tool, tool])["param"] == "tools.1.function.name"
    assert refused(openai.BadRequestError, tools=[tool] * 129)["param"] == "tools"
    assert refused(openai.BadRequestError, tools=[{"type": "function", "function": {"name": "a b"}}])["param"] == "tools.0.function.name"
    named = {"type": "function", "function": {"name": "g"}}
    assert refused(openai.UnprocessableEntityError, tools=[tool], tool_choice=named)["param"] == "tool_choice.function.name"
    assert refused(openai.UnprocessableEntityError, extra_body={"functions": [tool["function"]]})["param"] == "functions"
    assert not scripted.asked, "no model is asked what cannot be answered"
    viewer = openai.OpenAI(base_url=f"{service.url}/v1", api_key=service.account("see", "viewer"), max_retries=0)
    with pytest.raises(openai.PermissionDeniedError):
        viewer.chat.completions.create(model="work", messages=hello)
    assert [model.id for model in viewer.models.list()] == ["auto", "work"], "looking is allowed"
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{service.url}/v1", api_key="cagt_wrong", max_retries=0).models.list()
    scripted.close()
    with pytest.raises(openai.InternalServerError) as error:
        client.chat.completions.create(model="work", messages=hello)
    assert error.value.status_code in (502, 503) and "work" in error.value.body["message"]


def test_an_answer_that_breaks_off_is_told_to_be_broken(door, scripted):
    _, client = door
    scripted.breaks, scripted.reply = True, "one two"
    heard = []
    with pytest.raises(openai.APIError) as error:
        for piece in client.chat.completions.create(model="work", messages=[{"role": "user", "content": "Hi."}], stream=True):
            heard.append(piece.choices[0].delta.content)
    assert "".join(filter(None, heard)).startswith("one"), "what came was told before"
    assert "work" in str(error.value) or "model" in str(error.value)


def test_what_a_token_may_is_what_its_scopes_say_and_it_is_over_when_revoked(door):
    service, client = door
    developer = client.api_key
    status, made = service.ask("POST", "/api/v2/tokens", {"name": "sdk", "scopes": ["openai"], "days": 1}, developer)
    assert status == 201, made
    status, other = service.ask("POST", "/api/v2/tokens", {"name": "jobs", "scopes": ["jobs"], "days": 1}, developer)
    assert status == 201, other
    hello = [{"role": "user", "content": "Hello."}]
    scoped = client.with_options(api_key=made["secret"])
    assert scoped.chat.completions.create(model="work", messages=hello).choices[0].message.content.strip() == "Fine."
    with pytest.raises(openai.PermissionDeniedError):
        client.with_options(api_key=other["secret"]).chat.completions.create(model="work", messages=hello)
    status, said = service.ask("DELETE", f"/api/v2/tokens/{made['token']['id']}", token=developer)
    assert status == 204, said
    with pytest.raises(openai.AuthenticationError):
        scoped.chat.completions.create(model="work", messages=hello)


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather", "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def whole(client, **asked):
    """An answer that comes whole: its message, and why it ended."""
    choice = client.chat.completions.create(model="work", **asked).choices[0]
    return choice.message, choice.finish_reason


def streamed(client, **asked):
    """An answer that comes in pieces, put together as the format has it."""
    content, calls, reason = "", {}, None
    for piece in client.chat.completions.create(model="work", stream=True, **asked):
        delta, reason = piece.choices[0].delta, piece.choices[0].finish_reason
        content += delta.content or ""
        for part in delta.tool_calls or []:
            call = calls.setdefault(part.index, {"id": part.id, "type": "function", "function": {"name": part.function.name, "arguments": ""}})
            call["function"]["arguments"] += part.function.arguments or ""
    message = {"role": "assistant", "content": content or None, "tool_calls": list(calls.values()) or None}
    return openai.types.chat.ChatCompletionMessage.model_validate(message), reason


@pytest.mark.parametrize("answered", [whole, streamed])
def test_a_loop_of_tools_runs_to_its_end(door, scripted, answered):
    _, client = door
    key = "ghp_" + "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"
    messages = [{"role": "user", "content": f"The key is {key} . How is the weather in Ulm and in Bonn?"}]
    scripted.calls = [("weather", json.dumps({"city": "Ulm", "key": "__SECRET_1__"})), ("weather", json.dumps({"city": "Bonn"}))]
    message, reason = answered(client, messages=messages, tools=[WEATHER], parallel_tool_calls=True)
    assert (reason, message.role, message.content) == ("tool_calls", "assistant", None)
    assert [call.function.name for call in message.tool_calls] == ["weather", "weather"]
    told = [json.loads(call.function.arguments) for call in message.tool_calls]
    assert told == [{"city": "Ulm", "key": key}, {"city": "Bonn"}], "secrets come back to the one whose they are"
    assert len({call.id for call in message.tool_calls}) == 2
    messages.append(message.model_dump(exclude_none=True))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": f"Sun, says {key} ."} for call in message.tool_calls]
    scripted.reply = "Sunny."
    message, reason = answered(client, messages=messages, tools=[WEATHER], tool_choice="auto")
    assert (reason, message.content.strip(), message.tool_calls or []) == ("stop", "Sunny.", [])
    first, second = scripted.asked
    assert key not in json.dumps(scripted.asked)
    assert first["tools"] == [WEATHER] and first["parallel_tool_calls"] is True and "tool_choice" not in first
    assert [turn["role"] for turn in second["messages"]] == ["user", "assistant", "tool", "tool"]
    ids = [call["id"] for call in second["messages"][1]["tool_calls"]]
    assert [turn["tool_call_id"] for turn in second["messages"][2:]] == ids
    assert "__SECRET_1__" in second["messages"][1]["tool_calls"][0]["function"]["arguments"]


def test_calls_come_in_chunks_of_their_own_after_the_role(door, scripted):
    _, client = door
    scripted.calls = [("weather", "{}"), ("weather", "[1]")]
    asked = {"model": "work", "messages": [{"role": "user", "content": "Go."}], "tools": [WEATHER], "tool_choice": "required"}
    pieces = list(client.chat.completions.create(**asked, stream=True))
    deltas = [piece.choices[0].delta for piece in pieces]
    assert [delta.role for delta in deltas] == ["assistant", None, None]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    assert [(call.index, call.type, call.function.name, call.function.arguments) for call in calls] == [
        (0, "function", "weather", "{}"), (1, "function", "weather", "[1]"),
    ]
    assert pieces[-1].choices[0].finish_reason == "tool_calls"
    assert scripted.asked[0]["tool_choice"] == "required"


def test_a_call_that_breaks_off_is_shown_to_nobody(door, scripted):
    _, client = door
    scripted.calls, scripted.breaks = [("weather", json.dumps({"city": "Ulm"}))], True
    scripted.reply = "never"
    with pytest.raises(openai.APIError):
        for piece in client.chat.completions.create(
            model="work", messages=[{"role": "user", "content": "Go."}], tools=[WEATHER], stream=True,
        ):
            assert not piece.choices[0].delta.tool_calls

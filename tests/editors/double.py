"""A model server that says what it is told to: OpenAI's chat completions and completions over HTTP, word by word."""

import contextlib
import http.server
import json
import threading
import time

SLOTS = {
    "summary": "Take 🎉 one number from another.",
    "details": "",
    "params": {"first": "What is taken from.", "second": "What is taken."},
    "returns": "What is left.",
    "raises": {},
}
SOUND = "```python\ndef subtract(first, second):\n    difference = first - second\n    return difference\n```"
EXPLANATION = "It takes `second` from `first`. Nothing is checked, so that any two numbers will do."

FILLING = " - second"


def answer(body: str) -> str:
    """What a good model says to each of our questions."""
    if "fim_prefix" in body:
        return FILLING
    if "Fill the slots" in body:
        return json.dumps(SLOTS, ensure_ascii=False)
    if "You explain code" in body:
        return EXPLANATION
    if "You review a change" in body:
        return json.dumps({"notes": [{"line": 5, "severity": "warning", "message": "`first` may be no number."}]})
    if "You write tests" in body:
        return "```python\nimport unittest\n\n\nclass TestSubtract(unittest.TestCase):\n    def test_subtract(self):\n        self.assertEqual(subtract(3, 1), 2)\n```"
    if "writes to you in a document" in body:
        return "One, two 🎉,\nthree."
    return SOUND


class Double:
    """The server: what it says, how fast, and what it saw."""

    def __init__(self):
        self.say = answer
        self.pace = 0.0
        self.before = 0.0
        self.bodies: list[str] = []
        self.aborted = threading.Event()
        self.aborted_at = 0.0
        self.began = threading.Event()
        self.is_down = False
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_PUT(self):
                """Tests that run inside of an editor steer the double from there."""
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                seen = json.dumps(double.steer(**told)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(seen)))
                self.end_headers()
                self.wfile.write(seen)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                if double.is_down:
                    # A connection that was kept open ends with the program that held it.
                    self.close_connection = True
                    return
                double.bodies.append(body)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                text = double.say(body)
                try:
                    time.sleep(double.before)
                    is_chat = self.path.endswith("/chat/completions")
                    for start in range(0, len(text), 8):
                        piece = text[start : start + 8]
                        said = {"delta": {"content": piece}} if is_chat else {"text": piece}
                        self.event({"choices": [{"index": 0, **said}]})
                        double.began.set()
                        time.sleep(double.pace)
                    self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                    self.event({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}})
                    self.chunk(b"data: [DONE]\n\n")
                    self.chunk(b"")
                except OSError:
                    double.aborted_at = time.monotonic()
                    double.aborted.set()

            def event(self, value):
                self.chunk(b"data: " + json.dumps(value).encode() + b"\n\n")

            def chunk(self, data: bytes):
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def settings(self, more: str = "") -> str:
        """The settings file of a user who has this model."""
        return f'{more}\n[[models.target]]\nname = "double"\nmodel = "m"\nbase-url = "{self.url}"\n'

    def steer(self, before: float = 0.0, pace: float = 0.0, words: int = 0, down: bool = False) -> dict:
        """From now on: seconds before the first word and between words, nothing but so many words, or no server at all."""
        seen = {"asked": len(self.bodies), "last": self.bodies[-1] if self.bodies else "", "aborted": self.aborted.is_set()}
        self.before, self.pace = before, pace
        self.say = (lambda _: "word " * words) if words else answer
        self.aborted.clear()
        if down:
            # Not from the thread that answers, which the server would wait for.
            self.is_down = True
            threading.Thread(target=self.close, daemon=True).start()
        return seen

    def close(self):
        """Ends it."""
        with contextlib.suppress(Exception):
            self.server.shutdown()
            self.server.server_close()

"""A model for the service to ask, which does as a test tells it."""

import contextlib
import http.server
import json
import threading
import time


class Scripted:
    """A server in OpenAI's format that answers as it is told, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.reply, self.breaks, self.calls = [], "Fine.", False, []
        # Where a test clears it, an answer stops behind each of its words until the test sets it again.
        self.goes_on = threading.Event()
        self.goes_on.set()
        # Seconds behind each word, for a model that takes its time.
        self.pause = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self):
                # Whoever asked may be killed before the answer.
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def do_POST(self):
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                calls, outer.calls = outer.calls, []
                for word in outer.reply.split(" ") if not calls else []:
                    self.event({"choices": [{"index": 0, "delta": {"content": word + " "}}]})
                    outer.goes_on.wait(30)
                    time.sleep(outer.pause)
                for index, (name, arguments) in enumerate(calls):
                    function = {"name": name, "arguments": ""}
                    self.call({"index": index, "id": f"call_of_model_{index}", "type": "function", "function": function})
                    for at in range(0, len(arguments), 3):
                        self.call({"index": index, "function": {"arguments": arguments[at:at + 3]}})
                if outer.breaks:
                    self.close_connection = True
                    return
                reason = "tool_calls" if calls else "stop"
                self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
                self.event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}})
                self.wfile.write(b"data: [DONE]\n\n")

            def call(self, part):
                self.event({"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]})

            def event(self, data):
                self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
                self.wfile.flush()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def close(self) -> None:
        """Nobody is there any more; also called twice."""
        self.server.shutdown()
        self.server.server_close()

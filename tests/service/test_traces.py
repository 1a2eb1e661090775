"""Traces over OTLP, read with the definitions that OpenTelemetry itself publishes."""

import http.server
import json
import threading
import time
import urllib.request

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes traces and keeps them."""

    def __init__(self):
        self.bodies, self.paths = [], set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                collector.paths.add(self.path)
                collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self):
        """All spans so far, with what they come from."""
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                yield from ((resource.resource, span) for scope in resource.scope_spans for span in scope.spans)


@pytest.fixture
def collector():
    """A collector of traces."""
    collector = Collector()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def attributes(of) -> dict:
    """Names and values."""
    return {one.key: one.value.string_value or one.value.int_value for one in of.attributes}


def test_a_request_is_a_trace_that_joins_the_one_of_its_client_and_tells_no_text(start_service, collector):
    service = start_service(settings=f'[service]\ntraces = "{collector.url}"\n')

    secret = "a_name_that_is_private"
    body = json.dumps({"path": f"{secret}.py", "text": f"def {secret}(a):\n    return a\n"}).encode()
    headers = {"authorization": f"Bearer {service.token}", "content-type": "application/json", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    with urllib.request.urlopen(urllib.request.Request(f"{service.url}/api/v2/documents/diagnostics", data=body, headers=headers), timeout=30) as answer:
        correlation = answer.headers["x-correlation-id"]
        assert answer.status == 200 and json.load(answer)
    token = service.token
    assert service.stop() == 0, "what is left is sent at the end"
    assert collector.paths == {"/v1/traces"}
    ours = [(resource, span) for resource, span in collector.spans() if span.trace_id.hex() == TRACE]
    root = next(span for _, span in ours if span.parent_span_id.hex() == PARENT)
    assert root.name == "POST /api/v2/documents/diagnostics" and root.kind == 2, "a server's span"
    told = attributes(root)
    assert (told["http.request.method"], told["http.route"], told["http.response.status_code"]) == ("POST", "/api/v2/documents/diagnostics", 200)
    assert told["code_agent.correlation"] == correlation
    inside = [span for _, span in ours if span.parent_span_id == root.span_id]
    assert any(attributes(span).get("name") == "check" for span in inside), [(span.name, attributes(span)) for span in inside]
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano for span in inside)
    assert attributes(ours[0][0])["service.name"] == "code-agent"
    everything = b"".join(collector.bodies)
    assert b"http.route" in everything and secret.encode() not in everything and token.encode() not in everything and b"correct horse" not in everything


def test_a_collector_that_is_not_there_holds_nobody_up(start_service):
    service = start_service(settings='[service]\ntraces = "http://127.0.0.1:9"\n')
    for _ in range(20):
        assert service.ask("GET", "/api/v2/me", token=service.token)[0] == 200
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 10


def test_without_the_setting_no_trace_is_sent(start_service, collector):
    """Not even to a collector that the environment names, as it does for other programs."""
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces"}
    service = start_service(environment=named)
    assert service.ask("GET", "/api/v2/me", token=service.token)[0] == 200
    assert service.stop() == 0 and not collector.bodies

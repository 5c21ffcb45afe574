"""An answer that was cut off is never taken for an empty one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.exceptions import HTTPClientError
from fleetlib.aws import answers
from fleetlib.aws.registry import iter_things

WHOLE = b'{"things": [{"thingName": "a"}]}'


@contextmanager
def registry(bodies: list[bytes]) -> Iterator[str]:
    """A server that gives these answers, the last one for ever; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def client(service: str, endpoint: str, attempts: int = 3):
    made = boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return answers.insist_on_whole(made, attempts)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(answers, "WAIT_SECONDS", 0)


def test_a_page_that_was_cut_off_is_asked_for_again():
    with registry([WHOLE[:14], WHOLE]) as endpoint:
        assert [thing["thingName"] for thing in iter_things(client("iot", endpoint))] == ["a"]


def test_a_page_that_is_always_cut_off_is_an_error():
    with (
        registry([WHOLE[:14]]) as endpoint,
        pytest.raises(HTTPClientError, match=r"ListThings.*cut off, 3 times"),
    ):
        list(iter_things(client("iot", endpoint)))


def test_a_call_without_an_answer_stays_as_it_is():
    with registry([b""]) as endpoint:
        assert "things" not in client("iot", endpoint).list_things()


def test_a_stream_is_left_to_its_reader():
    with registry([b'{"half']) as endpoint:
        shadow = client("iot-data", endpoint).get_thing_shadow(thingName="a")
        assert shadow["payload"].read() == b'{"half'

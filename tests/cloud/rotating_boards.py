"""Virtual boards that rotate their certificates over MQTT with mutual TLS, with keys that they make."""

from __future__ import annotations

import base64
import json
import queue
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from fleetlib.core.validation.device import Kind
from fleetlib.crypto import keys
from fleetlib.mqtt.session import Identity, Session


class Board:
    """One board. It keeps its newest identity and the one before, and connects with the newest that works."""

    def __init__(self, server, thing: str, directory: Path, key: bytes, certificate: bytes) -> None:
        """``directory`` stands for its flash."""
        self.thing, self._server, self._directory = thing, server, directory
        directory.mkdir()
        self._identities: list[tuple[bytes, bytes]] = [(key, certificate)]
        self._new_key = b""
        self._job = ""
        self.refuses = False
        """Rejects the job."""
        self.sends = ""
        """What it sends instead of a signing request."""
        self.is_deaf = False
        """Takes no job."""
        self.damages = False
        """Loses a bit of the certificate that it gets."""
        self.goes_away = threading.Event()
        """While it is set, the board does not come back once it has lost its connection."""
        self._messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._ended = threading.Event()
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)

    @property
    def certificate_id(self) -> str:
        """Of the identity that it is connected with."""
        return x509.load_pem_x509_certificate(self._identities[-1][1]).fingerprint(hashes.SHA256()).hex()

    @property
    def is_connected(self) -> bool:
        """Whether its connection stands."""
        return self._session is not None and not self._session.closed

    def vanish(self) -> None:
        """Lose the connection, and do not come back before `goes_away` is cleared."""
        self.goes_away.set()
        self._leave()

    def __enter__(self) -> Board:
        """Switch it on."""
        assert self._connect()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off."""
        self._ended.set()
        self._thread.join()
        self._leave()

    def _live(self) -> None:
        while not self._ended.is_set():
            if not self.is_connected and not self.goes_away.is_set() and not self._connect():
                self._ended.wait(0.1)
                continue
            try:
                topic, payload = self._messages.get(timeout=0.05)
            except queue.Empty:
                continue
            self._take(topic, json.loads(payload or b"{}"))

    def _connect(self) -> bool:
        """With the newest identity, or the one before."""
        for number in range(len(self._identities) - 1, -1, -1):
            if self._connect_with(*self._identities[number]):
                del self._identities[number + 1 :]
                return True
        return False

    def _connect_with(self, key: bytes, certificate: bytes) -> bool:
        self._leave()
        paths = self._directory / "key.pem", self._directory / "certificate.pem"
        for path, content in zip(paths, (key, certificate), strict=True):
            path.touch(mode=0o600)
            path.write_bytes(content)
        session = Session(
            self._server,
            Identity(self.thing, *paths),
            timeout_seconds=5,
            on_message=lambda topic, payload, _: self._messages.put((topic, payload)),
        )
        session.__enter__()
        if session.connected.kind is not Kind.ALLOWED:
            session.__exit__(None, None, None)
            return False
        self._session = session
        for topic in ("jobs/notify-next", "jobs/start-next/accepted", "shadow/update/delta"):
            session.subscribe(f"$aws/things/{self.thing}/{topic}")
        self._publish("jobs/start-next", {})
        return True

    def _leave(self) -> None:
        if self._session is not None:
            self._session.__exit__(None, None, None)
            self._session = None

    def _publish(self, topic: str, body: dict) -> None:
        if self._session is not None:
            self._session.publish(f"$aws/things/{self.thing}/{topic}", json.dumps(body).encode())

    def _take(self, topic: str, body: dict) -> None:
        if topic.endswith("notify-next") and body.get("execution"):
            self._publish("jobs/start-next", {})
        elif topic.endswith("start-next/accepted") and body.get("execution"):
            self._answer(body["execution"])
        elif topic.endswith("delta") and body["state"].get("certificate"):
            self._change(body["state"]["certificate"])

    def _answer(self, execution: dict) -> None:
        if self.is_deaf or execution["jobId"] == self._job:
            return
        self._job = execution["jobId"]
        if self.refuses:
            self._update("REJECTED", message="it may not")
            return
        self._new_key = keys.new_key()
        request = x509.load_pem_x509_csr(keys.signing_request(self._new_key, self.thing).encode())
        encoded = base64.b64encode(request.public_bytes(Encoding.DER)).decode()
        self._update("IN_PROGRESS", csr=self.sends or encoded)

    def _change(self, certificate: dict) -> None:
        if not self._new_key:
            return
        pem = certificate["pem"].encode()
        if self.damages:
            pem = self._identities[0][1]
        key, self._new_key = self._new_key, b""
        try:
            good = self._connect_with(key, pem)
        except Exception:  # the TLS library refuses a certificate that is not the key's
            good = False
        if good:
            self._identities.append((key, pem))
            self._update("SUCCEEDED", certificate_id=certificate["id"])
        else:
            self._connect()
            self._update("FAILED", message="the new certificate does not work")

    def _update(self, status: str, **details: str) -> None:
        self._publish(f"jobs/{self._job}/update", {"status": status, "statusDetails": details})

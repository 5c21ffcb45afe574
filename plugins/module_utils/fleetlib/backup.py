"""Snapshots of a fleet on AWS: taken, kept in one or two places, verified, put back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from .aws import snapshot
from .aws.restoring import Restorer
from .core.backup import State, chunks, manifest, restore, verify
from .core.backup.chunks import Blob, DamagedError
from .core.backup.manifest import MANIFEST, SIGNATURE, Manifest
from .core.backup.ports import Signer, Store
from .core.backup.retention import Retention, unused
from .core.clock import Clock, iso
from .core.errors import FleetError
from .core.journal import sync_directory
from .core.objects import HASH_METADATA, content_type, digest
from .core.progress import Meter
from .core.validation.checks import Check, all_of, failed, passed, some
from .crypto import signatures

CONCURRENCY: Final = 32
PREPARED: Final = ("things", "certificates", "pems", "shadows")
"""Sections with an entry for each device, which are made anew and never changed where they are."""
LARGEST_OBJECT: Final = 32 << 20
"""Bytes of an object that a snapshot copies; a larger one is only named. Firmware images are in their own
versioned bucket."""


class DirectoryStore:
    """A directory as a place for snapshots, mode 0700; files 0600, whole or not there."""

    def __init__(self, directory: Path) -> None:
        """The directory is made when something is kept."""
        self._directory = directory
        self.name = str(directory)

    def keys(self, prefix: str) -> list[str]:
        """Every key that begins so."""
        found = (
            path.relative_to(self._directory).as_posix()
            for path in self._directory.rglob("*")
            if path.is_file()
        )
        return sorted(key for key in found if key.startswith(prefix) and not key.endswith(".new"))

    def get(self, key: str) -> bytes | None:
        """The bytes; nothing where there are none."""
        try:
            return (self._directory / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keep the bytes, on the disk before this returns."""
        path = self._directory / key
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.new")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, path)
        sync_directory(path.parent)

    def delete(self, key: str) -> None:
        """Forget the bytes."""
        (self._directory / key).unlink(missing_ok=True)


@dataclass
class Opened:
    """A snapshot that was read, and how each check of it ended."""

    manifest: Manifest | None
    state: dict[str, dict[str, Any]]
    checks: list[Check]

    @property
    def intact(self) -> bool:
        """Whether every byte is what it was."""
        return self.manifest is not None and all(row.status != "failed" for row in self.checks)


@dataclass(frozen=True)
class Taken:
    """What taking a snapshot did."""

    manifest: Manifest
    stored: Mapping[str, int]
    """Place → bytes written."""
    described: int
    """Certificates whose text had to be asked for."""
    expired: Sequence[str] = ()


@dataclass
class Backups:
    """The snapshots of a fleet."""

    client: Callable[..., Any]
    scope: snapshot.Scope
    stores: Sequence[Store]
    public_pem: str
    """The key that signatures are checked with."""
    clock: Clock
    meter: Meter
    local_pems: Mapping[str, str] = field(default_factory=dict)
    """Certificates that this host has, by id: they need not be asked for."""
    _packed: dict[str, tuple[Mapping[str, Any], list[tuple[Blob, bytes]]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def ids(self) -> list[str]:
        """Complete snapshots in the first place, oldest first."""
        return manifest.ids(self.stores[0].keys(manifest.SNAPSHOTS))

    def find(self, wanted: str) -> tuple[str, int]:
        """The id of a snapshot (``latest``: the newest of all places) and the first place that has it."""
        there = [manifest.ids(store.keys(manifest.SNAPSHOTS)) for store in self.stores]
        newest = sorted({one for ids in there for one in ids})[-3:]
        places = ", ".join(store.name for store in self.stores)
        if not newest:
            raise FleetError(f"There is no snapshot in {places}.", "backup.yml takes one.")
        chosen = newest[-1] if wanted == "latest" else manifest.check_id(wanted)
        for place, ids in enumerate(there):
            if chosen in ids:
                return chosen, place
        raise FleetError(
            f"There is no snapshot {chosen} in {places}.", f"The newest are: {', '.join(newest)}."
        )

    def take(self, signer: Signer, account: str, region: str, *, full: bool = False) -> Taken:
        """Take a snapshot and keep it in every place. Until its signature is there, it does not count.

        ``full`` takes nothing over from snapshots before it and writes every byte again.
        """
        if manifest.snapshot_id(self.clock.now()) in self.ids():
            self.clock.sleep(1)  # an id is a second
        began = self.clock.now()
        self.meter.phase("reading the fleet")
        texts: dict[str, str] = {}

        def prepare(state: State) -> None:
            """While lists come that seldom change anything."""
            texts.update(self._at_hand(state["certificates"].keys() - texts.keys(), full))
            for name, part in {**state, "pems": dict(texts)}.items():
                if name in PREPARED:
                    self._pack(name, part)

        with ThreadPoolExecutor(max_workers=1) as pool:
            latest = pool.submit(lambda: {} if full else self._latest("objects"))
            found = snapshot.read(self.client, self.scope, meanwhile=prepare)
            objects = latest.result()
        snapshot.require_indexing(found)
        texts |= self._at_hand(found.state["certificates"].keys() - texts.keys(), full)
        described = self._add_pems(found.state, texts)
        files, remarks = self._add_objects(found.state, objects)
        made = Manifest(
            id=manifest.snapshot_id(began),
            fleet=self.scope.name,
            account_id=account,
            region=region,
            began=iso(began),
            ended=iso(self.clock.now()),
            key_id=signer.key_id,
            sections={},
            counts={},
            changed_meanwhile=found.changed_meanwhile,
            remarks=[*found.remarks, *remarks],
        )
        made, stored = self.write(made, found.state, files, signer, full=full)
        return Taken(made, stored, described)

    def write(
        self,
        described: Manifest,
        state: State,
        files: Mapping[str, tuple[Blob, bytes]],
        signer: Signer,
        *,
        full: bool = False,
    ) -> tuple[Manifest, dict[str, int]]:
        """Store a state under a description: blobs first, then the manifest, its signature last."""
        packed = {name: self._pack(name, part) for name, part in state.items()}
        made = replace(
            described,
            sections={name: [blob for blob, _ in pairs] for name, pairs in packed.items()},
            counts={name: len(entries) for name, entries in state.items()},
            files=[blob for blob, _ in files.values()],
        )
        blobs = dict([pair for pairs in packed.values() for pair in pairs] + list(files.values()))
        data = made.as_bytes()
        signature = signer.sign(data)
        kept = {store.name: self._keep(store, made, blobs, data, signature, full) for store in self.stores}
        return made, kept

    def expire(self, retention: Retention) -> list[str]:
        """Delete snapshots that are not to be kept, and what only they needed.

        The signature goes first, so that a run that is cut off leaves no snapshot that looks complete.
        """
        expired: list[str] = []
        for store in self.stores:
            there = manifest.ids(store.keys(manifest.SNAPSHOTS))
            kept, gone = retention.split(there, self.clock.now())
            needed = [self._manifest(store, one) for one in kept] if gone else []
            for one in gone:
                store.delete(manifest.key_of(one, SIGNATURE))
                store.delete(manifest.key_of(one, MANIFEST))
            for key in unused(store.keys("blobs/"), needed) if gone else []:
                store.delete(key)
            expired += gone
        return sorted(set(expired))

    def open(self, snapshot_id: str, place: int = 0, only: Collection[str] = ()) -> Opened:
        """Read a snapshot, every byte of it, and say what is wrong with it.

        ``only`` reads some sections, which is enough to take over from it what cannot have changed.
        """
        store = self.stores[place]
        data = store.get(manifest.key_of(manifest.check_id(snapshot_id), MANIFEST))
        signature = store.get(manifest.key_of(snapshot_id, SIGNATURE))
        if data is None or signature is None:
            there = ", ".join(manifest.ids(store.keys(manifest.SNAPSHOTS))[-3:]) or "none"
            raise FleetError(
                f"There is no snapshot {snapshot_id} in {store.name}.", f"The newest are: {there}."
            )
        if not signatures.verify(self.public_pem, data, signature):
            why = "It is not: the manifest or its signature was changed, or another key signed it."
            return Opened(None, {}, [failed(verify.SIGNED, why)])
        made = manifest.from_bytes(data)
        if made.id != snapshot_id or made.fleet != self.scope.name:
            why = f"It is, but it is snapshot {made.id} of {made.fleet}, put in another's place."
            return Opened(None, {}, [failed(verify.SIGNED, why)])
        if only:
            sections = {name: blobs for name, blobs in made.sections.items() if name in only}
            counts = {name: made.counts[name] for name in sections}
            made = replace(made, sections=sections, counts=counts, files=())
        contents, wrong = self._contents(store, made)
        whole = all_of(verify.WHOLE, len(made.blobs), "blobs", wrong, "are not")
        rows = [passed(verify.SIGNED, made.key_id), whole]
        if wrong:
            return Opened(made, {}, rows)
        state = {name: _joined(contents, blobs) for name, blobs in made.sections.items()}
        return Opened(made, state, [*rows, *verify.contents(made, state)])

    def registry(self) -> verify.Registry:
        """What the registry has now."""
        found = snapshot.read(self.client, self.scope, whole=False)
        things = {name: (one["certificates"] or [""])[0] for name, one in found.state["things"].items()}
        return verify.Registry(things, found.created)

    def plan(self, opened: Opened, only: Collection[str] = (), statuses: bool = False) -> restore.Plan:
        """What would bring the fleet back to a snapshot."""
        self.meter.phase("reading the fleet")
        found = snapshot.read(self.client, self.scope)
        if only:
            self._look_at_ties(found.state, only)
        return restore.plan(opened.state, found.state, only=only, statuses=statuses)

    def put_back(self, opened: Opened, plan: restore.Plan) -> None:
        """Carry a plan out. Running it again after an interruption goes on with what is left."""
        self.meter.start(len(plan.steps))
        restorer = Restorer(self.client, opened.state["pems"], self.put_object, CONCURRENCY)
        restorer.carry_out(plan, self.meter.count)

    def _pack(self, name: str, part: Mapping[str, Any]) -> list[tuple[Blob, bytes]]:
        """The blobs of a section; those made before where it is still the same."""
        before, packed = self._packed.get(name, (None, []))
        if before is None or before != part:
            packed = [chunks.pack(raw) for raw in chunks.split(part)]
        if name in PREPARED:
            self._packed[name] = part, packed
        return packed

    def _latest(self, section: str) -> Mapping[str, Any]:
        """A section of the newest snapshot in which it is intact, to take over what cannot have changed."""
        for one in reversed(self.ids()):
            with contextlib.suppress(DamagedError):
                opened = self.open(one, only=(section,))
                if opened.intact:
                    return opened.state[section]
        return {}

    def _at_hand(self, wanted: Set[str], full: bool) -> dict[str, str]:
        """The text of certificates that need not be asked for: it never changes, and its hash is its name."""
        here = _genuine(wanted, self.local_pems)
        lacking = wanted - here.keys() if not full else set()
        return here | (_genuine(lacking, self._latest("pems")) if lacking else {})

    def _add_pems(self, state: dict[str, dict[str, Any]], texts: Mapping[str, str]) -> int:
        """The text of every certificate; how many had to be asked for."""
        wanted = state["certificates"].keys()
        missing = sorted(wanted - texts.keys())
        self.meter.start(len(missing))
        iot = self.client("iot", max_connections=snapshot.CONCURRENCY)
        asked = snapshot.pems(iot, missing, self.meter.count)
        state["pems"] = {one: texts[one] for one in wanted if one in texts} | asked
        return len(missing)

    def _add_objects(
        self, state: dict[str, dict[str, Any]], known: Mapping[str, Any]
    ) -> tuple[dict[str, tuple[Blob, bytes]], list[str]]:
        """Copies of objects; those with the ETag that the last snapshot saw are in its blobs already."""
        buckets = {source.purpose: source.bucket for source in self.scope.sources}
        s3 = self.client("s3")
        files: dict[str, tuple[Blob, bytes]] = {}
        remarks = []
        for name, entry in state["objects"].items():
            if entry["size_bytes"] > LARGEST_OBJECT:
                remarks.append(f"{name} is too large to be copied ({entry['size_bytes']:,} bytes).")
                continue
            before = known.get(name, {})
            purpose, _, key = name.partition("/")
            if before.get("etag") == entry["etag"] and "blob" in before:
                entry.update(before)
                files.setdefault(before["blob"]["id"], (Blob(**before["blob"]), b""))
                continue
            answer = s3.get_object(Bucket=buckets[purpose], Key=key)
            blob, stored = chunks.pack(answer["Body"].read())
            files[blob.id] = (blob, stored)
            entry |= {"blob": vars(blob), "metadata": answer.get("Metadata", {})}
            entry["content_type"] = answer.get("ContentType") or content_type(key)
        return files, remarks

    def _keep(
        self,
        store: Store,
        made: Manifest,
        blobs: Mapping[Blob, bytes],
        data: bytes,
        signature: bytes,
        full: bool,
    ) -> int:
        there = set() if full else set(store.keys("blobs/"))
        missing = [(blob, stored) for blob, stored in blobs.items() if blob.key not in there]
        self.meter.phase(f"storing in {store.name}")

        def put(pair: tuple[Blob, bytes]) -> int:
            blob, stored = pair
            # Of an object that did not change only the first place has the bytes.
            store.put(blob.key, stored or self._elsewhere(blob))
            return blob.size_bytes

        with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
            written = sum(pool.map(put, missing))
        store.put(manifest.key_of(made.id, MANIFEST), data)
        store.put(manifest.key_of(made.id, SIGNATURE), signature)
        return written + len(data) + len(signature)

    def _elsewhere(self, blob: Blob) -> bytes:
        for store in self.stores:
            stored = store.get(blob.key)
            if stored is not None and digest(stored) == blob.id:
                return stored
        raise DamagedError(f"{blob.key} is in no place any more.", "Verify the snapshots, then run again.")

    def _manifest(self, store: Store, snapshot_id: str) -> Manifest:
        data = store.get(manifest.key_of(snapshot_id, MANIFEST))
        if data is None:
            raise DamagedError(
                f"The manifest of {snapshot_id} in {store.name} is missing.", "Nothing was deleted."
            )
        return manifest.from_bytes(data)

    def _contents(self, store: Store, made: Manifest) -> tuple[dict[str, bytes], list[str]]:
        """What is in every blob of the sections, and the blobs that are damaged."""
        sections = {blob.id for blobs in made.sections.values() for blob in blobs}

        def look(blob: Blob) -> tuple[str, bytes | None]:
            stored = store.get(blob.key)
            try:
                raw = blob.open(stored) if stored is not None else None
            except DamagedError:
                raw = None
            return blob.id, raw if raw is None or blob.id in sections else b""

        with ThreadPoolExecutor(max_workers=CONCURRENCY) as pool:
            found = list(pool.map(look, made.blobs.values()))
        return {one: raw for one, raw in found if raw is not None}, sorted(
            one for one, raw in found if raw is None
        )

    def _look_at_ties(self, state: dict[str, dict[str, Any]], names: Iterable[str]) -> None:
        """iot:ListThingPrincipals, where a few devices are restored: what really is tied to them."""
        iot = self.client("iot")
        for name in names:
            if name in state["things"]:
                pages = iot.get_paginator("list_thing_principals").paginate(thingName=name)
                arns = [arn for page in pages for arn in page["principals"]]
                state["things"][name]["certificates"] = [arn.rpartition("/")[2] for arn in arns]

    def put_object(self, step: restore.Step) -> None:
        """Write an object from the blob that the snapshot has of it."""
        buckets = {source.purpose: source.bucket for source in self.scope.sources}
        purpose, _, key = step.name.partition("/")
        entry = step.then
        if "blob" not in entry:
            raise FleetError(f"{step.name} was too large to be copied.", "Its bucket keeps old versions.")
        blob = Blob(**entry["blob"])
        body = blob.open(self._elsewhere(blob))
        metadata = {name: value for name, value in entry["metadata"].items() if name != HASH_METADATA}
        self.client("s3").put_object(
            Bucket=buckets[purpose],
            Key=key,
            Body=body,
            ContentType=entry["content_type"],
            Metadata={**metadata, HASH_METADATA: digest(body)},
        )


def _genuine(wanted: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    return {one: texts[one] for one in wanted if one in texts and verify.fingerprint(texts[one]) == one}


def _joined(contents: Mapping[str, bytes], blobs: Sequence[Blob]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for blob in blobs:
        entries |= chunks.join(contents[blob.id])
    return entries


def describe_left(plan: restore.Plan) -> list[str]:
    """What is left alone, for people."""
    return [f"Left alone: {why}: {some(names)}" for why, names in plan.left.items()]

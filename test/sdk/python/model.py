"""All that was ever written to a database, and what each kind of read must answer from it."""

import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Dict, List, NamedTuple, Optional, Set, Union

PLAIN, REFERENCE, DELETED = "plain", "reference", "deleted"


@dataclass
class Version:
    """One write of a key; at_tx 0 is an unbound reference."""

    kind: str
    value: bytes = b""
    target: bytes = b""
    at_tx: int = 0
    expired: bool = False
    tx: int = 0
    # Deleted or with a time of expiry: its transaction needs header version 1.
    has_metadata: bool = False

    def raw_value(self) -> bytes:
        if self.kind == REFERENCE:
            return b"\x01" + self.reference_value()
        return b"" if self.kind == DELETED else b"\x00" + self.value

    def reference_value(self) -> bytes:
        return struct.pack(">Q", self.at_tx) + b"\x00" + self.target

    def shown(self) -> bytes:
        """The value as History shows it."""
        if self.kind == REFERENCE:
            return self.reference_value()
        return b"" if self.kind == DELETED or self.expired else self.value


class Element(NamedTuple):
    """One element of a sorted set, in the order of its fields after `order`."""

    score: float
    key: bytes
    at_tx: int

    def order(self):
        return (self.score, len(self.key), self.key, self.at_tx)


class KeyWrite(NamedTuple):
    key: bytes
    version: Version

    def raw_key(self) -> bytes:
        return b"\x00" + self.key


class SetWrite(NamedTuple):
    set: bytes
    element: Element

    def raw_key(self) -> bytes:
        e = self.element
        return (b"\x01" + struct.pack(">Q", len(self.set)) + self.set + struct.pack(">d", e.score)
                + struct.pack(">Q", 1 + len(e.key)) + b"\x00" + e.key + struct.pack(">Q", e.at_tx))


Write = Union[KeyWrite, SetWrite]


@dataclass
class Found:
    """What a read of a key answers; ref_key is None unless a reference was followed."""

    tx: int
    key: bytes
    value: bytes
    revision: int
    ref_key: Optional[bytes] = None
    ref_tx: int = 0

    @property
    def stored_key(self) -> bytes:
        return self.ref_key or self.key

    @property
    def proved_tx(self) -> int:
        return self.ref_tx or self.tx


@dataclass
class Model:
    keys: Dict[bytes, List[Version]] = field(default_factory=dict)
    sets: Dict[bytes, Set[Element]] = field(default_factory=dict)
    txs: List[List[Write]] = field(default_factory=list)

    @property
    def last(self) -> int:
        return len(self.txs)

    def commit(self, writes: List[Write]) -> int:
        """Adds a transaction and returns the id that it must have."""
        self.txs.append(writes)
        for write in writes:
            if isinstance(write, SetWrite):
                self.sets.setdefault(write.set, set()).add(write.element)
            else:
                write.version.tx = self.last
                self.keys.setdefault(write.key, []).append(write.version)
        return self.last

    def raw_keys(self, tx: int) -> List[bytes]:
        return [write.raw_key() for write in self.txs[tx - 1]]

    def value_digests(self, tx: int) -> List[bytes]:
        return [sha256(b"" if isinstance(write, SetWrite) else write.version.raw_value()).digest()
                for write in self.txs[tx - 1]]

    def versions(self, key: bytes) -> List[Version]:
        return self.keys.get(key, [])

    def live(self, key: bytes) -> bool:
        versions = self.versions(key)
        return bool(versions) and versions[-1].kind != DELETED and not versions[-1].expired

    def get(self, key: bytes, at_tx: int = 0) -> Optional[Found]:
        """The latest value, or the one written by a transaction."""
        versions = self.versions(key)
        if at_tx:
            return next((self.read(key, v, 0) for v in versions if v.tx == at_tx), None)
        return self.read(key, versions[-1], len(versions)) if versions else None

    def read(self, key: bytes, version: Version, revision: int) -> Optional[Found]:
        if version.kind == DELETED or version.expired:
            return None
        if version.kind == PLAIN:
            return Found(version.tx, key, version.value, revision)
        found = self.get(version.target, version.at_tx)
        if found:
            found.ref_key, found.ref_tx = key, version.tx
        return found

    def scan(self, prefix: bytes, desc: bool) -> List[Found]:
        keys = sorted((k for k in self.keys if k.startswith(prefix)), reverse=desc)
        return [found for found in map(self.get, keys) if found]

    def zscan(self, name: bytes, desc: bool) -> List[tuple]:
        """Elements that can be resolved, each with what it points to."""
        elements = sorted(self.sets.get(name, ()), key=Element.order, reverse=desc)
        resolved = ((e, self.get(e.key, e.at_tx)) for e in elements)
        return [(e, found) for e, found in resolved if found]

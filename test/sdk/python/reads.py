"""Operations that read, each compared with what the model says."""

from model import KeyWrite
from writes import KEY_NOT_FOUND

NO_MIN, NO_MAX = -1e9, 1e9


def same(what: str, got, expected):
    assert got == expected, f"{what}: got {str(got)[:300]}, expected {str(expected)[:300]}"


class Reads:
    def read_operations(self):
        session = self.session
        operations = [
            (8, self.get),
            (12, self.verified_get),
            (6, self.verified_get_at),
            (4, self.get_all),
            (7, self.scan),
            (7, self.zscan),
            (7, self.history),
            (8, self.tx_by_id),
            (2, self.server),
        ]
        if session.is_newest:
            operations += [
                (5, self.at_revision),
                (4, self.tx_scan),
                (4, self.stream_get),
                (4, self.stream_verified_get),
                (2, self.stream_scan),
                (2, self.stream_history),
                (2, self.stream_zscan),
            ]
        return operations

    def compare(self, found, result):
        """A get or a verified one; the latter tells its transaction as id and a reference as refkey."""
        same("key and value", (result.key, result.value), (found.key, found.value))
        if hasattr(result, "tx"):
            same("transaction", result.tx, found.tx)
        if hasattr(result, "refkey"):
            same("reference", result.refkey, found.ref_key)
        if self.session.is_newest and result.revision is not None:
            same("revision", result.revision, found.revision)

    def prove(self, found, call, *args):
        if not found:
            return self.refused(KEY_NOT_FOUND, call, *args)
        result = call(*args)
        assert result.verified
        self.compare(found, result)
        same("proved transaction", result.id, found.proved_tx)
        self.proved(found.proved_tx)

    def proved(self, tx: int):
        self.verified += 1
        self.state_tx = max(self.state_tx, tx)
        same("state", self.session.state_tx(), self.state_tx)

    def expired(self, key: bytes) -> bool:
        versions = self.model.versions(key)
        if versions and versions[-1].target and not versions[-1].at_tx:
            versions = self.model.versions(versions[-1].target)
        return bool(versions) and versions[-1].expired

    def get(self):
        key = self.any_key()
        found = self.model.get(key)
        if found:
            self.compare(found, self.session.client.get(key))
        elif self.expired(key):
            self.refused("expired entry", self.session.client.get, key)
        else:
            # None and no error: the SDK knows the text of the server.
            same("missing key", self.session.client.get(key), None)

    def verified_get(self):
        key, client = self.any_key(), self.session.client
        if self.session.has_since and self.chance(30):
            since = self.random.randrange(self.model.last + 1)
            return self.prove(self.model.get(key), client.verifiedGetSince, key, since)
        return self.prove(self.model.get(key), client.verifiedGet, key)

    def version(self):
        """A key with the number of one of its versions, from 1."""
        key = self.random.choice(list(self.model.keys))
        return key, 1 + self.random.randrange(len(self.model.keys[key]))

    def verified_get_at(self):
        key, n = self.version()
        tx = self.model.keys[key][n - 1].tx
        self.prove(self.model.get(key, tx), self.session.client.verifiedGetAt, key, tx)

    def at_revision(self):
        key, n = self.version()
        versions = self.model.keys[key]
        found = self.model.read(key, versions[n - 1], n)
        asked = n - len(versions) if n < len(versions) and self.chance(50) else n
        if self.chance(50):
            return self.prove(found, self.session.client.verifiedGet, key, asked)
        if found:
            return self.compare(found, self.session.client.get(key, asked))
        if not versions[n - 1].expired and versions[n - 1].kind == "deleted":
            same("deleted revision", self.session.client.get(key, asked), None)

    def get_all(self):
        keys = [self.any_key() for _ in range(1 + self.random.randrange(6))]
        found = filter(None, map(self.model.get, keys))
        same("getAll", self.session.client.getAll(keys), {f.key: f.value for f in found})

    def limit(self) -> int:
        return 0 if self.chance(40) else 1 + self.random.randrange(12)

    def scan(self):
        prefix = self.random.choice([b"", b"k", b"r"])
        desc, limit = self.chance(40), self.limit()
        seek = self.any_key() if self.chance(50) else b""
        found = [f for f in self.model.scan(prefix, desc)
                 if not seek or (f.stored_key < seek if desc else f.stored_key > seek)]
        since = self.random.choice([None, self.model.last])
        got = self.session.client.scan(seek, prefix, desc, limit, since)
        # The SDK makes a dict by the key of the value, so of two references to one key one is left.
        same("scan", got, {f.key: f.value for f in found[:limit or None]})
        same("order of scan", list(got), list({f.key: 0 for f in found[:limit or None]}))

    def zscan(self):
        name, desc, limit = self.set_name(), self.chance(40), self.limit()
        # The SDK always sends both bounds.
        low = self.score() if self.chance(40) else NO_MIN
        high = self.score() if self.chance(40) else NO_MAX
        expected = [(e, f) for e, f in self.model.zscan(name, desc) if low <= e.score <= high]
        got = self.session.client.zScan(name, b"", 0, 0, False, limit, desc, low, high).entries
        same("zScan", [(z.score, z.key, z.atTx, z.entry.value, z.entry.tx) for z in got],
             [(*e, f.value, f.tx) for e, f in expected[:limit or None]])

    def history(self):
        key, desc, limit = self.any_key(), self.chance(50), self.limit()
        versions = self.model.versions(key)[::-1 if desc else 1]
        offset = self.random.randrange(len(versions) + 1) if self.chance(50) else 0
        args = (key, offset, limit, desc)
        if not versions:
            return self.refused(KEY_NOT_FOUND, self.session.client.history, *args)
        if offset == len(versions):
            return self.refused("no more entries", self.session.client.history, *args)
        got = self.session.client.history(*args)
        expected = versions[offset:][:limit or None]
        same("history", [(h.key, h.tx, h.value) for h in got], [(key, v.tx, v.shown()) for v in expected])

    def tx_by_id(self):
        tx = 1 + self.random.randrange(self.model.last + 1)
        client = self.session.client
        if tx > self.model.last:
            same("missing transaction", client.txById(tx), None)
            return same("missing transaction", client.verifiedTxById(tx), None)
        if self.chance(60):
            return self.verify_tx(tx)
        same("txById", client.txById(tx), [key[1:] for key in self.model.raw_keys(tx)])

    def verify_tx(self, tx: int):
        keys = self.session.client.verifiedTxById(tx)
        same("verifiedTxById", keys, [key[1:] for key in self.model.raw_keys(tx)])
        self.proved(tx)

    def tx_scan(self):
        tx, desc = 1 + self.random.randrange(self.model.last), self.chance(50)
        limit = 1 + self.random.randrange(10)
        ids = list(range(tx, 0, -1) if desc else range(tx, self.model.last + 1))[:limit]
        txs = self.session.client.txScan(tx, limit, desc).txs
        same("txScan", [t.header.id for t in txs], ids)
        for t in txs:
            same("keys of txScan", [e.key for e in t.entries], self.model.raw_keys(t.header.id))
            same("digests of txScan", [e.hValue for e in t.entries],
                 self.model.value_digests(t.header.id))
            # A field that is zero is not set in these classes.
            same("header version", t.header.version or 0, self.header_version(t.header.id))

    def header_version(self, tx: int) -> int:
        writes = self.model.txs[tx - 1]
        needs_one = any(isinstance(w, KeyWrite) and w.version.has_metadata for w in writes)
        return 1 if needs_one else self.options.header_version

    def server(self):
        client = self.session.client
        assert client.healthCheck()
        databases = client.databaseList()
        assert self.options.database in databases and "systemdb" not in databases, databases
        if self.session.is_newest:
            assert client.serverInfo().version.count(".") == 2
            assert client.databaseHealth() is not None

    # Streams

    def stream_key(self) -> bytes:
        return self.big_key() if self.chance(50) else self.any_key()

    def stream_get(self):
        key = self.stream_key()
        found = self.model.get(key)
        if not found:
            return self.refused(KEY_NOT_FOUND, self.session.client.streamGetFull, key)
        got = self.session.client.streamGetFull(key)
        same("streamGet", (got.key, got.value), (found.key, found.value))

    def stream_verified_get(self):
        key = self.stream_key()
        self.prove(self.model.get(key), self.session.client.streamVerifiedGet, key)

    def stream_scan(self):
        desc = self.chance(50)
        got = self.session.client.streamScan(prefix=b"", desc=desc)
        same("streamScan", [(kv.key, kv.value) for kv in got],
             [(f.key, f.value) for f in self.model.scan(b"", desc)])

    def stream_history(self):
        key = self.stream_key()
        versions = self.model.versions(key)[::-1]
        if versions:
            got = self.session.client.streamHistory(key, limit=5, desc=True)
            same("streamHistory", [(kv.key, kv.value) for kv in got],
                 [(key, v.shown()) for v in versions[:5]])

    def stream_zscan(self):
        name = self.random.choice([b"s0", b"s9"])
        got = self.session.client.streamZScan(name, limit=6)
        same("streamZScan", [(z.set, z.score, z.key, z.atTx, z.value) for z in got],
             [(name, *e, f.value) for e, f in self.model.zscan(name, False)[:6]])

"""Operations that write, each compared with what the model says must come of it."""

import datetime

from model import DELETED, PLAIN, REFERENCE, Element, KeyWrite, SetWrite, Version

KEY_NOT_FOUND = "key not found"
PLAIN_KEYS = 28


class ModelLost(Exception):
    """A write came out differently: nothing after it can be compared."""


def details(error: Exception) -> str:
    return error.details() if hasattr(error, "details") else str(error)


def plain_key(i: int) -> bytes:
    """Contains bytes that are no text, zero among them."""
    return bytes([ord("k"), i * 9 % 256, ord("a") + i % 3])


class Writes:
    def write_operations(self):
        session = self.session
        operations = [
            (12, self.verified_set),
            (6, self.set),
            (6, self.set_all),
            (8, self.set_reference),
            (10, self.zadd),
        ]
        if session.has_exec_all:
            operations.append((5, self.exec_all))
        if session.has_metadata:
            operations += [(5, self.delete), (4, self.set_expiring)]
        if session.is_newest:
            operations += [(4, self.stream_set), (2, self.stream_exec_all)]
        return operations

    # Choosing

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def key(self) -> bytes:
        return plain_key(self.random.randrange(PLAIN_KEYS))

    def reference(self) -> bytes:
        return b"r%d" % self.random.randrange(8)

    def any_key(self) -> bytes:
        return self.reference() if self.chance(25) else self.key()

    def set_name(self) -> bytes:
        return b"s%d" % self.random.randrange(3)

    def score(self) -> float:
        return (self.random.randrange(60) - 10) / 2

    def value(self, most: int = 64) -> bytes:
        return self.random.randbytes(self.random.randrange(most))

    def distinct_keys(self, most: int):
        return [plain_key(i)
                for i in self.random.sample(range(PLAIN_KEYS), 1 + self.random.randrange(most))]

    def target(self, bound: bool):
        """A plain key, a transaction that gave it a value if bound, and whether it can be pointed to."""
        key = self.key()
        values = [v.tx for v in self.model.versions(key) if v.kind == PLAIN and not v.expired]
        if bound and values:
            return key, self.random.choice(values), True
        return key, 0, self.model.live(key)

    # Comparing

    def refused(self, text: str, call, *args):
        """For a call that must fail with the text and leave nothing behind."""
        try:
            result = call(*args)
        except Exception as error:
            assert text in details(error), f"expected {text!r}, got {details(error)!r}"
            return
        raise ModelLost(f"accepted instead of {text!r}: {result}")

    def wrote(self, writes, call, *args, expected="", verified=False):
        if expected:
            return self.refused(expected, call, *args)
        try:
            result = call(*args)
        except Exception as error:
            raise ModelLost(f"{type(error).__name__}: {details(error)}") from error
        tx = self.model.commit(writes)
        if result.id != tx:
            raise ModelLost(f"transaction {result.id} instead of {tx}")
        if verified:
            assert result.verified
            self.verified += 1
            self.state_tx = tx
        # The older SetResponse shows no header, the newer shows no version.
        nentries = getattr(result, "nentries", len(writes))
        assert nentries == len(writes), f"{nentries} entries instead of {len(writes)}"

    def plain(self, key: bytes, value: bytes) -> KeyWrite:
        return KeyWrite(key, Version(PLAIN, value))

    # Operations

    def verified_set(self):
        key, value = self.key(), self.value()
        self.wrote([self.plain(key, value)], self.session.client.verifiedSet, key, value, verified=True)

    def set(self):
        key, value = self.key(), self.value()
        self.wrote([self.plain(key, value)], self.session.client.set, key, value)

    def set_all(self):
        kvs = {key: self.value() for key in self.distinct_keys(5)}
        writes = [self.plain(key, value) for key, value in kvs.items()]
        self.wrote(writes, self.session.client.setAll, kvs)

    def set_reference(self):
        """Unbound ones: this SDK has no call for the others."""
        key, verified = self.reference(), self.chance(60)
        target, _, ok = self.target(False)
        other = self.key()
        expected = "" if ok else KEY_NOT_FOUND
        if ok and self.chance(5) and other != target and self.model.live(other):
            key, expected = other, "final key cannot be converted into a reference"
        elif ok and self.chance(5) and self.model.live(b"r0"):
            key, target, expected = b"r9", b"r0", "referenced key cannot be a reference"
        client = self.session.client
        call = client.verifiedSetReference if verified else client.setReference
        write = KeyWrite(key, Version(REFERENCE, target=target))
        self.wrote([write], call, target, key, expected=expected, verified=verified)

    def zadd(self):
        verified = self.chance(50)
        key, at_tx, ok = self.target(self.chance(40))
        expected = "" if ok else KEY_NOT_FOUND
        if ok and verified and at_tx:
            # verifiedZAdd leaves boundRef out, so no server takes it.
            expected = "illegal arguments"
        client = self.session.client
        call = client.verifiedZAdd if verified else client.zAdd
        name, score = self.set_name(), self.score()
        write = SetWrite(name, Element(score, key, at_tx))
        self.wrote([write], call, name, score, key, at_tx, expected=expected, verified=verified)

    def exec_all(self):
        """Keys and, in the same transaction, a reference and an element that point to them."""
        from immudb import datatypes

        keys = self.distinct_keys(3)
        operations, writes = [], []
        for key in keys:
            value = self.value()
            operations.append(datatypes.KeyValue(key, value))
            writes.append(self.plain(key, value))
        if self.chance(70):
            key = self.reference()
            operations.append(datatypes.ReferenceRequest(key, keys[0]))
            writes.append(KeyWrite(key, Version(REFERENCE, target=keys[0])))
        if self.chance(70):
            name, score = self.set_name(), self.score()
            operations.append(datatypes.ZAddRequest(name, score, keys[0]))
            writes.append(SetWrite(name, Element(score, keys[0], 0)))
        self.wrote(writes, self.session.client.execAll, operations)

    def delete(self):
        from immudb.datatypes import DeleteKeysRequest

        keys = list({self.any_key() for _ in range(1 + self.chance(30))})
        expected = "" if all(map(self.model.live, keys)) else KEY_NOT_FOUND
        writes = [KeyWrite(key, Version(DELETED, has_metadata=True)) for key in keys]
        self.wrote(writes, self.session.client.delete, DeleteKeysRequest(keys), expected=expected)

    def set_expiring(self):
        key, value, expired = self.key(), self.value(), self.chance(50)
        hour = datetime.timedelta(hours=-1 if expired else 1)
        at = datetime.datetime.now(datetime.timezone.utc) + hour
        call = self.session.client.expireableSet
        write = KeyWrite(key, Version(PLAIN, value, expired=expired, has_metadata=True))
        self.wrote([write], call, key, value, at)

    def big_key(self) -> bytes:
        return b"b%d" % self.random.randrange(3)

    def stream_set(self):
        key, value = self.big_key(), self.value(200_000)
        client, verified = self.session.client, self.chance(50)
        call = client.streamVerifiedSetFullValue if verified else client.streamSetFullValue
        self.wrote([self.plain(key, value)], call, key, value, verified=verified)

    def stream_exec_all(self):
        from immudb import datatypes

        key, value, score = self.big_key(), self.value(200_000), self.score()
        operations = [datatypes.KeyValue(key, value), datatypes.ZAddRequest(b"s9", score, key)]
        writes = [self.plain(key, value), SetWrite(b"s9", Element(score, key, 0))]
        self.wrote(writes, self.session.client.streamExecAll, operations)

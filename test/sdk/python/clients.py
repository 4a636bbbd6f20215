"""Logging in with each generation of immudb-py, behind one interface.

A session gives `client` (the SDK's own, used as it is) and what its generation can do.
"""

import os

from immudb.client import ImmudbClient

USER, PASSWORD = "immudb", "immudb"


class Session:
    """immudb-py since 1.2."""

    has_exec_all = True
    # In a database of header version 0 a deletion or expiry alone gets version 1: this generation
    # verifies a chain of both.
    has_metadata = True

    def __init__(self, options, create: bool):
        from immudb.rootService import PersistentRootService

        self.options = options
        self.is_newest = options.release == "1.5.0"
        # verifiedGetSince of 1.2.3 hands its transaction on as the one to read at.
        self.has_since = self.is_newest
        url = f"127.0.0.1:{options.port}"
        self.state = PersistentRootService(os.path.join(options.state_dir, "state"))
        self.client = ImmudbClient(url, rs=self.state, publicKeyFile=options.public_key)
        if options.api == "session":
            self.open_session(url, create)
        else:
            self.log_in(create)

    def open_session(self, url: str, create: bool):
        database = self.options.database
        if create:
            self.client.openSession(USER, PASSWORD)
            self.client.createDatabaseV2(database, None, False)
            self.client.closeSession()
        self.client.openSession(USER, PASSWORD, database)
        # openSession leaves the state alone; without this no verified call, history or scan works.
        self.state.init(f"{url}/{database}", self.client.stub)

    def log_in(self, create: bool):
        database = self.options.database.encode()
        self.client.login(USER, PASSWORD)
        if create:
            self.client.createDatabase(database)
        # login with a database names the stored state differently from useDatabase.
        if database != b"defaultdb":
            self.client.useDatabase(database)

    def state_tx(self) -> int:
        return self.state.get().txId

    def close(self):
        self.client.channel.close()


class OldSession:
    """immudb-py 0.9.0: keeps its state in memory only, so this keeps it in a file."""

    has_exec_all = False
    has_since = False
    has_metadata = False
    is_newest = False

    def __init__(self, options, create: bool):
        self.file = os.path.join(options.state_dir, "state")
        self.client = ImmudbClient(f"127.0.0.1:{options.port}")
        database = options.database.encode()
        if create:
            self.client.login(USER, PASSWORD)
            self.client.databaseCreate(database)
            self.client.databaseUse(database)
        else:
            self.client.login(USER, PASSWORD, database)
        if os.path.exists(self.file):
            from immudb.grpc.schema_pb2 import ImmutableState

            with open(self.file, "rb") as stored:
                self.root().set(ImmutableState.FromString(stored.read()))

    def root(self):
        return self.client._ImmudbClient__rs

    def state_tx(self) -> int:
        return self.root().get().txId

    def close(self):
        with open(self.file, "wb") as stored:
            stored.write(self.root().get().SerializeToString())
        self.client.channel.close()


def connect(options, create: bool):
    return OldSession(options, create) if options.release == "0.9.0" else Session(options, create)

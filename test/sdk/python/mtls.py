"""One verified write and read with immudb-py over mutual TLS.

The package has no option for TLS: it opens its channel with grpc.insecure_channel, which is given
credentials here before it is asked.
"""

import argparse

import grpc

parser = argparse.ArgumentParser()
for name in ("port", "state-dir", "certificate", "key", "authorities"):
    parser.add_argument(f"--{name}", required=True)
options = parser.parse_args()


def content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


credentials = grpc.ssl_channel_credentials(
    content(options.authorities), content(options.key), content(options.certificate)
)
grpc.insecure_channel = lambda target, options=None, **more: grpc.secure_channel(
    target, credentials, options, **more
)

from immudb.client import ImmudbClient  # noqa: E402

client = ImmudbClient(f"localhost:{options.port}")
client.login("immudb", "immudb")
client.verifiedSet(b"python", b"over mTLS")
entry = client.verifiedGet(b"python")
assert entry.verified and entry.value == b"over mTLS", entry
client.channel.close()
print("verified")

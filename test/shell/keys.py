"""Types at a shell while it works, and measures how soon the screen shows it.

Reads {"argv": [...], "env": {...}, "prompt": text, "command": text, "presses": n} from standard input; prints
{"echo": [seconds...], "interrupt": seconds, "bytes": n, "exitCode": n}.
"""
import json, os, pty, select, signal, sys, time

MARK = b"~"
spec = json.load(sys.stdin)
pid, fd = pty.fork()
if pid == 0:
    os.execve(spec["argv"][0], spec["argv"], spec["env"])
seen = b""
total = 0


def read(seconds):
    """More of the screen into `seen`."""
    global seen, total
    ready, _, _ = select.select([fd], [], [], seconds)
    if not ready:
        return False
    try:
        data = os.read(fd, 1 << 20)
    except OSError:
        return False
    total += len(data)
    # Marks and prompts are short; what was looked at is not needed again.
    seen = (seen + data)[-(1 << 20):]
    return True


def wait_for(text, seconds):
    """Seconds until the screen shows it."""
    global seen
    began = time.monotonic()
    while text not in seen:
        left = seconds - (time.monotonic() - began)
        if left <= 0 or not read(left):
            os.kill(pid, signal.SIGKILL)
            raise SystemExit(json.dumps({"error": f"no {text!r}", "screen": seen[-500:].decode("utf-8", "replace")}))
    seen = seen[seen.index(text) + len(text):]
    return time.monotonic() - began


prompt = spec["prompt"].encode()
wait_for(prompt, 20)
os.write(fd, spec["command"].encode() + b"\n")
until = time.monotonic() + 0.5
while time.monotonic() < until:
    read(0.05)
began = total
echo = []
for _ in range(spec["presses"]):
    pause = time.monotonic() + 0.05
    while time.monotonic() < pause:
        read(0.01)
    seen = b""
    os.write(fd, MARK)
    echo.append(wait_for(MARK, 10))
running = total - began
seen = b""
os.write(fd, b"\x03")
interrupt = wait_for(b"cancelled", 10)
os.write(fd, b"exit\n")
while read(10):
    pass
_, status = os.waitpid(pid, 0)
print(json.dumps({"echo": echo, "interrupt": interrupt, "bytes": running, "exitCode": os.waitstatus_to_exitcode(status)}))

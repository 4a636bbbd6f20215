"""Runs a program at a pseudo-terminal: waits for texts, types, and prints what the screen got, as JSON.

Reads {"argv": [...], "env": {...}, "steps": [{"waitFor": text, "type": text, "resize": [rows, columns]}]}
from standard input; resize may be missing.
"""
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

spec = json.load(sys.stdin)
pid, fd = pty.fork()
if pid == 0:
    os.execve(spec["argv"][0], spec["argv"], spec["env"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
screen = ""
parts = []
late = time.monotonic() + spec.get("seconds", 30)


def read():
    """More of the screen; False when the program has closed it."""
    global screen
    ready, _, _ = select.select([fd], [], [], max(0.0, late - time.monotonic()))
    if not ready:
        os.kill(pid, signal.SIGKILL)
        raise SystemExit(json.dumps({"error": "timeout", "screen": screen, "parts": parts}))
    try:
        data = os.read(fd, 65536)
    except OSError:
        return False
    screen += data.decode("utf-8", "replace")
    return len(data) > 0


for step in spec["steps"]:
    began = time.monotonic()
    while step["waitFor"] not in screen:
        if not read():
            break
    parts.append({"screen": screen, "seconds": time.monotonic() - began})
    screen = ""
    if "resize" in step:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", *step["resize"], 0, 0))
    os.write(fd, step["type"].encode())
while read():
    pass
parts.append({"screen": screen, "seconds": 0})
_, status = os.waitpid(pid, 0)
print(json.dumps({"parts": parts, "exitCode": os.waitstatus_to_exitcode(status)}))

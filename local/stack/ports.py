"""Who holds a port, and finding a free one. Read from /proc, because nothing else is sure to be there."""

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from stack.environment import MARK
from stack.places import Site
from stack.progress import Failed

LISTENING = "0A"


@dataclass(frozen=True)
class Holder:
    """A process that listens on a port. Another user's process shows neither command nor site."""

    pid: int
    command: str
    site: str | None


def chosen() -> tuple[int, int]:
    """The ports of `make run`: the local cloud's and the sandbox's."""
    return _given("GANCHO_PORT", 4566), _given("GANCHO_SANDBOX_PORT", 4600)


def refuse_taken(site: Site, port: int) -> None:
    """Says so before minutes are spent on building."""
    holder = holder_of(port)
    if holder is None and is_free(port):
        return
    if holder is None:
        raise Failed(f"port {port} is taken by a process this user cannot see", do="stop it, then try again")
    if holder.site == str(site.home):
        return
    if holder.site is not None:
        raise Failed(f"port {port} belongs to the local stack under {holder.site}", do="run `make down` there")
    raise Failed(f"port {port} is taken by process {holder.pid} ({holder.command})", do=f"stop it (kill {holder.pid}), then try again")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def holder_of(port: int) -> Holder | None:
    """Who listens on a port, as far as this user may know."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in processes():
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                if os.readlink(handle) in sockets:
                    return Holder(pid, command_of(pid), site_of(pid))
    return None


def processes() -> list[int]:
    """All processes there are."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_of(pid: int) -> str:
    """A process's command line."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def site_of(pid: int) -> str | None:
    """The local stack a process belongs to, if it is a server of one."""
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(MARK.encode() + b"="):
                return entry.split(b"=", 1)[1].decode(errors="replace")
    return None


def _given(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Failed(f"{name} is not a port: {text}")
    return int(text)


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found.add(fields[9])
    return found

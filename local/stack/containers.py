"""What `sam local invoke` needs of a Docker engine: an image whose C library the functions were linked against, and a way
from a container to the servers on this machine's loopback."""

import contextlib
import io
import re
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from stack.environment import environment
from stack.progress import Failed

# What the image is called. SAM puts the Runtime Interface Emulator that it brings into one it derives from it.
IMAGE = "gancho-sam-local:latest"
# SAM moves the emulator to its place by these.
TOOLS = ("sh", "mv", "chmod")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def engine_answers() -> bool:
    """Whether there is a Docker engine."""
    try:
        asked = subprocess.run(["docker", "info"], env=environment(), capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def make_image(binaries: Iterable[Path]) -> None:
    """Imports the image: of this machine's own files, those that the binaries are loaded with and no others. AWS's
    image would be nearer to the cloud, but a binary built against a newer C library than its own does not start there."""
    tools = [Path(found) for name in TOOLS if (found := shutil.which(name))]
    wanted = {library for binary in [*tools, *binaries] for library in _loaded_with(binary)}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", dereference=True) as files:
        for tool in tools:
            files.add(tool.resolve(), f"bin/{tool.name}")
        for path in sorted(wanted | ({CERTIFICATES} if CERTIFICATES.exists() else set())):
            files.add(path, str(path))
        for place, mode in (("tmp", 0o1777), ("var/task", 0o755), ("var/rapid", 0o755)):
            folder = tarfile.TarInfo(place)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            files.addfile(folder)
    changes = ["--change", "WORKDIR /var/task", "--change", "ENV PATH=/bin"]
    _docker("import", *changes, "-", IMAGE, given=tar.getvalue())


def gateway() -> str:
    """Under which address a container finds this machine. Asked in a container, which thereby shows that the image starts."""
    read = "while read -r line; do echo \"$line\"; done </etc/hosts"
    hosts = _docker("run", "--rm", "--add-host", "this-machine:host-gateway", IMAGE, "/bin/sh", "-c", read)
    for line in hosts.splitlines():
        if line.endswith("this-machine"):
            return line.split()[0]
    raise Failed("a container does not find this machine", do="run the Docker engine (20.10 or later) with its bridge")


@contextlib.contextmanager
def reachable(address: str, port: int) -> Iterator[None]:
    """As long as it lasts, what listens on this port of the loopback is reached at this address of this machine, too."""
    try:
        door = socket.create_server((address, port), backlog=64)
    except OSError as trouble:
        raise Failed(f"cannot listen on {address}:{port}: {trouble}", do="look at what holds the port") from trouble
    with door:
        threading.Thread(target=_let_in, args=(door, port), daemon=True).start()
        yield


def _let_in(door: socket.socket, port: int) -> None:
    while True:
        try:
            outside, _ = door.accept()
        except OSError:
            return
        try:
            inside = socket.create_connection(("127.0.0.1", port))
        except OSError:
            outside.close()
            continue
        for one, other in ((outside, inside), (inside, outside)):
            threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while read := one.recv(65536):
            other.sendall(read)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def _loaded_with(binary: Path) -> set[Path]:
    asked = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    return {Path(found) for found in re.findall(r"(/\S+) \(0x", asked.stdout)}


def _docker(*argv: str, given: bytes | None = None) -> str:
    done = subprocess.run(["docker", *argv], env=environment(), input=given, capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"docker {argv[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()

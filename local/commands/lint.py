"""`make lint`: what has to hold before a change is merged. Every check runs; the last line says which failed, and which could
not be made."""

import shutil
import subprocess
from collections.abc import Callable

from commands.sbom import sbom
from stack import tools
from stack.environment import environment
from stack.places import LOCAL, ROOT, SETUP_LOGS
from stack.progress import Failed, run, say, step

DENY = "0.20.2"
MACHETE = "0.9.2"
# As deny.toml says.
ADVISORIES = LOCAL / "advisory-dbs"
DENY_WARNINGS = {"RUSTDOCFLAGS": "-D warnings"}


def lint() -> int:
    """Formatting, clippy, documentation, template, dependencies."""
    checks: dict[str, Callable[[], bool | None]] = {
        "formatting": _command("cargo", "fmt", "--all", "--check"),
        "clippy": _command("cargo", "clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"),
        "documentation": _command("cargo", "doc", "--workspace", "--all-features", "--no-deps", "--document-private-items"),
        "template": _command("sam", "validate", "--lint"),
        "template's security": _checkov,
        "dependencies": _dependencies,
        "unused dependencies": _unused,
        "bill of materials": lambda: sbom() == 0,
        "advisories": _advisories,
    }
    answers = {}
    for name, check in checks.items():
        say(f"checking {name}")
        answers[name] = check()
    failed = [name for name, holds in answers.items() if holds is False]
    skipped = [name for name, holds in answers.items() if holds is None]
    line = f"make lint: {len(checks) - len(failed) - len(skipped)} of {len(checks)} checks hold"
    line += f"; failed: {', '.join(failed)}" if failed else ""
    print(line + (f"; not checked: {', '.join(skipped)}" if skipped else ""))
    return 1 if failed else 0


def _command(*argv: str) -> Callable[[], bool]:
    def holds() -> bool:
        _demand_component(argv)
        return subprocess.run(argv, cwd=ROOT, env=environment(**DENY_WARNINGS), check=False).returncode == 0

    return holds


def _demand_component(argv: tuple[str, ...]) -> None:
    component = {"fmt": "rustfmt", "clippy": "clippy"}.get(argv[1])
    if component and shutil.which(f"cargo-{argv[1]}", path=environment()["PATH"]) is None:
        raise Failed(f"cargo {argv[1]} is not installed", do=f"rustup component add {component}")


def _checkov() -> bool:
    """What checkov knows of templates; what it is not asked is in its configuration, with reasons."""
    tools.ensure(("checkov",))
    return _command(str(tools.python_of("checkov")), "-m", "checkov.main", "--config-file", ".checkov.yaml")()


def _dependencies() -> bool:
    """Where crates come from, their licences, which are not wanted and which twice: deny.toml."""
    return _command(_deny(), "--locked", "check", "licenses", "bans", "sources", "--hide-inclusion-graph")()


def _unused() -> bool:
    """Crates that are asked for and not used, found by cargo-machete. Building it takes a minute, once."""
    return _command(_built("cargo-machete", MACHETE), str(ROOT))()


def _advisories() -> bool | None:
    """Known vulnerabilities, by the RustSec database: a git repository, fetched anew. None where it never could be."""
    fetched = _command(_deny(), "fetch", "db")()
    if not fetched and not any(ADVISORIES.glob("*/.git")):
        say("  not checked: the RustSec database could not be fetched")
        return None
    if not fetched:
        say("  checked against what was fetched before, not against today's database")
    return _command(_deny(), "--offline", "check", "advisories")()


def _deny() -> str:
    """cargo-deny. It reads a few files and needs no speed: not optimised, it is built in a minute and a half of one
    core, once."""
    quick = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "0", "CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    return _built("cargo-deny", DENY, "--no-default-features", **quick)


def _built(tool: str, version: str, *features: str, **profile: str) -> str:
    """A tool of Cargo's, built once for each version."""
    home = LOCAL / f"{tool}-{version}"
    binary = home / "bin" / tool
    if not binary.exists():
        with step(f"Building {tool}"):
            argv = ["cargo", "install", "--locked", tool, "--version", f"={version}", *features, "--root", str(home)]
            run(argv, environment(**profile), SETUP_LOGS / f"install-{tool}.log", do="check that crates.io can be reached, then run it again")
    return str(binary)

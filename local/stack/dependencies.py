"""What this project lets in: where a crate may come from, under which licence, and which crates never."""

import json
import re
import subprocess
from typing import Any

from stack.environment import environment
from stack.places import ROOT
from stack.progress import say

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
LICENCES = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
# A second TLS or crypto stack, or a C library of the host's.
BANNED = {"aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"}
# One version of each in what is deployed: two would mean two connection pools or two sets of types at our borders.
ONCE = {"http", "hyper", "hyper-util", "rustls", "tokio", "reqwest", "serde", "serde_json", "lambda_runtime"}


def acceptable() -> bool:
    """Whether everything in Cargo.lock that this workspace uses may be there; says what may not."""
    asked = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        say(f"  cargo metadata: {asked.stderr.strip()}")
        return False
    metadata = json.loads(asked.stdout)
    troubles = [trouble for package in metadata["packages"] for trouble in _troubles(package)]
    troubles += _twice(_deployed(metadata))
    for trouble in troubles:
        say(f"  {trouble}")
    return not troubles


def _troubles(package: dict[str, str | None]) -> list[str]:
    name, source, licence = package["name"], package["source"], package["license"] or ""
    if source is None:
        return []
    found = []
    if source != CRATES_IO:
        found.append(f"{name} comes from {source}")
    if name in BANNED:
        found.append(f"{name} is not wanted here")
    if not _allowed(licence):
        found.append(f"{name} is under {licence or 'no licence'}")
    return found


def _allowed(expression: str) -> bool:
    """Whether an SPDX expression can be satisfied; old crates write `/` for OR."""
    words = re.sub(r"([()])", r" \1 ", expression.replace("/", " OR ")).split()
    terms: list[str] = []
    for word in words:
        if terms and terms[-1].endswith(" WITH"):
            terms[-1] += f" {word}"
        elif word == "WITH":
            terms[-1] += " WITH"
        else:
            terms.append(word)
    meaning = {"AND": "and", "OR": "or", "(": "(", ")": ")"}
    return bool(terms) and bool(eval(" ".join(meaning.get(term, str(term in LICENCES)) for term in terms)))


def _deployed(metadata: dict[str, Any]) -> list[dict[str, str]]:
    """The packages that functions are made of: what tests alone need is not among them."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    functions = str(ROOT / "functions")
    found = {package["id"] for package in metadata["packages"] if package["manifest_path"].startswith(functions)}
    waiting = list(found)
    while waiting:
        for needed in nodes[waiting.pop()]["deps"]:
            tests_only = all(how["kind"] == "dev" for how in needed["dep_kinds"])
            if not tests_only and needed["pkg"] not in found:
                found.add(needed["pkg"])
                waiting.append(needed["pkg"])
    return [package for package in metadata["packages"] if package["id"] in found]


def _twice(packages: list[dict[str, str]]) -> list[str]:
    versions: dict[str, set[str]] = {}
    for package in packages:
        versions.setdefault(package["name"], set()).add(package["version"])
    doubled = [name for name in sorted(ONCE & versions.keys()) if len(versions[name]) > 1]
    return [f"{name} is there in versions {', '.join(sorted(versions[name]))}" for name in doubled]

"""The bill of materials of what is deployed: every crate that is in a function's binary, in CycloneDX.

What a function is made of is Cargo's own answer, for the platform that the template builds for: normal dependencies
with the features they have there, without what only compiles (build scripts, procedural macros) or only tests."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[1]
# The default of the parameter `Architecture`.
PLATFORM = "aarch64-unknown-linux-gnu"
LINE = re.compile(r"^(\d+)(\S+) v(\S+)")

Crate = tuple[str, str]


def main(path: Path) -> int:
    """Writes it, if it is valid; what is wrong with it goes to standard error."""
    packages = {(package["name"], package["version"]): package for package in _metadata()["packages"]}
    functions = [crate for crate, package in packages.items() if "/functions/" in package["manifest_path"]]
    bom = _bom(functions, packages)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(wrong, file=sys.stderr)
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    print(f"{len(bom.components)} components of {len(functions)} functions")
    return 0


def _bom(functions: list[Crate], packages: dict[Crate, dict[str, Any]]) -> Bom:
    checksums = {(crate["name"], crate["version"]): crate.get("checksum") for crate in _lock()}
    needs: dict[Crate, set[Crate]] = {}
    for function in functions:
        _add_tree(function, needs)
    components = {crate: _component(packages[crate], checksums[crate]) for crate in needs}
    whole = Component(type=ComponentType.APPLICATION, name="gancho", version=packages[functions[0]]["version"], bom_ref="gancho")
    bom = Bom(components=components.values())
    bom.metadata.component = whole
    bom.register_dependency(whole, [components[function] for function in functions])
    for crate, needed in needs.items():
        bom.register_dependency(components[crate], [components[one] for one in needed])
    return bom


def _component(package: dict[str, Any], checksum: str | None) -> Component:
    name, version = package["name"], package["version"]
    of_ours = package["source"] is None
    # Old crates write `/` for OR.
    licence = (package["license"] or "").replace("/", " OR ")
    return Component(
        type=ComponentType.APPLICATION if of_ours and "/functions/" in package["manifest_path"] else ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"{name}@{version}",
        purl=None if of_ours else PackageURL("cargo", None, name, version),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
    )


def _add_tree(function: Crate, needs: dict[Crate, set[Crate]]) -> None:
    """What a function is made of, and what needs what. A crate that stands there again is shown without what it needs."""
    argv = ["tree", "--locked", "--package", function[0], "--edges", "normal,no-proc-macro", "--target", PLATFORM]
    above: list[Crate] = []
    for line in _cargo(*argv, "--prefix", "depth").splitlines():
        found = LINE.match(line)
        if found is None:
            raise SystemExit(f"cargo tree says what is not understood: {line}")
        depth, crate = int(found[1]), (found[2], found[3])
        needs.setdefault(crate, set())
        if depth:
            needs[above[depth - 1]].add(crate)
        above[depth:] = [crate]


def _lock() -> list[dict[str, Any]]:
    return list(tomllib.loads((ROOT / "Cargo.lock").read_text())["package"])


def _metadata() -> dict[str, Any]:
    return dict(json.loads(_cargo("metadata", "--format-version", "1", "--locked", "--all-features")))


def _cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""`make sbom`: the bill of materials of what is deployed, in CycloneDX."""

import subprocess

from stack import tools
from stack.environment import environment
from stack.places import LOCAL, ROOT, shown
from stack.progress import say

BILL = LOCAL / "sbom" / "gancho.cdx.json"
# What writes it, and holds it against CycloneDX's own schema.
CYCLONEDX = "cyclonedx"


def sbom() -> int:
    """Writes it; its exit code."""
    tools.ensure((CYCLONEDX,))
    say(f"writing {shown(BILL)}")
    argv = [str(tools.python_of(CYCLONEDX)), str(ROOT / "local" / "bill_of_materials.py"), str(BILL)]
    return subprocess.run(argv, cwd=ROOT, env=environment(), check=False).returncode

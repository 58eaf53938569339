"""`make down`: stops whatever runs, of `make run` and of a `make test` or `make bench` that was cut short."""

from stack import servers
from stack.places import SITES
from stack.progress import say


def down() -> int:
    """Stops all sites."""
    for site in SITES:
        running = [pid_file.stem for pid_file in site.home.glob("*.pid") if servers.remembered(site, pid_file.stem)]
        orphans = servers.stop_all(site)
        if running or orphans:
            say(f"stopped {', '.join(running) or 'what an earlier run left behind'}")
        for stale in (site.stack_file, site.home / "deployed"):
            stale.unlink(missing_ok=True)
    say("nothing of this project runs any more")
    return 0

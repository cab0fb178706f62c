"""Make `.venv` and install a lock file into it: `python3 bootstrap.py demo|dev`.

Runs with the system's Python, before anything is installed, so it is written for
Python 3.7 and uses nothing but the standard library. Done again only when a
lock file changes: a stamp inside the environment holds its hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OLDEST = (3, 11)
NAMES = ("python3.13", "python3.12", "python3.11", "python3")
LOCKS = {"demo": "requirements-demo.txt", "dev": "requirements-dev.txt"}
UV_LOCK = "requirements-uv.txt"
ASK_VERSION = "import sys; sys.exit(sys.version_info[:2] < %r)" % (OLDEST,)


class BootstrapError(Exception):
    """The environment cannot be made, with what to do about it."""


def main(arguments: list[str]) -> int:
    """Bring `.venv` up to date with one lock file."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        sys.stderr.write("usage: bootstrap.py demo|dev\n")
        return 2
    try:
        prepare(ROOT, arguments[0])
    except BootstrapError as error:
        sys.stderr.write("\n%s\n" % error)
        return 1
    return 0


def prepare(root: str, kind: str) -> None:
    """Make the environment unless it already holds what the lock file says."""
    environment = os.path.join(root, ".venv")
    python = os.path.join(environment, "bin", "python")
    with open(os.path.join(root, UV_LOCK)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once must not install into each other
        if is_current(root, environment, kind):
            return
        started = time.time()
        say("Preparing .venv from %s ...\n" % LOCKS[kind])
        if not works(python):
            create(environment)
        install(root, environment, LOCKS[kind])
        with open(stamp_path(environment), "w") as stamp:
            stamp.write(digest(root, kind))
        say("  done in %.1f s\n" % (time.time() - started))


def is_current(root: str, environment: str, kind: str) -> bool:
    """Say whether the stamp matches; what serves development serves the demo too."""
    try:
        with open(stamp_path(environment)) as file:
            stamp = file.read()
    except OSError:
        return False
    kinds = ("demo", "dev") if kind == "demo" else ("dev",)
    return stamp in [digest(root, each) for each in kinds] and works(
        os.path.join(environment, "bin", "python")
    )


def stamp_path(environment: str) -> str:
    """Name the file that holds the hash of what is installed."""
    return os.path.join(environment, "lock.sha256")


def digest(root: str, kind: str) -> str:
    """Hash the lock file; its place too, because scripts in an environment name it."""
    total = hashlib.sha256(("%s %s\n" % (kind, root)).encode())
    for name in (UV_LOCK, LOCKS[kind]):
        with open(os.path.join(root, name), "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def works(python: str) -> bool:
    """Say whether an interpreter runs and is new enough."""
    try:
        return subprocess.call([python, "-c", ASK_VERSION], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def create(environment: str) -> None:
    """Make an empty environment with the newest Python that is there."""
    python = find_python()
    if subprocess.call([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
        raise BootstrapError(
            "This Python cannot make virtual environments: its venv package is missing.\n"
            "On Debian or Ubuntu:  apt-get install python3-venv"
        )
    shutil.rmtree(environment, ignore_errors=True)
    run([python, "-m", "venv", environment], "The virtual environment could not be made.")


def find_python() -> str:
    """Find an interpreter that is new enough, the one running this first."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in NAMES:
        found = shutil.which(name)
        if found and works(found):
            return found
    raise BootstrapError(
        "Python %d.%d or newer is needed; this one is %s." % (*OLDEST, sys.version.split()[0])
    )


def install(root: str, environment: str, lock: str) -> None:
    """Install exactly what the lock file says: by uv, which is quick, or else by pip."""
    python = os.path.join(environment, "bin", "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-q"]
    pip += ["--require-hashes", "--only-binary", ":all:", "-r"]
    uv = [os.path.join(environment, "bin", "uv"), "--no-progress"]
    sync = ["pip", "sync", "-q", "--python", python, "--require-hashes", "--compile-bytecode"]
    quiet = subprocess.DEVNULL
    if subprocess.call([*pip, UV_LOCK], cwd=root, stdout=quiet, stderr=quiet) == 0:
        # The machine's own certificates know the proxy of a company that reads along.
        for certificates in ((), ("--system-certs",)):
            command = [*uv, *certificates, *sync, lock]
            if subprocess.call(command, cwd=root, env=uv_variables(), stderr=quiet) == 0:
                return
    say("  uv could not do it; trying pip, which is slower ...\n")
    run([*pip, lock], "The packages could not be installed; see pip's message above.", cwd=root)


def uv_variables() -> dict[str, str]:
    """Keep uv to this environment; a mirror or proxy that the machine names stays in use."""
    kept = {k: v for k, v in os.environ.items() if k not in ("UV_PYTHON", "UV_SYSTEM_PYTHON")}
    return dict(kept, VIRTUAL_ENV="", UV_LINK_MODE=kept.get("UV_LINK_MODE", "copy"))


def run(command: list[str], complaint: str, cwd: str | None = None) -> None:
    """Run a command whose failure ends the preparation."""
    if subprocess.call(command, cwd=cwd):
        raise BootstrapError(complaint)


def say(text: str) -> None:
    """Write one piece of progress at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

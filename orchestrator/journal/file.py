"""The journal as a file of JSON lines: one write and one `fdatasync` a commit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

from orchestrator import chain, files
from orchestrator.errors import Conflict, Damaged, Newer, StorageError, UnknownTask, Unsynced
from orchestrator.events import Commit, Kind
from orchestrator.files import Disk
from orchestrator.journal.mark import Mark
from orchestrator.locks import Lock

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Unreadable(Exception):
    """A whole line that this version cannot read: committed, so never cut."""


def encode(commit: Commit, previous: str) -> tuple[bytes, str]:
    """The line of a commit, with its newline, and its sum."""
    data = {"v": chain.FORMAT, **commit.encode()}
    text = _JSON.encode(data)[:-1].encode("utf-8", "surrogatepass")
    return chain.sign(text, previous)


def decode(line: bytes, previous: str) -> tuple[Commit, str]:
    """The commit of a whole line and its sum; raises ValueError saying why the line is not whole, or Unreadable."""
    text, total = chain.check(line, previous)
    try:
        data = json.loads((text + b"}").decode("utf-8", "surrogatepass"))
        if (version := data.pop("v", None)) != chain.FORMAT:
            raise ValueError(f"line format {version}")
        return Commit.decode(data), total
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(str(error).splitlines()[0]) from None


class FileJournal:
    """One journal file and its lock."""

    def __init__(self, task_id: str, folder: FileJournals, path: Path) -> None:
        self.task_id = task_id
        self._folder = folder
        self._disk = folder.disk
        self._lock = Lock(folder.locks / f"{task_id}.lock")
        self._descriptor = -1
        self._path = path
        self._size = 0
        self._sum = ""
        self._revision = 0
        self._mark = Mark(self._lock, self._disk)

    @property
    def name(self) -> str:
        return str(self._path)

    def locked(self) -> AbstractContextManager[None]:
        return self._lock.held()

    @property
    def rebooted(self) -> bool:
        return self._mark.rebooted

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Meanwhile its name is made durable: until then nobody is to trust it, nor what was said of that id before."""
        self._mark.begin()
        yield
        self._mark.clean()

    def reconciled(self) -> None:
        self._folder.clear(self._path)  # what a power cut left
        self._mark.rebooted = False
        self._mark.write("C")

    @property
    def doubted(self) -> bool:
        return self._mark.doubted

    def doubt(self, doubted: bool) -> None:
        self._mark.doubted = doubted
        self._mark.clean()

    @property
    def durable(self) -> int:
        return self._mark.durable

    def checkpointed(self, revision: int) -> None:
        self._mark.durable = revision
        self._mark.clean()

    def read(self, after: int) -> list[Commit]:
        try:
            self._reopen()
            if not self._mark.read():
                self._rewrite()
                self._mark.clean()
            known = self.history() if after < self._revision else ()  # who asks did not get as far as this
            return [commit for commit in (*known, *self._take(self._pending())) if commit.revision > after]
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}: mend that and resume") from None

    def _pending(self) -> bytes:
        """What follows the lines that were read, after making sure that they are still what it follows."""
        last = b'"sum":"' + self._sum.encode() + b'"}\n' if self._size else b""
        data = files.read_open(self._descriptor, self._size - len(last))
        if not data.startswith(last):
            raise self._damaged("replaced by another journal while it was open; start again to use what is there now")
        return data[len(last) :]

    def _damaged(self, reason: str) -> Damaged:
        return Damaged(self.task_id, str(self._path), self._revision + 1, reason)

    def _take(self, data: bytes) -> list[Commit]:
        """Fold in the whole lines of `data`; cut a tail that was never committed."""
        commits: list[Commit] = []
        start = 0
        while start < len(data):
            end = data.find(b"\n", start) + 1 or len(data)
            try:
                commit, self._sum = decode(data[start:end], self._sum)
            except Unreadable as error:
                raise Newer(self.task_id, str(self._path), self._revision + 1, str(error)) from None
            except ValueError as error:
                self._cut(data[start:], str(error))
                break
            commits.append(commit)
            self._revision = commit.revision
            self._size += end - start
            start = end
        return commits

    def _cut(self, tail: bytes, reason: str) -> None:
        """Take away a torn last line; raise Damaged when a whole one follows it."""
        if chain.is_damage(tail):
            raise self._damaged(reason)
        self._disk.truncate(self._descriptor, self._path, self._size)
        try:
            self._disk.sync_data(self._descriptor, self._path)
        except OSError:
            self._rewrite()

    def _take_back(self) -> None:
        """Leave no trace of a line whose sync failed, in the cache or on the disk."""
        try:
            self._disk.truncate(self._descriptor, self._path, self._size)
        except OSError as error:
            raise Unsynced(str(self._path), error.strerror or str(error), in_doubt=True) from None
        self._rewrite()

    def history(self) -> Iterator[Commit]:
        previous = ""
        for number, line in enumerate(self._lines(), 1):
            try:
                commit, previous = decode(line, previous)
            except (ValueError, Unreadable) as error:  # changed since it was read
                raise Damaged(self.task_id, str(self._path), number, str(error)) from None
            yield commit

    def _lines(self) -> Iterator[bytes]:
        """What was read so far, a line at a time."""
        left = self._size
        with self._path.open("rb") as file:
            while left:
                if not (line := file.readline()):
                    raise self._damaged("cut while it was read")
                left -= len(line)
                yield line

    def append(self, commit: Commit) -> None:
        if commit.revision != self._revision + 1:
            raise Conflict(f"task {self.task_id} is at revision {self._revision}: {commit.revision} does not follow")
        line, total = encode(commit, self._sum)
        try:
            self._mark.write("D")
            self._disk.append(self._descriptor, self._path, line, self._size)
        except OSError as error:
            self._mark.clean()
            raise StorageError(
                f"{self._path}: {error.strerror}; this change was not committed: free the disk and resume"
            ) from None
        try:
            self._disk.sync_data(self._descriptor, self._path)
        except OSError as error:
            self._take_back()
            self._mark.clean()
            raise Unsynced(str(self._path), error.strerror or str(error)) from None
        self._size += len(line)
        self._sum = total
        self._revision = commit.revision
        self._mark.clean()

    def published(self, kind: Kind, digest: str) -> bool:
        return self._says("documents", kind, digest)

    def absorbed(self, kind: Kind, digest: str, after: int) -> bool:
        return self._says("absorbed", kind, digest, after)

    def _says(self, field: str, kind: Kind, digest: str, after: int = 0) -> bool:
        """Looked up in the file: seldom asked, and the digests of all commits would only fill the memory."""
        found = (json.loads(line) for line in self._lines() if digest.encode() in line)
        return any(line["revision"] > after and line.get(field, {}).get(kind) == digest for line in found)

    def move(self, *, archived: bool) -> None:
        places = (self._folder.archived, self._folder.live) if archived else (self._folder.live, self._folder.archived)
        target = places[0] / self._path.name
        if self._path != target:
            try:
                self._disk.move_new(self._path, target)
            except FileExistsError:
                if not self._path.read_bytes().startswith(target.read_bytes()):  # else a power cut left it under both
                    reason = f"{target} is another journal of this id: take it elsewhere; the next command goes on"
                    raise StorageError(reason) from None
                self._disk.move(self._path, target)
            self._path = target
        for place in places:  # also when it is there already: whoever moved it may have died then
            self._disk.sync_directory(place)

    def rename(self, task_id: str) -> None:
        archived, live = (folder / f"{task_id}.jsonl" for folder in (self._folder.archived, self._folder.live))
        target = archived if files.exists(archived) else live  # where `create` would put it too
        is_new = not files.exists(target)
        try:
            self._disk.move_new(self._path, target)
        except FileExistsError:
            if not target.read_bytes().startswith(self._path.read_bytes()):
                raise
            self._disk.remove(self._path)  # a power cut left it under both names, and there it has gone on since
        self._disk.sync_directory(target.parent)
        self._disk.sync_directory(self._path.parent)
        if is_new:
            with closing(FileJournal(task_id, self._folder, target)) as renamed, renamed.locked(), renamed.begun():
                pass

    def close(self) -> None:
        with self._lock.alone():
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self._lock.close()

    def _reopen(self) -> None:
        """Open the file that has the name now: it may have been written anew or archived meanwhile.

        What was read stays read: a journal written anew has the same lines.
        """
        try:
            named = os.stat(self._path)
        except FileNotFoundError:
            self._path = self._folder.place(self.task_id)
            named = os.stat(self._path)
        if self._descriptor >= 0:
            mine = os.fstat(self._descriptor)
            if (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino):
                return
        opened = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = opened

    def _rewrite(self) -> None:
        """Put a durable copy in the journal's place: what a failed or unknown sync left in doubt is behind us."""
        try:
            self._folder.replace(self._path, files.read_open(self._descriptor))
        except OSError as error:
            raise Unsynced(str(self._path), error.strerror or str(error), in_doubt=True) from None
        self._reopen()


def _encoded(commits: Iterable[Commit]) -> bytes:
    """A whole journal."""
    lines, total = [], ""
    for commit in commits:
        line, total = encode(commit, total)
        lines.append(line)
    return b"".join(lines)


class FileJournals:
    """The journals under `.temp/.orchestrator/`."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.disk = disk
        self._folder = folder
        self.live = folder / "journal"
        self.archived = folder / "journal" / "completed"
        self._places = (self.live, self.archived, self.live)  # in turn: a journal may be on its way there or back
        self.locks = folder / "locks"
        self._named: set[Path] = set()
        """The directories whose names for those below them were synced here, once and for all."""

    def prepare(self) -> None:
        """Make the folders there have to be."""
        for path in (self.archived, self.locks):
            self.disk.make_directories(path, 0o700)

    def place(self, task_id: str) -> Path:
        """Where a task's journal is; raises UnknownTask."""
        for folder in self._places:
            path = folder / f"{task_id}.jsonl"
            if files.exists(path):
                return path
        raise UnknownTask(task_id, str(self._folder.parent))

    def create(self, task_id: str, *commits: Commit, archived: bool = False) -> FileJournal:
        name = f"{task_id}.jsonl"
        path = (self.archived if archived else self.live) / name
        with ExitStack() as undo:
            journal = FileJournal(task_id, self, path)
            undo.callback(journal.close)
            with journal.locked():
                if files.exists(self.archived / name) or files.exists(self.live / name):
                    raise FileExistsError(task_id)
                with journal.begun():
                    self.disk.move_new(self._staged(path, _encoded(commits)), path)
                    try:
                        self._sync_name(path, 4 + archived)
                    except OSError as error:
                        in_doubt = not self._removed(path)
                        raise Unsynced(str(path), error.strerror or str(error), in_doubt=in_doubt) from None
            undo.pop_all()
        return journal

    def _sync_name(self, path: Path, depth: int) -> None:
        self.disk.sync_directory(path.parent)
        for directory in path.parents[1:depth]:  # who made them may have died before he did
            if directory not in self._named:
                self.disk.sync_directory(directory)
                self._named.add(directory)

    def _removed(self, path: Path) -> bool:
        """Take a journal away whose name may be on the disk by now; False when it may still be there tomorrow."""
        try:
            self.disk.remove(path)
            self.disk.sync_directory(path.parent)
        except OSError:
            return False
        return True

    def replace(self, path: Path, data: bytes) -> None:
        """Durably put a file with this content in the place of another."""
        self.disk.move(self._staged(path, data), path)
        self.disk.sync_directory(path.parent)

    def _staged(self, path: Path, data: bytes) -> Path:
        """Under the task's lock: what is there already was left by a process that died."""
        staged = self.clear(path)
        self.disk.create(staged, data, 0o600, sync=True)
        return staged

    def clear(self, path: Path) -> Path:
        """Where a new journal is made before it takes its place; there is nothing when this returns."""
        staged = path.with_name(f".{path.name}.new")
        self.disk.remove(staged)
        return staged

    def open(self, task_id: str) -> FileJournal:
        path = self.place(task_id)
        try:
            return FileJournal(task_id, self, path)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}: orchestrator needs to write there") from None

    def ids(self) -> tuple[str, ...]:
        found: set[str] = set()
        for folder in self._places:
            if folder.is_dir():
                found.update(path.stem for path in folder.iterdir() if path.suffix == ".jsonl" and path.name[0] != ".")
        return tuple(sorted(found))

    def mentioning(self, text: str) -> tuple[str, ...]:
        wanted = text.encode()
        found: list[str] = []
        looked: set[str] = set()
        while new := set(self.ids()) - looked:  # again: one that is gone was renamed since it was listed
            looked |= new
            for task_id in new:
                with suppress(UnknownTask):
                    found += [task_id] if wanted in self.raw(task_id) else []
        return tuple(sorted(found))

    def raw(self, task_id: str) -> bytes:
        for folder in self._places:
            with suppress(FileNotFoundError):
                return (folder / f"{task_id}.jsonl").read_bytes()
        raise UnknownTask(task_id, str(self._folder.parent))

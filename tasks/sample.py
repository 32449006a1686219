"""Brings what changed answers change into the files of the user, above all the sample domain.

The sample is what the template wrote into a package of its own (notes or texts), as long as git
has it. What the template's own files import is not part of it, although it is the user's, too.
"""

import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import copier
import jinja2
from git import git, names
from imports import Code
from merge import delete, merge_texts, with_ends_of
from pathspec import GitIgnoreSpec
from rendering import Answers, Renderings, Tree

REVISIONS = "migrations/versions/"
EXCHANGES = "database"  # the answer that puts one sample in the place of another


def say(text: str, paths: Iterable[str]) -> None:
    """Tell the user something about files, if there are any, in one line."""
    if listed := ", ".join(sorted(paths)):
        print(f"{text}: {listed}", file=sys.stderr)


def read(path: str) -> bytes | None:
    """Read a file of the project, if there is one."""
    return Path(path).read_bytes() if Path(path).is_file() else None


def read_plain(path: str) -> bytes | None:
    """Read a file of the project with the ends of lines that the template writes."""
    content = read(path)
    return content.replace(b"\r\n", b"\n") if content else content


def is_linked(path: str) -> bool:
    """Say whether a link stands in the place of a file or above it, which may lead anywhere."""
    return any(map(Path.is_symlink, (Path(path), *Path(path).parents)))


def write(path: str, content: bytes | None) -> None:
    """Write a file, or delete it and the folders that are empty then."""
    if content is None:
        delete(Path(path))
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


def mark_conflict(path: str, base: bytes, theirs: bytes | None) -> None:
    """Record in git's index that both sides changed a file, as Copier does."""
    prefix = git("rev-parse", "--show-prefix").decode().strip()
    entry = git("ls-tree", "HEAD", path).decode().split("\t")[0]
    if not entry:
        return  # git ignores it
    mode, _, mine = entry.split()
    blobs = [git("hash-object", "-w", "--stdin", text=base).decode().strip(), mine]
    if theirs is not None:
        blobs.append(git("hash-object", "-w", "--stdin", text=theirs).decode().strip())
    lines = [f"{mode} {blob} {stage}\t{prefix}{path}\n" for stage, blob in enumerate(blobs, 1)]
    lines.insert(0, f"0 {'0' * len(mine)}\t{prefix}{path}\n")
    git("update-index", "--index-info", text="".join(lines).encode())


def merge(path: str, base: bytes, theirs: bytes) -> bool:
    """Merge what answers change into a file that the user edited; say if there is a conflict."""
    mine = read(path) or b""
    text, has_conflict = merge_texts(with_ends_of(mine, base), mine, with_ends_of(mine, theirs))
    if text:
        Path(path).write_bytes(text)
    if has_conflict:
        mark_conflict(path, base, theirs)
    return has_conflict


def tracked(*paths: str) -> list[str]:
    """List what git has below some paths; a folder may remain because of what git ignores."""
    return names("ls-files", "-z", "--", *paths) if paths else []


def deleted(*paths: str) -> set[str]:
    """List which of some paths git once had, but has no more."""
    options = ("log", "-z", "--format=", "--name-only", "--no-renames", "--diff-filter=D")
    return set(names(*options, "--relative", "--", *paths)) if paths else set()


def samples(tree: Iterable[str]) -> set[str]:
    """Name the packages of the sample domain."""
    modules = (path.split("/") for path in tree if path.startswith("src/") and path.endswith(".py"))
    return {"/".join(parts[:3]) for parts in modules if len(parts) > 3}


@dataclass
class Releases:
    """The releases of the template up to one of them, which may have written what is there.

    Rendering one takes half a second, so only those are rendered whose source of a file differs.
    """

    template: Path
    version: str
    package: str
    render: Callable[[str], Tree]
    rendered: dict[str, Tree]  # by commit
    _sources: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    @cached_property
    def commits(self) -> list[str]:
        """List the releases, the newest first."""
        options = ("log", "--no-show-signature", "--format=%H%x09%D%x09%s")
        log = git("-C", self.template, *options, self.version).decode(errors="replace")
        entries = (line.split("\t", 2) for line in log.split("\n")[:-1])
        return [
            commit
            for commit, names, subject in entries
            if "tag: " in names or subject.startswith("Release v")
        ]

    def sources(self, commit: str, path: str) -> set[str]:
        """Name the contents from which a release makes a file of the project; none if it has none.

        What templates include counts for all of them.
        """
        if commit not in self._sources:
            folders = ("template", "template-parts/source", "includes/source")
            listing = os.fsdecode(git("-C", self.template, "ls-tree", "-rz", commit, *folders))
            found: dict[str, set[str]] = defaultdict(set)
            for entry in listing.split("\0")[:-1]:
                facts, name = entry.split("\t", 1)
                name = re.sub(r"{%.*?%}", "", name).replace("{{ package_name }}", self.package)
                made = PurePosixPath(name.removesuffix(".jinja"))  # without the "." of an overlay
                found[str(made)].add(facts.split()[2])
            self._sources[commit] = found
        made_from = self._sources[commit]
        included = (blobs for name, blobs in made_from.items() if not name.startswith("template/"))
        found_blobs = made_from.get(f"template/{path}", set())
        return found_blobs.union(*included) if found_blobs else set()

    def wrote(self, path: str, content: bytes) -> bool:
        """Say whether a release wrote a file as it is."""
        tried = set()
        for commit in self.commits:
            sources = frozenset(self.sources(commit, path))
            if not sources or sources in tried:
                continue
            tried.add(sources)
            if commit not in self.rendered:
                self.rendered[commit] = self.try_to_render(commit)
            if self.rendered[commit].get(path) == content:
                return True
        return False

    def try_to_render(self, commit: str) -> Tree:
        """Render a release; it can have written nothing if it refuses the answers."""
        try:
            return self.render(commit)
        except (copier.errors.CopierError, jinja2.TemplateError, ValueError):
            return {}


@dataclass
class OwnFiles:
    """The files of the user, and what the answers change in them."""

    renderings: Renderings
    releases: Releases
    mine: GitIgnoreSpec
    render: Callable[[Mapping[str, Any]], Tree]  # by the version after the update
    stand_ins: Mapping[str, bytes]  # by name: for what the template's files need without a sample

    @cached_property
    def sample(self) -> list[str]:
        """List what the project has of the sample, and beside it in its packages."""
        return tracked(*samples(self.renderings.before))

    @cached_property
    def has_sample(self) -> bool:
        """Say whether there is a sample; a name and an empty module are not enough."""
        before = self.renderings.before
        return any(path in before for path in self.sample if not path.endswith("/__init__.py"))

    @cached_property
    def has_untouched_sample(self) -> bool:
        """Say whether the sample is as any release wrote it, with nothing in it besides."""
        return self.has_sample and all(map(self.is_untouched, self.sample))

    def is_untouched(self, path: str) -> bool:
        """Say whether a file of the project is as the template wrote it, in whatever release."""
        content, trees = read_plain(path), (self.renderings.before, self.renderings.born)
        if content is None or is_linked(path):
            return False
        return (
            content in (tree.get(path) for tree in trees)
            or content == self.stand_ins.get(Path(path).name)
            or self.releases.wrote(path, content)
        )

    def needed(self, tree: Tree) -> set[str]:
        """List the files of the user that the template's own files import."""
        code = Code(tree)
        others = (path for path in code.tree if not self.mine.match_file(path))
        found = {file for path in others for file in code.files_behind(path)}
        return {path for path in found if self.mine.match_file(path)}

    def follow(self, old: Answers, new: Answers) -> None:
        """Bring the difference that the answers make into the files of the user."""
        before, after = self.renderings.before, self.renderings.after
        needed = {path: after[path] for path in self.needed(after) - before.keys()}
        has_database = any(path.startswith("migrations/") for path in after)
        stays = samples(before) != samples(after) and not self.has_untouched_sample
        if stays:
            packages = samples(before) | samples(after)
            own = [package for package in packages if tracked(package)]
            say("Your domain stays as it is, since it is not the sample", own)
            # It loses what goes. What comes is made for the other sample.
            absent = {key: answer for key, answer in old.items() if answer == "none"}
            others = {**new, **absent, EXCHANGES: old[EXCHANGES]}
            after = before if others == old else self.render(others)
        if stays or not self.has_sample:
            after = {**after, **self.stand_in_for(needed)}
        paths = [path for path in sorted({*before, *after}) if self.mine.match_file(path)]
        changed = {path for path in paths if before.get(path) != after.get(path)}
        revisions = {path for path in changed if path.startswith(REVISIONS)}
        changed -= revisions
        if has_database or not stays:
            has_new_database = old[EXCHANGES] != new[EXCHANGES]
            changed |= self.changed_revisions(revisions, after, has_database, has_new_database)
        if samples(changed) and self.is_behind():
            # Parts of two releases need not fit together, so all that nobody edited becomes new.
            untouched = {path for path in paths if path in after and self.is_untouched(path)}
            changed.update(path for path in untouched if not path.startswith(REVISIONS))
            added = {path for path in paths if path in after and not path.startswith(REVISIONS)}
            added -= {*tracked(*added), *deleted(*added)}
            changed |= added
            needed.update({path: after[path] for path in added | self.needed_by_sample(after)})
        self.carry_over(sorted(changed), after, needed.keys())

    def stand_in_for(self, files: Tree) -> Tree:
        """Find what does without a sample in the place of files; what is there does, too."""
        found = {}
        for path, content in files.items():
            there = read(path)
            found[path] = self.stand_ins.get(Path(path).name, content) if there is None else there
        return found

    def is_behind(self) -> bool:
        """Say whether the sample is untouched, but as an earlier release wrote it."""
        before = self.renderings.before
        is_new = all(read_plain(path) == before.get(path) for path in self.sample)
        return not is_new and self.has_untouched_sample

    def needed_by_sample(self, tree: Tree) -> set[str]:
        """List the files that the modules of the sample import in each other."""
        code, packages = Code(tree), tuple(f"{package}/" for package in samples(tree))
        modules = [path for path in code.tree if path.startswith(packages)]
        found = {file for path in modules for file in code.files_behind(path)}
        return {path for path in found if path.startswith(packages)}

    def changed_revisions(
        self, revisions: set[str], after: Tree, has_database: bool, has_new_database: bool
    ) -> set[str]:
        """Choose the revisions that the update changes; say which the user has to write instead.

        A new database begins empty. What another one ran is history, and history has one end.
        """
        before, present = self.renderings.before, set(tracked(REVISIONS))
        own = present - before.keys() - after.keys()
        added = revisions - before.keys()
        removed = revisions - added
        added -= {path for path in added & present if not drops(own, after[path])}
        if not has_database:
            return set() if own else revisions
        if not self.has_sample:
            return added - present
        if (added and own) or (removed and (own or not has_new_database)):
            said = "The tables changed; write a revision as with these, by make revision"
            say(said, added | removed)
            return set()
        return added | removed

    def carry_over(self, paths: Iterable[str], after: Tree, needed: Collection[str]) -> None:
        """Bring the difference into some files."""
        before = self.renderings.before
        kept, unmerged, missing, linked = [], [], [], []
        for path in paths:
            base, theirs, content = before.get(path), after.get(path), read_plain(path)
            if content == theirs:
                continue
            if is_linked(path):
                linked.append(path)
            elif content is None:
                if path in needed or (base is None and self.has_sample):
                    write(path, theirs)
                elif base is None:
                    missing.append(path)
            elif content == base or (self.has_untouched_sample and self.is_untouched(path)):
                write(path, with_ends_of(read(path) or b"", theirs) if theirs else theirs)
            elif theirs is None and self.is_untouched(path):
                write(path, None)
            elif theirs is None:
                mark_conflict(path, base or b"", None)
                kept.append(path)
            elif merge(path, base or b"", theirs):
                unmerged.append(path)
        say("Both you and the answers changed these files; resolve them", unmerged)
        say(
            "The answers no longer need these files, but you edited them; keep or delete them", kept
        )
        say("There is no sample, so these files of it were not written", missing)
        say("The answers change these files, but you have a link in their place or above", linked)


def drops(revisions: Iterable[str], created: bytes) -> bool:
    """Say whether a revision drops a table that another one creates."""
    tables = set(re.findall(rb'create_table\(\s*"(\w+)"', created))
    return any(
        table in tables
        for path in revisions
        for table in re.findall(rb"""drop_table\(\s*["'](\w+)""", read(path) or b"")
    )

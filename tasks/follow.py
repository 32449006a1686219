"""Finishes an update: merges the template's files, and changes the user's as their answers changed.

An update leaves out the files that are the user's: see yours.gitignore. Where it changed an answer,
this renders them for the answers before and after, and merges the difference into the project's.
At the end it lists what is imported and no longer there, in lines that begin with "Missing: ".

Arguments: the template, the answers file, the version of the template before the update, and as
JSON the patterns that the user gave by --skip and --exclude.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import imports
from git import environment, git, names
from merge import File, committed, decide_all, is_behind_link, rendered, write_all
from pathspec import GitIgnoreSpec
from rendering import (
    Renderings,
    Tree,
    Version,
    read_answers,
    read_choices,
    read_tree,
    users_files,
)
from sample import OwnFiles, Releases, read, say, write
from translate import translate

Files = Mapping[str, File]

# What is said of each kind of conflict, and of what is left alone.
SENTENCES = {
    "marked": "Both you and the template changed these files; resolve what is marked",
    "whole": "Both you and the template changed these files, which cannot be merged by lines;"
    " yours stay, and git show :3:FILE is the template's",
    "dropped": "The template no longer has these files, but you edited them; keep or delete them",
    "rewritten": "The template changed these documents; yours have none of its sentences, and stay",
}


def merge_template(base: Files, theirs: Files, answers_file: str) -> None:
    """Merge what is new in the files of the template, and say what is left to the user."""
    mine = committed()
    outcomes = decide_all(base, mine, theirs)
    unwritten = write_all(outcomes, mine, {answers_file})
    for kind, sentence in SENTENCES.items():
        say(sentence, (path for path, outcome in outcomes.items() if outcome.kind == kind))
    behind = (path for path in outcomes if is_behind_link(path, mine))
    news = (path for path in behind if base.get(path) != theirs.get(path))
    say("The template changed these files, but you have a link in place of their folder", news)
    if unwritten:
        sys.exit(f"These files could not be written, see git diff: {', '.join(unwritten)}")


def read_code() -> tuple[Tree, Tree]:
    """Read the Python modules of the project as they were committed, and as they are."""
    only = ("-z", "--", "*.py")
    changed = set(names("diff", "--name-only", "--no-renames", "--relative", "HEAD", *only))
    added = set(names("ls-files", "--others", "--exclude-standard", *only))
    if not changed | added:
        return {}, {}
    kept = set(names("ls-files", *only))
    before_paths = committed().keys()
    now = {path: content for path in kept | added if (content := read(path)) is not None}
    before = {path: content for path, content in now.items() if path in before_paths - changed}
    return before | {path: git("show", f"HEAD:./{path}") for path in changed & before_paths}, now


def say_missing(gone: Iterable[str]) -> None:
    """List imports of what no longer exists; third-party packages may be gone as well."""
    found = imports.vanished(*read_code(), gone)
    text = "".join(f"Missing: {name}, imported by {', '.join(found[name])}\n" for name in found)
    print(text, end="", file=sys.stderr)
    if report := os.environ.get("UPDATE_REPORT"):
        Path(report).write_text(text, "utf-8")


def gone_packages(renderings: Renderings, manifests: Iterable[str]) -> set[str]:
    """Name the third-party packages that neither the template nor the user needs any longer."""
    wanted = b"".join(read(manifest) or b"" for manifest in manifests).decode(errors="replace")
    listed = {name.lower().replace("-", "_") for name in re.findall(r"[\w-]+", wanted)}
    gone = imports.packages(renderings.before) - imports.packages(renderings.after)
    return {name for name in gone if name.lower() not in listed}


def follow(template: Path, answers_file: str, version: str, *patterns: str) -> set[str]:
    """Do all of it in the project, which is the current folder.

    Return the packages of others that the project no longer installs.
    """
    old = read_answers(git("show", f"HEAD:./{answers_file}"))
    new = read_answers(Path(answers_file).read_bytes())
    translated = translate(old)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        previous = Version(template, version, root)
        current = Version(template, "HEAD", root)
        born = previous.render(old, answers_file)
        after = current.render(new, answers_file)
        mine = users_files(template)
        left = mine + GitIgnoreSpec.from_lines(
            line for lines in map(json.loads, patterns) for line in lines
        )
        base, theirs = (
            {path: file for path, file in rendered(tree).items() if not left.match_file(path)}
            for tree in (born, after)
        )
        merge_template(base, theirs, answers_file)
        if translated == new or "package_name" not in new:
            return set()  # an adopted application and a workspace have no sample
        before = current.render(translated, answers_file)
        managers = read_choices(template)["dependency_manager"]
        renderings = Renderings(*map(read_tree, (born, before, after)))
        first = git("-C", template, "rev-parse", f"{version}^{{commit}}").decode().strip()
        releases = Releases(
            template,
            version,
            new["package_name"],
            lambda commit: read_tree(Version(template, commit, root).render(old, answers_file)),
            {first: renderings.born},
        )
        stand_ins = {
            file.name: file.read_bytes()
            for file in (current.files / "template-parts" / "without_sample").iterdir()
        }
        own_files = OwnFiles(
            renderings,
            releases,
            mine,
            lambda answers: read_tree(current.render(answers, answers_file)),
            stand_ins,
        )
        own_files.follow(translated, new)
    was, now = (managers[answers["dependency_manager"]] for answers in (translated, new))
    for lock in was["locks"]:
        if lock not in now["locks"] and Path(lock).exists():
            write(lock, None)
    return gone_packages(renderings, now["manifests"])


if __name__ == "__main__":
    os.environ.update(environment())
    say_missing(follow(Path(sys.argv[1]), *sys.argv[2:]))

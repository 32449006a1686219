"""What people set in git for themselves, and what an update must not depend on."""

from collections.abc import Mapping

Settings = Mapping[str, str]

SETTINGS: Mapping[str, Settings] = {
    "nothing": {},
    "white space is an error": {"apply.whitespace": "error", "core.whitespace": "tab-in-indent"},
    "white space is mended": {
        "apply.whitespace": "fix",
        "core.whitespace": "trailing-space,space-before-tab,tab-in-indent",
    },
    "white space is ignored": {"apply.ignoreWhitespace": "change"},
    "untracked files are not shown": {"status.showUntrackedFiles": "no"},
    "all untracked files are shown": {"status.showUntrackedFiles": "all", "status.short": "true"},
    "differences look otherwise": {
        "color.ui": "always",
        "diff.algorithm": "histogram",
        "diff.context": "0",
        "diff.external": "false",
        "diff.mnemonicPrefix": "true",
        "diff.renames": "copies",
        "diff.wordRegex": ".",
    },
    "differences have no prefix": {
        "diff.noprefix": "true",
        "diff.interHunkContext": "9",
        "status.branch": "true",
        "status.relativePaths": "false",
    },
    "conflicts look otherwise": {"merge.conflictStyle": "diff3", "merge.renames": "false"},
    "ends of lines as on Windows": {"core.autocrlf": "true", "core.safecrlf": "false"},
    "no file is a program": {"core.fileMode": "false", "core.quotePath": "false"},
    "only explicit bare repositories": {"safe.bareRepository": "explicit"},
}
ATTRIBUTES = {
    "none": "",
    "no text": "* -text\n",
    "ends of lines as on Windows": "*.md text eol=crlf\n",
    "all binary": "* binary\n",
    "no merges": "* merge=binary -diff\n",
    "names expanded": "* ident\n",
}

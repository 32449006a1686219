"""Where lines of a user stand that no update touches, as docs/template.md of a project says."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A place next to a line that never changes, or in a file that the template does not have.

    The lines are regular expressions.
    """

    file: str  # a pattern: "*" stands for the package
    words: str  # what a user may write there
    last: str | None = None  # the line with which the file ends, and below which the place is
    below: str | None = None
    above: str | None = None

    @property
    def is_own_file(self) -> bool:
        """Say whether the file is the user's alone."""
        return self.last is self.below is self.above is None

    def find(self, project: Path) -> Path | None:
        """Find the file in a project."""
        if self.is_own_file:
            return project / self.file
        return next(iter(project.glob(self.file)), None)

    def is_in(self, text: str) -> bool:
        """Say whether a file has the place, and has it once."""
        return len(self._lines(text)) == 1

    def fill(self, text: str) -> str:
        """Write the words there."""
        if self.is_own_file:
            return self.words
        (line,) = self._lines(text)
        at = line.start() if self.above is not None else line.end()
        return text[:at] + self.words + text[at:]

    def _lines(self, text: str) -> list[re.Match[str]]:
        line = next(line for line in (self.last, self.below, self.above) if line is not None)
        end = r"\n\Z" if self.last is not None else r"\n"
        return list(re.finditer(f"^{line}{end}", text, re.MULTILINE))


PLACES = (
    Place(".dockerignore", "!charts/\n", last=r"\*\*/__pycache__/"),
    Place(".editorconfig", "\n[*.chart]\nindent_size = 8\n", last="indent_style = tab"),
    Place(".env.example", "\n# Ours\nHARBOUR=Genoa\n", last=r"LOG_LEVEL=[A-Z]+"),
    Place(".gitignore", "\n# Ours\n*.berth\n", last="__pycache__/"),
    Place(
        ".gitlab-ci.yml",
        '\nmoor:\n  script:\n    - echo "South Pier"\n',
        last=r"    - (?:if test .+ compose\.prod\.yaml logs; fi|twine upload dist/\*)",
    ),
    Place(
        ".pre-commit-config.yaml",
        "\n  - repo: https://github.com/crate-ci/typos\n    rev: v2.0.0\n"
        "    hooks:\n      - id: typos\n",
        last=r"        files: \\\.rej\$",
    ),
    Place("pyproject.toml", '\n[tool.berths]\nharbour = "Genoa"\n', last="fail_under = [0-9]+"),
    Place(
        "Makefile.local",
        "##@ Ours\n\nmoor: ## Say where there is room\n\t@echo South Pier\n",
    ),
    Place("compose.yaml", "include:\n  - compose.local.yaml\n\n", above="services:"),
    Place(
        "compose.local.yaml",
        "services:\n  mail:\n    image: axllent/mailpit:v1.30.1\n    volumes:\n      - mail:/data\n"
        "\nvolumes:\n  mail:\n",
    ),
    Place(
        "compose.override.yaml",
        '  mail:\n    ports:\n      - "127.0.0.1:${MAIL_PORT:-8026}:8025"\n\n',
        below="services:",
    ),
    Place("compose.prod.yaml", "  mail:\n    restart: unless-stopped\n\n", below="services:"),
    Place("README.md", "## Moorings\n\nAsk the harbour office.\n\n", above="## Template"),
    Place("requirements/base.in", "humanfriendly\n", below=r"# What .+(?=\n\n)"),
    Place("requirements/production.in", "sdnotify\n", below=r"# What .+"),
    Place("requirements/testing.in", "pytest-mock\n", below=r"# What .+"),
    Place("requirements/development.in", "ipython\n", below=r"# What .+"),
    Place("src/*/settings.py", '\n    pier: str = "South"\n', below=r'    """A field for .*"""'),
)
# An adopted application has documents and a manifest of its own.
ADOPTED_PLACES = (
    Place(".dockerignore", "charts/\n", last="venv/"),
    Place(".env.example", "\n# Ours\nHARBOUR=Genoa\n", last=r"WEB_(?:CONCURRENCY|REPLICAS)=\d"),
    *(
        place
        for place in PLACES
        if place.file.startswith("compose")
        or place.file in (".gitignore", ".gitlab-ci.yml", "Makefile.local")
    ),
)

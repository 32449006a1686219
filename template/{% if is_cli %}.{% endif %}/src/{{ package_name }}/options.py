"""The options before a command, and the settings that follow from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from .errors import ExitCode, fail
from .logs import configure_logging
from .settings import LogLevel, Settings, SettingsError, load_settings

# Commands have it as well, so that people need not remember where it belongs.
LogLevelOption = Annotated[
    LogLevel | None, typer.Option("--log-level", help="The least weight that is logged.")
]


@dataclass(frozen=True)
class Options:
    """What was said before the command; None where nothing was."""

    config_file: Path | None
    log_level: LogLevel | None


def load(context: typer.Context, log_level: LogLevel | None = None, **options: Any) -> Settings:
    """Read the settings, those of the command line first, and begin to log."""
    general: Options = context.find_root().obj
    options["log_level"] = log_level or general.log_level
    given = {name: value for name, value in options.items() if value is not None}
    try:
        settings = load_settings(general.config_file, **given)
    except SettingsError as error:
        fail(str(error), ExitCode.CONFIGURATION)
    configure_logging(settings.log_level, settings.log_format)
    return settings

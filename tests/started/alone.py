"""A plugin of pytest that runs each test in a process of its own, as if it were the only one."""

import os

import pytest
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test in a copy of this process, which tells only what failed."""
    process = os.fork()
    if process == 0:
        failed = [report for report in runtestprotocol(item, log=False) if report.failed]
        print(*(f"{item.nodeid}\n{report.longreprtext}" for report in failed), flush=True)
        os._exit(bool(failed))
    _, status = os.waitpid(process, 0)
    item.session.testsfailed += status != 0
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say how many there were."""
    print(session.testscollected, "tests ran alone", flush=True)

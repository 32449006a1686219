"""How long scopes of tests keep a process busy, so that the longest can come first.

A scope is what one process runs: a class, or the functions of a module. The seconds are of a run
with three processes on two cores and only matter in relation to each other; what is not named here
takes less than a minute.
"""

from collections.abc import Mapping

COSTS: Mapping[str, int] = {
    "tests/test_managers.py": 780,
    "tests/test_suites.py": 700,
    "tests/test_queue.py::TestQueue": 560,
    "tests/test_containers.py::TestFlaskWithPipAndPostgresql": 450,
    "tests/test_job.py::TestJobWithPipenvAndMariadb": 450,
    "tests/test_containers.py::TestFastapiWithUvAndPostgresql": 420,
    "tests/test_cli.py::TestProgramWithPoetryAndPostgresql": 320,
    "tests/test_bases.py::TestDistro": 300,
    "tests/test_adopted_containers.py::TestCheck": 300,
    "tests/test_job.py::TestJobWithUvAndMysql": 300,
    "tests/test_package_index.py": 270,
    "tests/test_job.py::TestJobWithPip": 240,
    "tests/test_proxy.py": 230,
    "tests/test_rehearsal.py": 220,
    "tests/test_databases.py::TestMysql": 170,
    "tests/test_linting.py": 170,
    "tests/test_answers.py": 160,
    "tests/test_own_domain.py": 160,
    "tests/test_template_update.py": 120,
    "tests/test_containers.py::TestFastapiWithUvAndSqlite": 150,
    "tests/test_adopted_containers.py::TestPipenv": 140,
    "tests/test_databases.py::TestMariadb": 130,
    "tests/test_adopted_containers.py::TestPoetry": 120,
    "tests/test_cli.py::TestProgramWithoutDatabase": 110,
    "tests/test_places.py": 100,
    "tests/test_podman.py": 100,
    "tests/test_proxy.py::TestProxy": 90,
    "tests/test_adopted_containers.py::TestPackage": 80,
    "tests/test_adopted_containers.py::TestPage": 80,
    "tests/test_adopted_containers.py::TestProgram": 70,
    "tests/test_queue.py::TestQueueWithSqlite": 70,
    "tests/test_cli.py::TestProgramWithUvAndMysql": 60,
}


def cost(test: str) -> int:
    """Say how long the scope of a test takes, by the test's identifier."""
    return COSTS.get(test.partition("[")[0].rpartition("::")[0], 0)

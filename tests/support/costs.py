"""How long scopes of tests keep a process busy, so that the longest can come first.

A scope is what one process runs: a class, or the functions of a module. The seconds are of a run
with three processes on two cores and only matter in relation to each other; what is not named here
takes less than a minute.
"""

from collections.abc import Mapping

COSTS: Mapping[str, int] = {
    "tests/test_containers.py::TestFastapiWithUvAndPostgresql": 500,
    "tests/test_proxy.py": 500,
    "tests/test_queue.py::TestQueue": 460,
    "tests/test_managers.py": 420,
    "tests/test_rehearsal.py": 370,
    "tests/test_suites.py": 340,
    "tests/test_package_index.py": 320,
    "tests/test_kept_answers.py": 290,
    "tests/test_workspace_services.py::TestProduction": 300,
    "tests/test_containers.py::TestFlaskWithPipAndPostgresql": 280,
    "tests/test_databases.py::TestMysql": 230,
    "tests/test_job.py::TestJobWithUvAndMysql": 220,
    "tests/test_job.py::TestJobWithPipenvAndMariadb": 300,
    "tests/test_queue.py::TestQueueWithSqlite": 200,
    "tests/test_answers.py": 190,
    "tests/test_explorer.py::TestPage": 180,
    "tests/test_own_domain.py": 180,
    "tests/test_random_edits.py": 180,
    "tests/test_linting.py": 170,
    "tests/test_adopted_containers.py::TestCheck": 170,
    "tests/test_any_git.py": 150,
    "tests/test_pipeline_jobs.py::TestSamples": 150,
    "tests/test_pipeline_jobs.py::TestService": 150,
    "tests/test_cli.py::TestProgramWithPoetryAndPostgresql": 150,
    "tests/test_queue.py::TestDeployment": 150,
    "tests/test_bases.py::TestDistro": 140,
    "tests/test_proxy.py::TestProxy": 140,
    "tests/test_adoption.py": 130,
    "tests/test_workflow_runs.py::TestVulnerableImage": 130,
    "tests/test_databases.py::TestMariadb": 120,
    "tests/test_places.py": 120,
    "tests/test_workspace_services.py": 120,
    "tests/test_containers.py::TestFastapiWithUvAndSqlite": 110,
    "tests/test_job.py::TestJobWithPip": 110,
    "tests/test_workflow_runs.py::TestTag": 110,
    "tests/test_cli.py::TestProgramWithoutDatabase": 110,
    "tests/test_machines.py": 80,
    "tests/test_workspace.py": 90,
    "tests/test_workflow_runs.py::TestFailingTest": 110,
    "tests/test_podman.py": 150,
    "tests/test_workflow_runs.py::TestPullRequestFromAFork": 100,
    "tests/test_pipeline_jobs.py::TestProgram": 100,
    "tests/test_own_packages.py": 90,
    "tests/test_workflow_runs.py::TestAdopted": 90,
    "tests/test_large_dependencies.py": 90,
    "tests/test_adopted_containers.py::TestPoetry": 80,
    "tests/test_dev_containers.py::TestJob": 80,
    "tests/test_fleet_sharing.py": 80,
    "tests/test_bots.py": 70,
    "tests/test_template_update.py::TestByHand": 70,
    "tests/test_adopted_containers.py::TestPipenv": 70,
    "tests/test_workflow_runs.py::TestProgram": 70,
    "tests/test_workflow_runs.py::TestTemplatesOwn": 70,
    "tests/test_benchmarks.py": 60,
    "tests/test_pipeline_rules.py": 60,
}


def cost(test: str) -> int:
    """Say how long the scope of a test takes, by the test's identifier."""
    return COSTS.get(test.partition("[")[0].rpartition("::")[0], 0)

"""What stands in for actions and for programs that need a forge, in the runner of workflows.

It runs in a job's container as ``stand_ins.py NAME [ARGUMENT…]``, with nothing but the standard
library. Each call becomes a line of RECORDS/calls.jsonl. Where it does less than the real thing, it
checks what it is given, and fails like it.
"""

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from glob import glob
from pathlib import Path

Inputs = dict[str, str]
RECORDS = Path(os.environ["RECORDS"])
TOKEN = "a-token-of-the-forge"  # noqa: S105
PYTHON = Path("/usr/local")  # of the image; only actions lead there
UV = Path("/opt/uv")
INSTALLED = Path.home() / "installed"  # programs that actions bring


class RefusedError(Exception):
    """Something is not as it must be."""


def need(holds: object, sentence: str) -> None:
    """Refuse with a sentence unless something holds."""
    if not holds:
        raise RefusedError(sentence)


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a program and return what it prints."""
    print("+", *command, flush=True)
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def tell(file: str, line: str) -> None:
    """Write a line to one of the files by which a step speaks to the runner."""
    with Path(os.environ[file]).open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")


def lines(text: str) -> list[str]:
    """Split an input that is a list."""
    return [line.strip() for line in text.splitlines() if line.strip()]


# Actions


def checkout(inputs: Inputs) -> None:
    """Fetch the commit that started the run from the origin, no more of it than is asked for."""
    need(not inputs["repository"], "only this repository can be checked out here")
    ref, origin = os.environ["GITHUB_REF"], os.environ["ORIGIN"]
    workspace = Path(os.environ["GITHUB_WORKSPACE"], inputs["path"])
    git = ("git", "-C", str(workspace))
    address = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    run("git", "init", "--quiet", str(workspace))
    run(*git, "remote", "add", "origin", address)
    fetch = (*git, "fetch", "--quiet", "--no-tags", f"file://{origin}")
    kind, name = re.fullmatch(r"refs/(heads|tags|pull)/(.+)", ref).groups()  # type: ignore[union-attr]
    local = f"refs/remotes/{'pull' if kind == 'pull' else 'origin'}/{name}"
    local = ref if kind == "tags" else local
    if inputs["fetch-depth"] == "0":
        run(*fetch, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    run(*fetch, *depth(inputs["fetch-depth"]), f"+{ref}:{local}")
    if kind == "heads":
        run(*git, "checkout", "--quiet", "--force", "-B", name, local)
    else:
        run(*git, "checkout", "--quiet", "--force", "--detach", local)
    if inputs["persist-credentials"] == "true":
        let_in(workspace)


def depth(number: str) -> list[str]:
    """Say to git how many commits to fetch."""
    return [] if number == "0" else [f"--depth={number}"]


def let_in(workspace: Path | None = None) -> None:
    """Let git reach the forge from now on, in a clone or everywhere."""
    address = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    scope = ["-C", str(workspace), "config"] if workspace else ["config", "--global"]
    run("git", *scope, f"url.file://{os.environ['ORIGIN']}.insteadOf", address)


def setup_python(inputs: Inputs) -> None:
    """Put the Python of the image on PATH, if it is the one that is asked for."""
    found = run(str(PYTHON / "bin" / "python"), "--version").split()[1]
    asked = inputs["python-version"]
    need(f"{found}.".startswith(f"{asked}."), f"Python {asked} is not here, but {found}")
    manager = inputs["cache"]
    if manager:
        need(manager in ("pip", "pipenv", "poetry"), f"there is no cache for {manager}")
        need(shutil.which(manager) or manager == "pip", f"{manager} is not installed: no cache")
        patterns = lines(inputs["cache-dependency-path"]) or ["poetry.lock"]
        need(any(glob(pattern) for pattern in patterns), f"no file matches {patterns}")  # noqa: PTH207
    tell("GITHUB_PATH", str(PYTHON / "bin"))
    tell("GITHUB_OUTPUT", f"python-version={found}")


def setup_uv(inputs: Inputs) -> None:
    """Put uv on PATH, with the Python that it would download."""
    found = os.environ["UV_VERSION"]  # what the image of uv calls itself
    need(found == inputs["version"], f"uv {inputs['version']} is not here, but {found}")
    need(inputs["enable-cache"] in ("true", "false", "auto"), "enable-cache is a truth value")
    full = run(str(PYTHON / "bin" / "python"), "--version").split()[1]
    managed = Path.home() / ".local/share/uv/python" / f"cpython-{full}-linux-x86_64-gnu"
    managed.mkdir(parents=True, exist_ok=True)
    for folder in ("bin", "lib"):
        if not (managed / folder).exists():
            (managed / folder).symlink_to(PYTHON / folder)
    tell("GITHUB_PATH", str(UV))
    if inputs["python-version"]:
        tell("GITHUB_ENV", f"UV_PYTHON={inputs['python-version']}")
    tell("GITHUB_OUTPUT", f"uv-version={found}")


def upload_artifact(inputs: Inputs) -> None:
    """Keep files as a run's artifact; their paths begin at what they have in common."""
    found = sorted(
        {
            Path(file)
            for pattern in lines(inputs["path"])
            for each in glob(pattern, recursive=True)  # noqa: PTH207
            for file in ([each] if Path(each).is_file() else glob(f"{each}/**", recursive=True))  # noqa: PTH207
            if Path(file).is_file()
        }
    )
    absent = inputs["if-no-files-found"]
    need(absent in ("warn", "error", "ignore"), f"{absent} is not what to do without files")
    need(found or absent != "error", f"no files were found at {inputs['path']}")
    artifact = RECORDS / "artifacts" / inputs["name"]
    need(not artifact.exists(), f"there is an artifact {inputs['name']} already")
    start = Path(os.path.commonpath([file.parent for file in found])) if found else Path()
    for file in found:
        (artifact / file.relative_to(start)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, artifact / file.relative_to(start))


def download_artifact(inputs: Inputs) -> None:
    """Bring the files of artifacts of this run."""
    kept = RECORDS / "artifacts"
    target = Path(inputs["path"] or ".")
    if inputs["name"]:
        need((kept / inputs["name"]).is_dir(), f"there is no artifact {inputs['name']}")
        shutil.copytree(kept / inputs["name"], target, dirs_exist_ok=True)
        return
    for artifact in sorted(kept.glob(inputs["pattern"] or "*")):
        merged = inputs["merge-multiple"] == "true"
        shutil.copytree(artifact, target if merged else target / artifact.name, dirs_exist_ok=True)


def create_app_token(inputs: Inputs) -> None:
    """Give a token to who has the key of an app."""
    need(inputs["client-id"] or inputs["app-id"], "there is no app")
    need(inputs["private-key"], "the app's key is missing")
    tell("GITHUB_OUTPUT", f"token={TOKEN}")


def setup_qemu(inputs: Inputs) -> None:
    """Look at the image that brings the emulators; none is needed for this machine's platform."""
    need(re.search(r":[^@:]+(@sha256:\w+)?$", inputs["image"]), "the image has no version")


def setup_buildx(inputs: Inputs) -> None:
    """Use the builder of the engine in place of one in a container, which needs an image."""
    options = dict(line.split("=", 1) for line in lines(inputs["driver-opts"]))
    need(options.keys() <= {"image", "network"}, f"strange options: {options}")
    need(":" in options.get("image", ":"), "the image of BuildKit has no version")


def login(inputs: Inputs) -> None:
    """Accept the token of the run at a registry, which here lets everybody in."""
    need(inputs["username"], "there is no user")
    need(inputs["password"] == os.environ["RUN_TOKEN"], "the password is not the run's token")
    tell("GITHUB_ENV", f"LOGGED_IN={inputs['registry']}")


def build_push(inputs: Inputs) -> None:
    """Build as asked, for this machine's platform, and push by digest where that is asked for.

    Emulators, attestations and GitHub's cache are left out: they need images and a forge.
    """
    command = ["docker", "buildx", "build", "--file", inputs["file"] or "Dockerfile"]
    for option in ("build-arg", "label", "tag"):
        values = lines(inputs[f"{option}s"])
        command += [f"--{option}={value}" for value in values]
    if inputs["target"]:
        command.append(f"--target={inputs['target']}")
    for option in ("load", "pull", "no-cache", "push"):
        need(inputs[option] in ("true", "false"), f"{option} is {inputs[option]}")
    for cache in (*lines(inputs["cache-from"]), *lines(inputs["cache-to"])):
        need(re.fullmatch(r"type=gha(,mode=(min|max))?", cache), f"strange cache: {cache}")
    outputs = dict(part.split("=", 1) for part in inputs["outputs"].split(",") if part)
    need(inputs["load"] == "true" or outputs, "what is built goes nowhere")
    if inputs["load"] == "true":
        need(inputs["tags"], "what is loaded has no name")
        need("," not in inputs["platforms"], "several platforms cannot be loaded")
        run(*command, "--load", inputs["context"] or ".")
        return
    platforms = inputs["platforms"].split(",")
    need("linux/amd64" in platforms, f"this machine is not among {platforms}")
    need(set(platforms) <= emulated(), f"nothing emulates one of {platforms}")
    known = {"type", "name", "push", "push-by-digest", "name-canonical", "rewrite-timestamp"}
    need(outputs.keys() <= known, f"strange output: {inputs['outputs']}")
    need(inputs["pull"] == "true", "it would be made of an old base")
    need(outputs["type"] == "image", "only an image can be pushed")
    need(outputs["push"] == outputs["push-by-digest"] == "true", "it would not be pushed")
    need(not inputs["tags"], "it has a tag before it has been checked")
    need(os.environ.get("SOURCE_DATE_EPOCH", "").isdigit(), "the image has no date")
    need(re.fullmatch(r"generator=\S+:\S+", inputs["sbom"]), "there is no list of parts")
    need(inputs["provenance"] == "mode=max", "there is no provenance")
    registry = outputs["name"].partition("/")[0]
    need(os.environ.get("LOGGED_IN") == registry, f"nobody has logged in to {registry}")
    tell("GITHUB_OUTPUT", f"digest={push(command, inputs, outputs['name'])}")


def emulated() -> set[str]:
    """List this machine's platform and those that the run has set up."""
    calls = [json.loads(line) for line in (RECORDS / "calls.jsonl").read_text().splitlines()]
    set_ups = [call["inputs"] for call in calls if call["name"] == "docker/setup-qemu-action"]
    asked = [inputs["platforms"] for inputs in set_ups]
    return {"linux/amd64", *(f"linux/{name}" for name in ",".join(asked).split(","))}


def push(command: list[str], inputs: Inputs, name: str) -> str:
    """Push an image without a tag; the engine can only push tags, so another name has one."""
    registry, _, path = name.partition("/")
    aside = f"{registry}/aside/{path}:{os.environ['GITHUB_JOB']}"
    # "pull" and "no-cache" are left out, too: they need the true images, and minutes.
    run(*command, f"--tag={aside}", "--load", inputs["context"] or ".")
    try:
        run("docker", "push", "--quiet", aside)
    finally:
        run("docker", "image", "rm", aside)
    manifest, kind = read_manifest(registry, f"aside/{path}", os.environ["GITHUB_JOB"])
    parts = json.loads(manifest)
    for digest in (parts["config"]["digest"], *(layer["digest"] for layer in parts["layers"])):
        mount = f"v2/{path}/blobs/uploads/?mount={digest}&from=aside/{path}"
        ask(f"http://{registry}/{mount}", "POST")
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    ask(f"http://{registry}/v2/{path}/manifests/{digest}", "PUT", manifest, {"Content-Type": kind})
    return digest


def read_manifest(registry: str, path: str, reference: str) -> tuple[bytes, str]:
    """Read what a registry has under a tag or digest."""
    kinds = (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    )
    address = f"http://{registry}/v2/{path}/manifests/{reference}"
    body, headers = ask(address, "GET", headers={"Accept": ", ".join(kinds)})
    return body, headers["Content-Type"]


def ask(
    address: str, method: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[bytes, dict[str, str]]:
    """Send a request to the registry."""
    request = urllib.request.Request(address, body, headers or {}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return response.read(), dict(response.headers)


def need_pushed(image: str) -> None:
    """Refuse an image that is not in its registry, or not named by its digest."""
    found = re.fullmatch(r"([^/]+)/(.+)@(sha256:\w{64})", image)
    need(found, f"{image} is not named by its digest")
    registry, path, digest = found.groups()  # type: ignore[union-attr]
    try:
        read_manifest(registry, path, digest)
    except urllib.error.HTTPError as error:
        raise RefusedError(f"{image} is not in the registry: {error}") from None


def scan(inputs: Inputs) -> None:
    """Find nothing, or what the test has planted; look at how it is asked."""
    for option in ("ignore-unfixed", "cache", "skip-setup-trivy"):
        need(inputs[option] in ("true", "false"), f"{option} is {inputs[option]}")
    need(inputs["scanners"] == "vuln", "it looks for more than vulnerabilities")
    if inputs["skip-setup-trivy"] == "true":
        need((INSTALLED / "trivy").exists(), "no earlier step has installed it")
    INSTALLED.mkdir(exist_ok=True)
    (INSTALLED / "trivy").touch()
    need(Path(os.environ["TRIVY_IGNOREFILE"]).is_file(), "the list of exceptions is not there")
    need(os.environ["TRIVY_USERNAME"], "it has no user for the registry")
    need(os.environ["TRIVY_PASSWORD"] == os.environ["RUN_TOKEN"], "it has no password")
    need_pushed(inputs["image-ref"])
    found = os.environ.get("PLANTED") == "a vulnerability"
    if inputs["output"]:
        results = [{"ruleId": "CVE-2026-1"}] if found else []
        report = {"version": "2.1.0", "runs": [{"results": results}]}
        Path(inputs["output"]).write_text(json.dumps(report), "utf-8")
    if found and inputs["exit-code"] not in ("", "0"):
        need(False, "CVE-2026-1 is HIGH and has a fix")


def upload_sarif(inputs: Inputs) -> None:
    """Read the report; a private repository that does not pay is refused, as here."""
    report = json.loads(Path(inputs["sarif_file"]).read_text("utf-8"))
    need(report["version"] == "2.1.0", "it is not SARIF")
    need(False, "Code scanning is not enabled for this repository")


def install_cosign(inputs: Inputs) -> None:
    """Put the program on PATH."""
    INSTALLED.mkdir(exist_ok=True)
    shutil.copy2(Path(__file__).parent / "installed" / "cosign", INSTALLED)
    tell("GITHUB_PATH", str(INSTALLED))


def publish(inputs: Inputs) -> None:
    """Check what would go to the index."""
    need(not inputs["password"], "there is a password, although the index trusts the workflow")
    files = sorted(file.name for file in Path(inputs["packages-dir"]).iterdir())
    need(files, "there is nothing to publish")
    for file in files:
        need(re.fullmatch(r"\w+-[\w.]+(-py3-none-any\.whl|\.tar\.gz)", file), f"strange: {file}")
    (RECORDS / "published").write_text("\n".join(files), "utf-8")


def analyze(inputs: Inputs) -> None:
    """Do nothing: the analysis is GitHub's."""


ACTIONS: dict[str, Callable[[Inputs], None]] = {
    "actions/checkout": checkout,
    "actions/create-github-app-token": create_app_token,
    "actions/download-artifact": download_artifact,
    "actions/setup-python": setup_python,
    "actions/upload-artifact": upload_artifact,
    "aquasecurity/trivy-action": scan,
    "astral-sh/setup-uv": setup_uv,
    "docker/build-push-action": build_push,
    "docker/login-action": login,
    "docker/setup-buildx-action": setup_buildx,
    "docker/setup-qemu-action": setup_qemu,
    "github/codeql-action/analyze": analyze,
    "github/codeql-action/init": analyze,
    "github/codeql-action/upload-sarif": upload_sarif,
    "ossf/scorecard-action": analyze,
    "pypa/gh-action-pypi-publish": publish,
    "sigstore/cosign-installer": install_cosign,
}


# Programs


def cosign(*arguments: str) -> None:
    """Sign an image that has been pushed, or a file."""
    need(arguments[1] == "--yes", "it would wait for an answer")
    if arguments[0] == "sign":
        need_pushed(arguments[2])
    else:
        need(arguments[0] == "sign-blob" and arguments[2] == "--bundle", "it signs nothing")
        need(Path(arguments[4]).is_file(), f"{arguments[4]} is not there")
        Path(arguments[3]).write_text("{}\n", "utf-8")


def gh(*arguments: str) -> None:
    """Know who has a token; open and renew pull requests, and create releases, in a file."""
    need(os.environ.get("GH_TOKEN"), "To use GitHub CLI in a workflow, set GH_TOKEN")
    opened = RECORDS / "opened"
    match arguments[:2]:
        case ["auth", "setup-git"]:
            let_in()
        case ["pr", "list"]:
            print(opened.read_text("utf-8") if opened.exists() else "")
        case ["pr", "create"]:
            opened.write_text("7", "utf-8")
        case ["pr", "edit"]:
            need(arguments[2] == "7", f"there is no pull request {arguments[2]}")
        case ["release", "create"]:
            tag = run("git", "ls-remote", "origin", f"refs/tags/{arguments[2]}")
            need(tag, f"the tag {arguments[2]} is not on the forge")
        case ["repo", "list"]:
            print("https://github.com/example/one\nhttps://github.com/example/two")
        case _:
            need(False, f"it knows nothing of {arguments}")
    for option, value in itertools.pairwise(arguments):
        if option in ("--body-file", "--notes-file"):
            (RECORDS / Path(value).name).write_text(Path(value).read_text("utf-8"), "utf-8")


def pipx(*arguments: str) -> None:
    """Run the real one, and add to Poetry what it needs where a mirror serves the index."""
    subprocess.run(["/usr/bin/pipx", *arguments], check=True)
    plugin = os.environ.get("POETRY_PLUGIN")
    if plugin and arguments[0] == "install" and arguments[1].startswith("poetry=="):
        subprocess.run(["/usr/bin/pipx", "inject", "poetry", plugin], check=True)


PROGRAMS: dict[str, Callable[..., None]] = {"cosign": cosign, "gh": gh, "pipx": pipx}


def main(name: str, *arguments: str) -> None:
    """Write the call down and do it."""
    action = ACTIONS.get(name)
    inputs: Inputs = json.loads(os.environ["INPUTS"]) if action else {}
    call = {"name": name, "inputs": inputs, "arguments": arguments}
    with (RECORDS / "calls.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(call)}\n")
    try:
        if action:
            action(inputs)
        else:
            PROGRAMS[name](*arguments)
    except RefusedError as error:
        sys.exit(f"::error::{name}: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What is in `deploy/ci/`, run as a runner or Git runs it: steps of the YAML, real repositories."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.command import ROOT, manifest

CI = ROOT / "deploy" / "ci"
GITHUB = yaml.safe_load((CI / "github-actions.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((CI / "gitlab-ci.yml").read_text("utf-8"))["bots"]
STEPS = {step.get("name", step.get("uses")): step for step in GITHUB["jobs"]["review"]["steps"]}
ACTIONS = ("actions/checkout", "actions/setup-python", "github/codeql-action/upload-sarif")
RECORD = '#!/bin/sh\n{{ printf "%s\\n" "$0" "$@"; {more}; echo; }} >> "$CALLS"\n'


@dataclass
class Work:
    """A clone on a branch of its own, as a runner has it, and the commands that it has."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def git(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(["git", *words], check=check)

    def bash(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """As a runner runs a step."""
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return self.run(words, check=False, **environ)

    def run(
        self, words: list[str], *, check: bool = True, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def command(self, name: str, text: str) -> None:
        """A command of this name on the PATH."""
        path = Path(self.environ["BIN"]) / name
        path.write_text(text, "utf-8")
        path.chmod(0o755)

    @property
    def calls(self) -> str:
        """The commands that were recorded, a word a line."""
        path = Path(self.environ["CALLS"])
        return path.read_text("utf-8") if path.exists() else ""


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """`main` has the bot `desk`; the branch `topic` is checked out, and `origin` is a clone."""
    commands = tmp_path / "bin"
    commands.mkdir()
    environ = {
        "PATH": os.pathsep.join([str(commands), *os.environ["PATH"].split(os.pathsep)]),
        "BIN": str(commands),
        "CALLS": str(tmp_path / "calls"),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "Ann" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "ann@example.org" for who in ("AUTHOR", "COMMITTER")},
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "OTTO_MANIFESTS": "manifests",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    made = Work(tmp_path / "work", environ)
    made.folder.mkdir()
    python = shlex.quote(sys.executable)
    made.command("otto-reconcile", f'#!/bin/sh\nexec {python} -m otto_reconcile "$@"\n')
    made.git("init", "-q", "-b", "main")
    made.write("manifests/desk.yaml", manifest())
    made.git("add", ".")
    made.git("commit", "-qm", "Desk")
    made.git("clone", "-q", "--bare", ".", str(tmp_path / "origin.git"))
    made.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    made.git("fetch", "-q", "origin")
    made.git("checkout", "-q", "-b", "topic")
    return made


@pytest.fixture
def compares(work: Work) -> Work:
    """`diff --git-ref` is recorded, and says what it would say of a change."""
    python = shlex.quote(sys.executable)
    recorded = RECORD.format(more=":")
    work.command(
        "otto-reconcile",
        f'{recorded}[ "$1" = diff ] || exec {python} -m otto_reconcile "$@"\n'
        'echo "**1 to change**"\nexit "${DIFFERS:-2}"\n',
    )
    return work


def test_only_actions_that_are_allowed_by_their_major_version() -> None:
    used = [step["uses"] for step in STEPS.values() if "uses" in step]
    assert [one.partition("@")[0] for one in used] == list(ACTIONS)
    assert all(re.fullmatch(r"v\d+", one.partition("@")[2]) for one in used)


def test_the_workflow_asks_for_no_more_than_it_needs() -> None:
    assert GITHUB["permissions"] == {
        "contents": "read",
        "pull-requests": "write",
        "security-events": "write",
    }
    assert list(GITHUB[True]) == ["pull_request"]  # `on` is true in YAML 1.1
    assert GITHUB["defaults"]["run"]["shell"] == "bash"
    checkout = next(iter(STEPS.values()))["with"]
    assert checkout == {"fetch-depth": 0, "persist-credentials": False}


def test_no_expression_stands_in_a_script() -> None:
    """Names of branches are chosen by whoever opens a pull request."""
    assert [name for name, step in STEPS.items() if "${{" in step.get("run", "")] == []


def test_steps_that_upload_and_comment_are_not_for_forks() -> None:
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    for name in ("github/codeql-action/upload-sarif@v4", "Comment"):
        assert same in STEPS[name]["if"]
    assert STEPS["github/codeql-action/upload-sarif@v4"]["with"]["sarif_file"] == "bots.sarif"


def test_the_steps_of_github_on_valid_manifests(work: Work) -> None:
    done = work.bash(STEPS["Validate"]["run"])
    assert (done.returncode, done.stdout) == (0, "1 bot in 1 file is valid\n")
    assert work.bash(STEPS["Report"]["run"]).returncode == 0
    assert json.loads((work.folder / "bots.sarif").read_text("utf-8"))["runs"][0]["results"] == []


def test_the_steps_of_github_on_a_fault(work: Work) -> None:
    work.write("manifests/desk.yaml", manifest().replace("name: Desk", "nmae: Desk"))
    done = work.bash(STEPS["Validate"]["run"])
    assert done.returncode == 1
    assert "::error file=manifests/desk.yaml,line=5,col=3,title=" in done.stdout
    assert work.bash(STEPS["Report"]["run"]).returncode == 0
    (run,) = json.loads((work.folder / "bots.sarif").read_text("utf-8"))["runs"]
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    ]
    assert set(uris) == {"manifests/desk.yaml"}
    assert "!cancelled()" in STEPS["Report"]["if"]


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 0), (1, 1)])
def test_github_compares_with_the_base(compares: Work, code: int, ends: int) -> None:
    done = compares.bash(STEPS["Compare"]["run"], BASE="main", DIFFERS=str(code))
    assert done.returncode == ends
    assert "\ndiff\n--git-ref\norigin/main..HEAD\n-o\nmarkdown\n" in compares.calls
    if not ends:
        page = (compares.folder / "comment.md").read_text("utf-8")
        assert page == "<!-- otto-reconcile -->\n**1 to change**\n"
        assert Path(compares.environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8") == page


@pytest.mark.parametrize(("known", "method"), [("", "POST"), ("12\n34", "PATCH")])
def test_github_has_one_comment(work: Work, known: str, method: str) -> None:
    listing = f'case "$*" in *--paginate*) printf "{known}\\n" ;; esac\n'
    work.command("gh", RECORD.format(more=":") + listing)
    work.write("comment.md", "hello")
    environ = {"GITHUB_REPOSITORY": "shop/bots", "NUMBER": "7", "GH_TOKEN": "t"}
    assert work.bash(STEPS["Comment"]["run"], **environ).returncode == 0
    place = "issues/comments/12" if known else "issues/7/comments"
    told = f"--method\n{method}\nrepos/shop/bots/{place}\n-F\nbody=@comment.md\n"
    assert told in work.calls
    assert work.calls.count("--method") == 1


def script(work: Work, **environ: str) -> subprocess.CompletedProcess[str]:
    """The job of GitLab: each line of the script ends it that fails."""
    return work.bash("\n".join(GITLAB["script"]), **environ)


def gitlab_environ() -> dict[str, str]:
    names = ("CI_PROJECT_ID", "CI_MERGE_REQUEST_IID")
    return {
        **dict.fromkeys(names, "5"),
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }


def test_the_job_of_gitlab_reports_and_compares(compares: Work) -> None:
    done = script(compares, **gitlab_environ())
    assert done.returncode == 0, done.stderr
    assert "\ndiff\n--git-ref\norigin/main..HEAD\n-o\nmarkdown\n" in compares.calls
    report = GITLAB["artifacts"]["reports"]["codequality"]
    assert json.loads((compares.folder / report).read_text("utf-8")) == []
    (page,) = GITLAB["artifacts"]["paths"]
    assert (compares.folder / page).read_text("utf-8") == "**1 to change**\n"


def test_the_job_of_gitlab_fails_on_a_fault_with_its_report(compares: Work) -> None:
    compares.write("manifests/desk.yaml", manifest().replace("name: Desk", "nmae: Desk"))
    done = script(compares, **gitlab_environ())
    assert done.returncode == 1
    assert "manifests/desk.yaml:5:3: " in done.stderr
    report = (compares.folder / "gl-code-quality-report.json").read_text("utf-8")
    assert {one["location"]["path"] for one in json.loads(report)} == {"manifests/desk.yaml"}
    assert GITLAB["artifacts"]["when"] == "always"


def test_gitlabs_token_is_in_no_process_list(compares: Work) -> None:
    compares.command("curl", RECORD.format(more='sed "s/^/in: /"'))
    done = script(compares, **gitlab_environ(), OTTO_GITLAB_TOKEN="t0ken")
    assert done.returncode == 0, done.stderr
    assert "in: PRIVATE-TOKEN: t0ken\n" in compares.calls
    assert compares.calls.count("t0ken") == 1
    assert "--form\nbody=<bots.md\n" in compares.calls
    assert "https://gitlab.example/api/v4/projects/5/merge_requests/5/notes\n" in compares.calls


@pytest.fixture
def hooked(work: Work) -> Work:
    hook = work.folder / ".git/hooks/pre-commit"
    shutil.copy(CI / "pre-commit", hook)
    assert hook.stat().st_mode & stat.S_IXUSR
    return work


def commits(work: Work) -> int:
    return int(work.git("rev-list", "--count", "HEAD").stdout)


def test_the_hook_keeps_a_fault_out(hooked: Work) -> None:
    hooked.write("manifests/desk.yaml", manifest().replace("name: Desk", "nmae: Desk"))
    hooked.git("add", ".")
    done = hooked.git("commit", "-m", "Broken", check=False)
    assert done.returncode == 1
    assert "manifests/desk.yaml:5:3: " in done.stderr
    assert commits(hooked) == 1
    hooked.write("manifests/desk.yaml", manifest(name="Front Desk"))
    hooked.git("commit", "-qam", "Mended")
    assert commits(hooked) == 2


def test_the_hook_looks_at_what_is_staged(hooked: Work) -> None:
    hooked.write("manifests/desk.yaml", manifest(name="Front Desk"))
    hooked.git("add", ".")
    hooked.write("manifests/desk.yaml", "half a manif")
    hooked.write("manifests/new.yaml", "apiVersion: otto/v2\n")
    hooked.git("commit", "-qm", "What is staged is valid")
    assert (hooked.folder / "manifests/desk.yaml").read_text("utf-8") == "half a manif"
    hooked.git("add", ".")
    hooked.write("manifests/desk.yaml", manifest())
    (hooked.folder / "manifests/new.yaml").unlink()
    assert hooked.git("commit", "-qm", "What is staged is not", check=False).returncode == 1
    assert commits(hooked) == 2


def test_the_hook_has_nothing_to_say_of_other_files(hooked: Work) -> None:
    hooked.write("manifests/desk.yaml", "half a manif")
    hooked.write("readme.md", "hello")
    hooked.git("add", "readme.md")
    hooked.git("commit", "-qm", "Docs")
    hooked.git("checkout", "-q", "manifests")
    hooked.git("rm", "-qr", "manifests")
    hooked.git("commit", "-qm", "No more bots")
    assert commits(hooked) == 3


def test_the_hook_reads_env_and_names_with_blanks(hooked: Work) -> None:
    hooked.write(".env", "SHOP_NAME=Shop\n")
    hooked.write("my bots/a b.yaml", manifest(name='"${SHOP_NAME}"'))
    hooked.git("add", "my bots")
    environ = {"OTTO_MANIFESTS": "my bots"}
    done = hooked.run(["git", "commit", "-qm", "Named"], check=False, **environ)
    assert done.returncode == 0, done.stderr
    hooked.write("my bots/a b.yaml", "apiVersion: otto/v2\n")
    done = hooked.run(["git", "commit", "-qam", "Broken"], check=False, **environ)
    assert (done.returncode, "my bots/a b.yaml:1:" in done.stderr) == (1, True)


def test_the_hook_says_when_the_command_is_missing(hooked: Work) -> None:
    (Path(hooked.environ["BIN"]) / "otto-reconcile").unlink()
    hooked.environ["PATH"] = os.pathsep.join(
        folder
        for folder in hooked.environ["PATH"].split(os.pathsep)
        if not (Path(folder) / "otto-reconcile").exists()
    )
    hooked.write("manifests/desk.yaml", manifest(name="Front Desk"))
    done = hooked.git("commit", "-qam", "Change", check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "pre-commit: otto-reconcile is not on the PATH: pip install otto-reconcile\n"
    )


def test_the_hook_leaves_nothing_behind(hooked: Work, tmp_path: Path) -> None:
    hooked.environ["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    hooked.write("manifests/desk.yaml", manifest(name="Front Desk"))
    hooked.git("commit", "-qam", "Change")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_hook_of_pre_commit_runs(work: Work) -> None:
    hooks: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (hook,) = hooks
    assert set(hook) >= {"id", "name", "entry", "language"}
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    assert re.search(hook["files"], "manifests/desk.yaml")
    assert work.bash(hook["entry"]).returncode == 0

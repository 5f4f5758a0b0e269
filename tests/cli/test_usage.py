"""What holds for every command: help, errors, exit codes, pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.command import Otto, manifest

COMMANDS = [
    "run", "apply", "diff", "status", "validate", "get", "export", "history", "actions", "delete",
    "suspend", "resume", "schema", "graph",
]  # fmt: skip
HEAVY = {"httpx", "pymongo", "rich", "deepdiff", "structlog", "parlant", "yaml"}


def test_help_lists_every_command(otto: Otto) -> None:
    done = otto("--help")
    assert done.code == 0
    listed = {line.split()[0] for line in done.out.splitlines() if line.startswith("  ")}
    assert set(COMMANDS) <= listed
    assert otto().out == done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(otto: Otto, command: str) -> None:
    done = otto(command, "--help")
    assert done.code == 0
    assert f"  otto-reconcile {command}" in done.out.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {*HEAVY, "pydantic"}),
        (["diff", "--help"], HEAVY),  # Typer checks values with pydantic, not we
    ],
)
def test_help_imports_nothing_heavy(otto: Otto, arguments: list[str], heavy: set[str]) -> None:
    program = (
        "import sys, otto_reconcile.cli as c\n"
        f"sys.argv = ['otto-reconcile', *{arguments!r}]\n"
        "c.main()\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=otto.folder, env=otto.environ, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout.splitlines()[-1].replace("'", '"')))
    assert "typer" in loaded
    assert not loaded & heavy


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["difff"], "diff"),
        (["diff", "--nonsense"], "--nonsense"),
        (["apply"], "-f"),
        (["delete"], "BOT"),
        (["status", "-o", "pdf"], "pdf"),
        (["actions", "--since", "yesterday-ish"], "--since"),
        (["actions", "--outcome", "fine"], "--outcome"),
        (["diff", "--parlant-url", "nowhere"], "--parlant-url"),
        (["get", "--mongodb-uri", "nowhere"], "--mongodb-uri"),
        (["apply", "-f", "missing.yaml"], "missing.yaml:1:1"),
        (["validate", "--target", "nowhere"], "--target: 'nowhere'"),
        (["adopt", "--from", "nowhere"], "--from: 'nowhere'"),
        (["run", "--port", "abc"], "'--port' (env var: 'OTTO_PORT'): 'abc' is not a whole number"),
        (["run", "--interval", "abc"], "'abc' is not a number"),
        (["actions", "--limit", "-1"], "it has to be greater than or equal to 0"),
        (["run", "--parlant-url", "http://x", "--port", "9000"], "--port is for a Parlant in"),
        (["run", "--parlant-url", "http://x", "--nlp", "openai"], "--nlp is for a Parlant in"),
        (["run", "--data-dir", __file__], f"the data directory {__file__} is a file, not a folder"),
        (["run", "--data-dir", f"{__file__}/x"], f"{__file__}/x is below a file"),
        (["history", "nobody"], "nobody"),
        (["get", "nobody"], "nobody"),
        (["export", "nobody"], "nobody"),
        (["suspend", "nobody"], "nobody"),
        (["apply", "-f", ""], "error: -f is empty"),
        (["apply", "--file="], "error: --file is empty"),
        (["validate", ""], "error: an argument is empty"),
        (["diff", "-f", ""], "error: -f is empty"),
        (["run", "--data-dir", ""], "error: --data-dir is empty"),
        (["export", "--output", ""], "error: --output is empty"),
        (["apply", "-f", "x", "--wait", "--timeout", "nan"], "nan is no number of seconds"),
        (["apply", "-f", "x", "--wait", "--timeout", "inf"], "inf is no number of seconds"),
        (["apply", "-f", "x", "--wait", "--timeout", "-1"], "-1.0 is no number of seconds"),
        (["actions", "--limit", str(2**63)], "it has to be less than or equal to 2147483647"),
        (["history", "x", "--limit", str(2**99)], "it has to be less than or equal to"),
    ],
)
def test_a_mistake_is_one_error_and_exit_code_1(
    otto: Otto, arguments: list[str], said: str
) -> None:
    done = otto(*arguments)
    assert done.code == 1
    assert said in done.err
    assert "error: " in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTTO_PARLANT_TOKEN", "hush\nhush"),
        ("OTTO_PARLANT_TOKEN", "hush\xe9"),
        ("OTTO_PARLANT_HEADERS", "X: hush\xe9"),
        ("OTTO_PARLANT_HEADERS", "X Y: hush"),
    ],
)
def test_a_header_that_http_has_no_place_for_names_its_variable(
    otto: Otto, variable: str, value: str
) -> None:
    done = otto("diff", "--parlant-url", "http://127.0.0.1:1", **{variable: value})
    assert done.code == 1
    assert done.err.startswith(f"error: {variable}: a header holds printable ASCII")
    assert "hush" not in done.err


def test_ephemeral_beside_a_database_is_refused(otto: Otto) -> None:
    for options, environ in (
        (["--mongodb-uri", "mongodb://127.0.0.1:1/"], {}),
        ([], {"MONGODB_URI": "mongodb://127.0.0.1:1/"}),
    ):
        done = otto("run", "--ephemeral", *options, **environ)
        assert done.code == 1
        error, hint = done.err.splitlines()
        assert "--ephemeral" in error
        assert "MONGODB_URI (--mongodb-uri)" in error
        assert hint == "hint: unset MONGODB_URI, or leave --ephemeral out"
        assert list(otto.folder.iterdir()) == []


def test_what_nobody_foresaw_is_no_traceback(otto: Otto, owned: None) -> None:
    otto.write(".otto/status.json", json.dumps({"pid": 1, "bots": 5}))
    done = otto("status")
    assert done.code == 1
    assert done.err.startswith("error: internal error: TypeError")
    assert "Traceback" in otto("status", OTTO_DEBUG="1").err


def test_an_interrupt_at_any_moment_is_no_traceback(otto: Otto) -> None:
    """Where the first import outside the standard library is the moment, and where a later one."""
    path = otto.environ["PYTHONPATH"]
    for name in ("typer", "yaml"):
        text = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
        otto.write(f"interrupts/{name}.py", text)
        folder = str(otto.folder / "interrupts")
        done = otto("validate", PYTHONPATH=os.pathsep.join([folder, path]))
        assert (done.code, done.err) == (1, "error: interrupted\n")
        (otto.folder / f"interrupts/{name}.py").unlink()


def test_empty_environment_variables_count_as_unset(otto: Otto) -> None:
    names = ["OTTO_DATA_DIR", "OTTO_PARLANT_URL", "MONGODB_URI", "MONGODB_DATABASE_NAME"]
    done = otto("get", **dict.fromkeys(names, ""))
    assert done.code == 0
    assert "no bots yet in .otto/otto.db (there is no such file)" in done.out


def test_the_environment_names_the_data_directory(otto: Otto) -> None:
    otto("apply", "-f", otto.write("desk.yaml", manifest()), OTTO_DATA_DIR="elsewhere")
    assert (otto.folder / "elsewhere" / "otto.db").exists()
    assert "desk" in otto("get", "--data-dir", "elsewhere").out
    assert not (otto.folder / ".otto").exists()


def test_reading_makes_no_store(otto: Otto) -> None:
    for command in (["get"], ["actions"], ["export"], ["history", "desk"], ["diff"]):
        otto(*command)
    assert list(otto.folder.iterdir()) == []


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_closed_pipe_ends_the_command_quietly(otto: Otto, buffered: str) -> None:
    environ = {**otto.environ, "PYTHONUNBUFFERED": buffered}
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        done = subprocess.run(
            otto.command("schema"),
            cwd=otto.folder, env=environ, stdout=closed, stderr=subprocess.PIPE, timeout=60,
            check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_locale_without_unicode_loses_nothing(otto: Otto) -> None:
    path = otto.write("desk.yaml", manifest(name="Schönes 机 Büro"))
    done = otto("apply", "-f", path, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.code == 0
    assert "Schönes 机 Büro" in otto("get", LC_ALL="C", PYTHONIOENCODING="ascii").out


def test_completion_offers_bots_and_commands(otto: Otto) -> None:
    otto("apply", "-f", otto.write("b.yaml", manifest() + "---\n" + manifest("depot", "Depot")))

    def complete(words: str) -> list[str]:
        return otto(
            _OTTO_RECONCILE_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split(" ")) - 1),
        ).out.split()

    assert complete("otto-reconcile get de") == ["depot", "desk"]
    assert "validate" in complete("otto-reconcile va")


def test_completion_can_be_shown(otto: Otto) -> None:
    # Whichever shell is around the tests, or none.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = otto("--show-completion", "bash", **named)
    assert "_OTTO_RECONCILE_COMPLETE" in done.out + done.err


def test_what_was_meant_is_said(otto: Otto) -> None:
    otto.write("good.yaml", manifest("order-desk"))
    assert "otto-reconcile apply -f good.yaml" in otto("apply", "good.yaml").err
    assert otto("apply", "-f", "good.yaml").code == 0
    assert "did you mean `order-desk`?" in otto("get", "orderdesk").err
    exported = otto("export", "-o", "json").out
    assert otto("validate", "-", stdin=exported).code == 0

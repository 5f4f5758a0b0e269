"""`validate` for code hosts: faults beside the lines, and the exit codes that it has otherwise."""

from __future__ import annotations

import pytest

from tests.cli.command import Otto, manifest

FORMS = ("sarif", "github", "gitlab")


@pytest.fixture
def faulty(otto: Otto) -> Otto:
    otto.write("manifests/desk.yaml", manifest().replace("name: Desk", "name: Desk\n  nmae: x"))
    return otto


def test_the_line_of_a_fault_is_the_same_in_all_forms(faulty: Otto) -> None:
    (problem,) = faulty("validate", "-o", "json").json()["problems"]
    done = faulty("validate", "-o", "sarif")
    (result,) = done.json()["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (done.code, done.err, result["level"]) == (1, "", "error")
    assert place["artifactLocation"]["uri"] == "manifests/desk.yaml"
    assert place["region"] == {"startLine": problem["line"], "startColumn": problem["column"]}
    assert problem["message"] in result["message"]["text"]
    done = faulty("validate", "-o", "github")
    first, last = done.out.splitlines()
    at = f"file=manifests/desk.yaml,line={problem['line']},col={problem['column']}"
    assert first.startswith(f"::error {at},title=This is no valid manifest::unknown key")
    assert (done.code, last) == (1, "1 fault found")
    done = faulty("validate", "-o", "gitlab")
    (entry,) = done.json()
    lines = {"begin": problem["line"]}
    assert (done.code, entry["location"]) == (1, {"path": "manifests/desk.yaml", "lines": lines})


def test_what_an_overlay_takes_away_is_beside_its_line(otto: Otto) -> None:
    otto.write("manifests/desk.yaml", manifest())
    otto.write(
        "manifests/prod.yaml",
        "apiVersion: otto/v1\nkind: Overlay\nmetadata: {environment: prod}\n"
        "spec: {patches: [{target: desk, spec: {name: null}}]}\n",
    )
    done = otto("validate", "--env", "prod", "-o", "github")
    assert done.out.startswith("::error file=manifests/prod.yaml,line=4,col=40,")
    (result,) = otto("validate", "--env", "prod", "-o", "sarif").json()["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "manifests/prod.yaml"
    assert place["region"] == {"startLine": 4, "startColumn": 40}


def test_what_is_valid_has_no_findings(otto: Otto) -> None:
    otto.write("manifests/desk.yaml", manifest())
    done = otto("validate", "-o", "sarif")
    assert (done.code, done.json()["runs"][0]["results"]) == (0, [])
    assert otto("validate", "-o", "github").out == "1 bot in 1 file is valid\n"
    assert otto("validate", "-o", "gitlab").json() == []


def test_notes_fail_no_pipeline(otto: Otto) -> None:
    otto.write("manifests/desk.yaml", manifest())
    otto.write("manifests/compose.yaml", "services: {}\n")
    done = otto("validate", "-o", "github")
    assert done.code == 0
    assert done.out.startswith("::notice file=manifests/compose.yaml,line=1,")
    (result,) = otto("validate", "-o", "sarif").json()["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("no-manifest", "note")


@pytest.mark.parametrize("form", FORMS)
def test_files_are_named_from_the_working_directory(faulty: Otto, form: str) -> None:
    for named in ("./manifests", faulty.folder / "manifests"):
        done = faulty("validate", named, "-o", form)
        assert str(faulty.folder) not in done.out
        assert "./manifests" not in done.out
        assert "manifests/desk.yaml" in done.out


def test_names_of_files_cannot_make_commands(otto: Otto) -> None:
    otto.write("manifests/a,b: 50%\n::warning::c.yaml", "apiVersion: otto/v2\n")
    done = otto("validate", "-o", "github")
    *commands, last = done.out.splitlines()
    assert {line[:15] for line in commands} == {"::error file=ma"}
    assert last == f"{len(commands)} faults found"
    assert "file=manifests/a%2Cb%3A 50%25%0A%3A%3Awarning%3A%3Ac.yaml,line=1," in done.out


@pytest.mark.parametrize("command", [("diff",), ("apply", "-f", "x"), ("status",)])
def test_other_commands_do_not_offer_these_forms(otto: Otto, command: tuple[str, ...]) -> None:
    for form in FORMS:
        done = otto(*command, "-o", form)
        assert (done.code, done.out) == (1, "")
        assert form in done.err


def test_forms_are_in_the_help(otto: Otto) -> None:
    assert "sarif|github|gitlab" in otto("validate", "--help").out
    assert "sarif" not in otto("diff", "--help").out

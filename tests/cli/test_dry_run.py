"""`apply --dry-run`: the whole difference in every form, and nothing changed."""

from __future__ import annotations

import pytest
import yaml

from tests.cli.command import Otto, manifest


@pytest.fixture
def applied(otto: Otto) -> Otto:
    otto.write("manifests/desk.yaml", manifest())
    assert otto("apply", "-f", "manifests").code == 0
    return otto


def dry(otto: Otto, *form: str, prune: bool = True) -> str:
    words = ("apply", "-f", "manifests", *(["--prune"] if prune else []), "--dry-run", *form)
    done = otto(*words)
    assert done.code == 2, done.err
    return done.out


def test_json_and_yaml_have_every_field(applied: Otto) -> None:
    applied.write("manifests/desk.yaml", manifest(action="Say hello"))
    applied.write("manifests/depot.yaml", manifest("depot", "Depot"))
    found = yaml.safe_load(dry(applied, "-o", "json"))
    assert yaml.safe_load(dry(applied, "-o", "yaml")) == found
    assert found["import"] == {"create": ["depot"], "update": ["desk"]}
    assert [(one["bot"], one["result"]) for one in found["bots"]] == [
        ("depot", "created"),
        ("desk", "updated"),
    ]
    (entry,) = found["changes"]["updating"]
    change = {"field": "action", "before": "Ask for its number", "after": "Say hello"}
    assert (entry["key"], entry["changes"]) == ("desk.status", [change])
    assert {one["kind"] for one in found["changes"]["creating"]} == {
        "agent",
        "guideline",
        "journey",
    }
    assert found["summary"]["total"] == 4


def test_markdown_is_a_comment(applied: Otto) -> None:
    applied.write("manifests/desk.yaml", manifest(action="Say <b>hello</b>"))
    page = dry(applied, "-o", "markdown")
    assert page.startswith("**1 to change**\n\n```diff\nimport: update desk\n```\n\n<details>\n")
    assert '    action: "Ask for its number" -> "Say <b>hello</b>"\n```\n' in page


def test_what_is_deleted_is_shown_part_by_part(applied: Otto) -> None:
    for number in range(9):
        applied.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"B{number}"))
    applied("apply", "-f", "manifests")
    (applied.folder / "manifests/desk.yaml").unlink()
    for form in ((), ("-o", "markdown")):
        page = dry(applied, *form)
        for part in ("guideline desk.status", "journey desk.return", "agent desk"):
            assert f"- delete {part}\n" in page
    assert '"deleting": 3' in dry(applied, "-o", "json")
    assert "desk" in applied("get").out


def test_what_reaches_no_target_is_a_difference_too(applied: Otto) -> None:
    text = manifest().replace("{id: desk}", "{id: desk, labels: {team: a}, annotations: {b: 1}}")
    applied.write("manifests/desk.yaml", text)
    page = dry(applied)
    assert '  ~ update bot desk\n      labels.team: (none) -> "a"\n' in page
    assert "      annotations.b: (none) -> 1\n" in page
    assert dry(applied, "-o", "markdown").startswith("**1 to change**\n")


def test_another_order_is_a_difference(applied: Otto) -> None:
    status = manifest().split("guidelines:\n")[1].split("\n")[0]
    first, second = status.replace("status", "a"), status.replace("status", "b")
    for lines in ((first, second), (second, first)):
        applied.write("manifests/desk.yaml", manifest().replace(status, "\n".join(lines)))
        page = dry(applied)
        applied("apply", "-f", "manifests")
    assert "order of guidelines:" in page
    assert "create" not in page


def test_secrets_stay_masked_in_every_form(otto: Otto) -> None:
    text = manifest(action='"Use ${SHOP_TOKEN}"')
    otto.write("manifests/desk.yaml", text)
    words = ("apply", "-f", "manifests", "--allow-env", "SHOP_*")
    assert otto(*words, SHOP_TOKEN="s3cret-one").code == 0
    for form in ("table", "json", "yaml", "markdown"):
        done = otto(*words, "--dry-run", "-o", form, SHOP_TOKEN="s3cret-two")
        assert done.code == 2
        assert "s3cret" not in done.out + done.err
        assert "(masked, changed)" in done.out


def test_nothing_to_change_says_so(applied: Otto) -> None:
    for form, said in (("markdown", "**no difference**\n"), ("table", "unchanged")):
        done = applied("apply", "-f", "manifests", "--dry-run", "-o", form)
        assert (done.code, said in done.out) == (0, True)

"""Environments at the command line: each command takes `--env`, and `render` shows the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.cli.command import Otto, manifest

Announce = Callable[..., dict[str, Any]]
OVERLAY = """\
apiVersion: otto/v1
kind: Overlay
metadata: {environment: prod}
spec:
  values: {shop: Prod Ltd}
  patches:
    - target: desk
      spec:
        guidelines:
          - {id: status, criticality: high, action: "Ask, then say ${secret:WORD}"}
"""


@pytest.fixture
def shop(otto: Otto) -> Otto:
    text = manifest().replace("with their orders.", "of ${values.shop:-the shop}.")
    otto.write("manifests/desk.yaml", text)
    otto.write("manifests/environments/prod.yaml", OVERLAY)
    otto.environ["WORD"] = "sesame"
    return otto


def described(otto: Otto) -> str:
    got = yaml.safe_load(otto("get", "desk").out)
    return str(got["spec"]["description"])


def test_apply_takes_an_environment_or_the_base_alone(shop: Otto) -> None:
    assert shop("apply", "-f", "manifests").code == 0
    assert described(shop) == "Helps customers of the shop."
    assert shop("apply", "-f", "manifests", "--env", "prod", "--dry-run").code == 2
    assert shop("apply", "-f", "manifests", OTTO_ENV="prod").code == 0
    assert described(shop) == "Helps customers of Prod Ltd."
    assert shop("apply", "-f", "manifests", "--env", "prod", "--dry-run").code == 0
    assert "(masked" not in shop("get", "desk").out
    assert "${secret:WORD}" in shop("get", "desk").out


def test_a_fault_of_an_overlay_refuses_all_with_its_place(shop: Otto) -> None:
    shop.write("manifests/environments/prod.yaml", OVERLAY.replace("high", "hihg"))
    done = shop("apply", "-f", "manifests", "--env", "prod")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(
        "manifests/environments/prod.yaml:10:39: `criticality` must be one of low, medium, high,"
        " not `hihg` (did you mean `high`?)"
    )
    assert shop("validate", "--env", "prod").code == 1
    assert shop("validate").code == 0
    assert "no bots yet" in shop("get").out


def test_render_prints_manifests_that_load_to_the_same(shop: Otto) -> None:
    rendered = shop("render", "--env", "prod")
    assert (rendered.code, rendered.err) == (0, "")
    assert "sesame" not in rendered.out
    assert shop("apply", "-f", "manifests", "--env", "prod").code == 0
    shop.write("rendered.yaml", rendered.out)
    done = shop("apply", "-f", "rendered.yaml", "--dry-run", "-o", "json")
    assert done.json()["bots"] == [{"bot": "desk", "result": "unchanged", "revision": 1}]
    (document,) = json.loads(shop("render", "--env", "prod", "-o", "json").out)
    assert document["spec"]["description"] == "Helps customers of Prod Ltd."


def test_render_shows_where_each_line_is_from(shop: Otto) -> None:
    lines = shop("render", "--env", "prod", "--origin").out.splitlines()
    origins = {line.split("  #")[0].strip(): line.split("  # ")[1] for line in lines}
    overlay = "manifests/environments/prod.yaml"
    assert origins["name: Desk"] == "manifests/desk.yaml:5"
    assert origins["- id: status"] == "manifests/desk.yaml:8"
    assert origins["criticality: high"] == f"{overlay}:10"
    assert origins["description: Helps customers of Prod Ltd."] == (
        f"manifests/desk.yaml:6, {overlay}:5"
    )
    assert yaml.safe_load("\n".join(lines)) == yaml.safe_load(shop("render", "--env=prod").out)


def test_what_render_prints_is_applied_as_it_was_meant(shop: Otto) -> None:
    text = manifest().replace(
        "  description: Helps customers with their orders.",
        "  description: 'See https://ann:hush@shop.example, ${ADDRESS} and $${ADDRESS}'\n"
        "  max_engine_iterations: ${ROUNDS}\n"
        "  tool_services: [{name: shop, kind: mcp, url: '${SERVICE}'}]",
    )
    shop.write("manifests/desk.yaml", text)
    shop.environ |= {
        "ADDRESS": "Elm Street",
        "SERVICE": "https://bob:knock@x.example:80",
        "ROUNDS": "4",
    }
    assert shop("apply", "-f", "manifests", "--env", "prod").code == 0
    for form, name in (("yaml", "rendered.yaml"), ("json", "rendered.json")):
        done = shop("render", "--env", "prod", "-o", form)
        assert (done.code, done.err) == (0, "")
        assert "https://ann:hush@shop.example, ${ADDRESS} and $${ADDRESS}" in done.out
        assert not {"Elm Street", "knock", "sesame"} & set(done.out.replace("/", " ").split())
        shop.write(name, done.out)
        applied = shop("apply", "-f", name, "--dry-run", "-o", "json")
        assert [bot["result"] for bot in applied.json()["bots"]] == ["unchanged"]
    done = shop("render", "--env", "prd")
    assert (done.code, done.out) == (1, "")
    assert "did you mean `prod`?" in done.err
    assert shop("render", "--origin", "-o", "json").code == 1


@pytest.mark.parametrize(
    "text",
    [
        "(masked)",
        "(masked, changed)",
        "At https://(masked)@shop.example",
        "At https://(masked, changed)@shop.example",
    ],
)
def test_a_mask_is_not_taken_for_a_value(shop: Otto, text: str) -> None:
    written = manifest().replace("Helps customers with their orders.", text)
    shop.write("manifests/desk.yaml", written)
    for command in (("validate",), ("apply", "-f", "manifests")):
        done = shop(*command)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(
            "manifests/desk.yaml:6:16: `(masked)` stands in the place of a secret here"
        )
    shop.write("manifests/desk.yaml", manifest().replace("with their", "(masked) with their"))
    assert shop("validate").code == 0


def test_render_reads_standard_input(shop: Otto) -> None:
    done = shop("render", "-", "--origin", stdin=manifest())
    assert (done.code, done.err) == (0, "")
    assert "name: Desk" in done.out


def test_delete_gone_from_heeds_the_environment(shop: Otto) -> None:
    shop.write("manifests/other.yaml", manifest("other").replace("Desk", "${values.shop}"))
    assert shop("apply", "-f", "manifests", "--env", "prod").code == 0
    patches = "  patches:\n    - {target: other, $patch: delete}\n"
    shop.write("manifests/environments/prod.yaml", OVERLAY.replace("  patches:\n", patches))
    done = shop("delete", "--gone-from", "manifests", "--env", "prod", "--yes")
    assert (done.code, done.err) == (0, "")
    assert [bot["bot"] for bot in shop("get", "-o", "json").json()["bots"]] == ["desk"]


def two(otto: Otto) -> None:
    for name, tier in (("gold", "gold"), ("iron", "iron")):
        text = manifest(name, name.title()).replace(
            f"{{id: {name}}}", f"{{id: {name}, labels: {{tier: {tier}}}}}"
        )
        otto.write(f"two/{name}.yaml", text)


def listed(otto: Otto, *arguments: str) -> list[str]:
    return [bot["bot"] for bot in otto("get", "-o", "json", *arguments).json()["bots"]]


def test_apply_and_get_take_labels(otto: Otto) -> None:
    two(otto)
    assert otto("apply", "-f", "two", "-l", "tier=gold").code == 0
    assert listed(otto) == ["gold"]
    assert otto("apply", "-f", "two").code == 0
    assert listed(otto, "-l", "tier in (iron, lead)") == ["iron"]
    assert listed(otto, "-l", "!other,tier!=iron") == ["gold"]
    done = otto("get", "-l", "tier=lead")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        "error: nothing has labels that fit 'tier=lead'",
    )
    assert otto("apply", "-f", "two", "-l", "tier=gold", "--prune").code == 1
    done = otto("get", "-l", "tier in gold")
    assert done.code == 1
    assert done.err.startswith("error: -l 'tier in gold' is no selector of labels: at character 9")
    assert "\nhint: write key=value" in done.err


def test_a_bot_that_its_manifest_suspends_is_not_resumed(otto: Otto) -> None:
    text = manifest().replace("{id: desk}", "{id: desk, suspend: true}")
    path = otto.write("desk.yaml", text)
    assert otto("apply", "-f", path).code == 0
    assert otto("get", "-o", "json").json()["bots"][0]["suspended"] is True
    done = otto("resume", "desk")
    assert done.code == 1
    assert done.err == (
        "error: desk is suspended by its manifest, not by hand\n"
        f"hint: take `suspend: true` out of {path}\n"
    )
    assert otto("suspend", "desk").code == 0
    assert otto("apply", "-f", otto.write("desk.yaml", manifest())).code == 0
    assert otto("get", "-o", "json").json()["bots"][0]["suspended"] is True
    assert otto("resume", "desk").code == 0
    assert otto("get", "-o", "json").json()["bots"][0]["suspended"] is False


def followed(shop: Otto, daemon: Announce, environment: str = "prod") -> None:
    """The folder is imported with the environment, by a daemon that watches it."""
    assert shop("apply", "-f", "manifests", "--env", environment).code == 0
    root = str(shop.folder / "manifests")
    watched = {"folder": "manifests", "root": root, "environment": environment}
    daemon(manifests=watched)


def test_the_base_is_not_written_over_an_environment(shop: Otto, daemon: Announce) -> None:
    followed(shop, daemon)
    shop.write("elsewhere.yaml", manifest(action="Say nothing"))
    refusal = (
        "error: desk is from {root}, which the running daemon imports with the environment prod;"
        " this is the base alone\n"
        "hint: add --env prod; or, if you mean the base, --base\n"
    ).format(root=shop.folder / "manifests")
    for command in ("apply", "diff"):
        for files in ("manifests", "elsewhere.yaml", "manifests/desk.yaml"):
            done = shop(command, "-f", files)
            assert (done.code, done.out, done.err) == (1, "", refusal)
    assert shop("apply", "-f", "manifests", "--dry-run").err == refusal
    assert described(shop) == "Helps customers of Prod Ltd."
    assert shop("apply", "-f", "manifests", "--env", "prod").code == 0
    assert described(shop) == "Helps customers of Prod Ltd."
    assert shop("apply", "-f", "manifests", "--base", OTTO_ENV="prod").code == 0
    assert described(shop) == "Helps customers of the shop."


def test_one_file_has_the_overlays_of_its_folder(shop: Otto, daemon: Announce) -> None:
    shop.write("manifests/other.yaml", manifest("other", "Other"))
    patch = "    - {target: other, spec: {description: Of prod}}\n"
    shop.write("manifests/environments/more.yaml", OVERLAY.partition("    - ")[0] + patch)
    followed(shop, daemon)
    file = shop.folder / "manifests" / "desk.yaml"
    file.write_text(file.read_text().replace("customers", "everybody"))
    assert shop("validate", "manifests/desk.yaml", "--env", "prod").code == 0
    for command in (("apply", "--dry-run"), ("diff",)):
        done = shop(*command, "-f", "manifests/desk.yaml", "--env", "prod")
        assert "no overlay is for" not in done.err
    done = shop("apply", "-f", "manifests/desk.yaml", "--env", "prod")
    assert (done.code, done.err) == (0, "")
    assert described(shop) == "Helps everybody of Prod Ltd."
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["desk"]
    assert "no overlay is for" in shop("apply", "-f", "manifests/desk.yaml", "--env", "prdo").err


def test_one_file_beside_no_overlays_is_told_to_name_the_folder(shop: Otto) -> None:
    file = shop.write("elsewhere/desk.yaml", manifest())
    done = shop("apply", "-f", file, "--env", "prod")
    assert "no overlay is for the environment `prod` (name the folder in which its" in done.err


def test_another_environment_is_not_written_over_it(shop: Otto, daemon: Announce) -> None:
    followed(shop, daemon)
    shop.write("manifests/environments/test.yaml", OVERLAY.replace("prod", "test"))
    done = shop("apply", "-f", "manifests", "--env", "test")
    assert (done.code, done.out) == (1, "")
    assert "imports with the environment prod; this is the environment test\n" in done.err
    assert "hint: add --env prod; give each environment its own store\n" in done.err
    assert described(shop) == "Helps customers of Prod Ltd."


def test_what_the_daemon_has_not_is_applied_as_ever(shop: Otto, daemon: Announce) -> None:
    followed(shop, daemon)
    path = shop.write("elsewhere.yaml", manifest("other", "Other"))
    assert shop("apply", "-f", path).code == 0
    daemon(manifests={"folder": "manifests", "root": str(shop.folder / "manifests")})
    assert shop("apply", "-f", "manifests").code == 0


def test_the_base_beside_an_environment_is_refused(shop: Otto) -> None:
    for command in ("apply", "diff"):
        done = shop(command, "-f", "manifests", "--env", "prod", "--base")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("error: --base is the manifests without --env prod\n")

"""`targets` of the configuration file: what it may say, and where a mistake is told."""

from __future__ import annotations

import json

import pytest

from tests.cli.command import Otto

HEAD = "targets:\n  - name: eu\n    url: http://127.0.0.1:1\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  - {name: eu, url: 'http://127.0.0.1:2'}\n", "4:5: there are two targets 'eu'"),
        ("  - {name: us, url: 'http://127.0.0.1:1/'}\n", "4:5: 'eu' and 'us' have the same URL"),
        ("  - {name: us, url: 'ftp://x'}\n", "4:21: 'ftp://x' does not start with http://"),
        ("  - {name: us, url: 'http://me:pw@x'}\n", "4:21: there is a login in this URL"),
        ("  - {name: US, url: 'http://x'}\n", "4:12: 'US' is no name of a target"),
        ("  - {name: us}\n", "4:5: `url` is missing"),
        ("  - {name: us, url: 'http://x', shard: 3/2}\n", "'3/2' is no shard"),
        ("  - {name: us, url: 'http://x', shard: 1/2}\n", "4:5: 'eu' and 'us' are for the"),
        ("  - {name: us, url: 'http://x', selector: 'a ='}\n", None),
        ("  - {name: us, url: 'http://x', selector: 'a in'}\n", "is no selector of labels"),
        ("  - {name: us, url: 'http://x', token: abc}\n", "unknown key `token`"),
        ("parlant-url: http://x\n", "both `parlant-url` and `targets`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_target_has_its_place(otto: Otto, more: str, said: str | None) -> None:
    otto.write("otto.yaml", HEAD + more)
    shown = otto("config")
    if said is None:
        assert shown.code == 0, shown.err
        return
    assert shown.code == 1
    assert said in shown.err, shown.err
    assert "otto.yaml:" in shown.err


def test_shards_of_the_same_bots_are_numbered(otto: Otto) -> None:
    text = "targets:\n"
    for name, shard in (("a", "1/2"), ("b", "1/2")):
        text += f"  - {{name: {name}, url: 'http://{name}', shard: {shard}}}\n"
    otto.write("otto.yaml", text)
    assert "have the same shard 1/2" in otto("config").err
    otto.write(
        "otto.yaml",
        text.replace("b, url: 'http://b', shard: 1/2", "b, url: 'http://b', shard: 2/3"),
    )
    assert "their shards are of 2 and of 3" in otto("config").err


def test_config_shows_targets_and_no_token(otto: Otto) -> None:
    otto.write("otto.yaml", HEAD + "    token-env: EU_TOKEN\n    selector: region=eu\n")
    shown = otto("config", EU_TOKEN="s3cret-of-eu")
    assert "name eu, url http://127.0.0.1:1, token-env EU_TOKEN, selector region=eu" in shown.out
    assert "otto.yaml:2" in shown.out
    assert "s3cret-of-eu" not in shown.out + shown.err
    assert "run refuses" not in shown.err
    unset = otto("config")
    assert (
        "otto.yaml:1: target 'eu': the variable EU_TOKEN, its `token-env`, is not set" in unset.err
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "0"), "`targets` in the configuration file names several elsewhere"),
        (("--shard", "1/2"), "--shard is about one Parlant, and `targets` names several"),
        (("--tools", "tools.py"), "--tools hosts tools beside one Parlant"),
    ],
)
def test_what_is_for_one_parlant_is_refused_beside_targets(
    otto: Otto, words: tuple[str, ...], said: str
) -> None:
    otto.write("otto.yaml", HEAD)
    refused = otto("run", *words)
    assert refused.code == 1
    assert said in refused.err


def test_a_variable_in_a_target_that_is_not_set(otto: Otto) -> None:
    otto.write("otto.yaml", "targets:\n  - name: eu\n    url: ${EU_URL}\n")
    refused = otto("run")
    assert refused.code == 1
    assert "otto.yaml:3:10" in refused.err
    assert "EU_URL" in refused.err
    assert json.loads(otto("config", "-o", "json", EU_URL="http://x").out)["file"] == "otto.yaml"


def test_no_target_at_all_is_refused(otto: Otto) -> None:
    otto.write("otto.yaml", "targets: []\n")
    assert "`targets` is empty" in otto("config").err
    otto.write("otto.yaml", HEAD.replace("127.0.0.1:1", "127.0.0.1:1?token=abc"))
    refused = otto("config")
    assert "3:10: the URL of a Parlant server has no `?`" in refused.err
    assert "abc" not in refused.out


def test_routes_where_there_is_no_store(otto: Otto) -> None:
    shown = otto("routes")
    assert shown.code == 0
    assert "no bot is placed" in shown.err
    assert not (otto.folder / ".otto").exists()

"""Commits as a source: what is live is what the branch has, wherever it was moved."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from otto_reconcile.errors import SettingsError
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.settings import GitSettings, Settings
from otto_reconcile.sources import branch as branches
from otto_reconcile.store.memory import MemoryStore
from tests.reconcile.test_loop import until
from tests.sources.branches import Follower, Repo
from tests.sources.test_provenance import commit, git

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "CHECK", 0.1)


@pytest.fixture
def stores() -> Stores:
    return Stores.over(MemoryStore())


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def follower(repo: Repo, stores: Stores, tmp_path: Path) -> Follower:
    return Follower(repo.folder, stores, tmp_path / "data")


async def test_a_revision_says_which_commit_made_it(repo: Repo, follower: Follower) -> None:
    tip = repo.put("desk", message="Add the desk\n\nwith more below")
    assert await follower.restart() == "Imported"
    (event,) = follower.stores.desired.history("desk")
    source = event.source
    assert (source.commit, source.subject) == (tip[:12], "Add the desk")
    assert source.author == git(repo.folder, "log", "-1", "--format=%an <%ae>")
    assert source.path == "m/desk.yaml"
    assert source.committed is not None
    assert source.committed.endswith("+00:00")
    assert follower.told["commit"]["id"] == tip
    assert follower.told["branch"] == "main"


async def test_what_is_not_committed_is_never_live(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    async with follower.running():
        repo.write("desk", "Edited.")
        repo.write("shop")
        repo.git("add", "-A")  # not even what is staged
        repo.git("stash", "-q")
        repo.git("stash", "apply", "-q")
        repo.write("depot")
        git(repo.folder, "commit", "-q", "--allow-empty", "-m", "something else")
        repo.git("reset", "-q", "HEAD~1")
        (repo.folder / "other").write_text("x")
        git(repo.folder, "add", "other")
        tip = git(repo.folder, "commit", "-q", "-m", "x") or repo.git("rev-parse", "HEAD")
        await until(lambda: follower.told["commit"]["id"] == tip)
        assert follower.said() == "One."
        assert follower.stores.desired.read().bots.keys() == {"desk"}


async def test_a_move_of_the_branch_is_seen(repo: Repo, follower: Follower) -> None:
    first = repo.put("desk", text="One.")
    async with follower.running():
        repo.put("desk", text="Two.")
        await until(lambda: follower.said() == "Two.")
        repo.git("pack-refs", "--all")
        repo.git("gc", "-q")
        repo.put("desk", text="Three.")
        await until(lambda: follower.said() == "Three.")
        repo.git("reset", "-q", "--hard", first)
        await until(lambda: follower.said() == "One.")
        repo.put("desk", text="Other.")  # a history of its own
        await until(lambda: follower.said() == "Other.")
        assert follower.state == "Imported"


async def test_broken_commit_is_kept_out_and_mended(repo: Repo, follower: Follower) -> None:
    good = repo.put("desk", "shop", text="One.")
    async with follower.running():
        file = repo.write("desk", "Two.")
        file.write_text(file.read_text().replace("spec:", "spec: ["))
        repo.write("shop", "Two.")
        bad = commit(repo.folder, "Break it")
        await until(lambda: follower.state == "Refused")
        assert "m/desk.yaml:" in follower.problem
        assert "otto-commit-" not in follower.problem
        told = follower.told
        assert (told["commit"]["id"], told["refused"]["id"]) == (good, bad)
        assert told["refused"]["subject"] == "Break it"
        assert (follower.said(), follower.said("shop")) == ("One.", "One."), "not half of it"
        repo.git("revert", "--no-edit", "HEAD")
        await until(lambda: follower.state == "Imported")
        assert not follower.told["problems"]
        assert follower.told["refused"] is None


async def test_a_restart_with_a_branch_moved_back_meanwhile(repo: Repo, follower: Follower) -> None:
    first = repo.put("desk", text="One.")
    repo.put("desk", text="Two.")
    assert await follower.restart() == "Imported"
    repo.git("reset", "-q", "--hard", first)
    assert await follower.restart() == "Imported"
    assert follower.said() == "One."


async def test_a_lagging_clone_reverts_nothing(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    repo.put("desk", text="One.")
    lagging = tmp_path / "lagging"
    git(tmp_path, "clone", "-q", str(repo.folder), str(lagging))
    tip = repo.put("desk", text="Two.")
    one = Follower(repo.folder, stores, tmp_path / "data1")
    two = Follower(lagging, stores, tmp_path / "data2")
    assert await one.restart() == "Imported"
    for _ in range(2):
        assert await two.restart() == "Behind"
        assert tip[:12] in two.problem
        assert await one.restart() == "Imported"
        assert one.said() == "Two."
    async with one.running(), two.running():
        git(lagging, "pull", "-q")
        await until(lambda: two.state == "Imported")
        repo.put("desk", text="Three.")
        await until(lambda: two.state == "Behind")
        assert one.said() == "Three."
    # A rollback by one is not undone by the other, which still has the newer commit.
    git(lagging, "pull", "-q")
    assert await two.restart() == "Imported"
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert await one.restart() == "Imported"
    assert one.said() == "Two."
    assert await two.restart() == "Behind"
    async with one.running(), two.running():
        await until(lambda: two.state == "Behind")
    assert one.said() == "Two."


async def test_a_branch_that_goes_leaves_its_bots(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk", text="One.")
    follower = Follower(repo.folder, stores, tmp_path / "data", branch="main")
    async with follower.running():
        repo.git("checkout", "-q", "-b", "other")
        repo.git("branch", "-D", "main")
        await until(lambda: follower.state == "Missing")
        assert "there is no branch main; there are: other" in follower.problem
        assert follower.said() == "One."
        repo.put("desk", text="Two.")
        repo.git("branch", "main")
        await until(lambda: follower.said() == "Two.")
        assert follower.state == "Imported"


async def test_the_current_branch_renamed_is_followed(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    async with follower.running():
        repo.git("branch", "-m", "main", "trunk")
        await until(lambda: follower.told["branch"] == "trunk")
        repo.put("desk", text="Two.")
        await until(lambda: follower.said() == "Two.")
        repo.git("branch", "-m", "trunk", "between")
        repo.git("branch", "-m", "between", "base")
        repo.put("desk", text="Three.")
        await until(lambda: follower.said() == "Three.")
        assert (follower.told["branch"], follower.state) == ("base", "Imported")


async def test_a_checkout_of_another_branch_changes_nothing(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    async with follower.running():
        repo.git("checkout", "-q", "-b", "feature")
        repo.put("desk", text="Feature.")
        repo.git("checkout", "-q", "--detach")
        repo.git("checkout", "-q", "main")
        repo.put("shop")
        await until(lambda: follower.said("shop") == "Helps.")
        assert follower.said() == "One."


async def test_rebase_halfway_and_a_lock_are_not_met(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    async with follower.running():
        repo.git("checkout", "-q", "-b", "topic")
        repo.put("desk", text="Topic.")
        repo.git("checkout", "-q", "main")
        repo.put("desk", text="Two.")
        with pytest.raises(subprocess.CalledProcessError):
            repo.git("rebase", "topic")  # a conflict, with HEAD between
        (repo.folder / ".git" / "index.lock").touch()
        await until(lambda: follower.said() == "Two.")
        assert follower.state == "Imported"
        assert (repo.folder / ".git" / "index.lock").exists()
    assert await follower.restart() == "Unreachable"
    assert "is at no branch now (name the one to follow with --branch)" in follower.problem
    assert follower.said() == "Two."


async def test_submodules_and_links_are_named(
    repo: Repo, follower: Follower, tmp_path: Path
) -> None:
    (tmp_path / "secret.yaml").write_text("secret")
    other = Repo(tmp_path / "other")
    other.put("far")
    repo.git("submodule", "add", "-q", str(other.folder), "m/vendor")
    (repo.folder / "shared").mkdir()
    repo.write("shop").rename(repo.folder / "shared" / "shop.yaml")
    (repo.folder / "m" / "shop.yaml").symlink_to("../shared/shop.yaml")
    (repo.folder / "m" / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    (repo.folder / "m" / "more").symlink_to("../shared")
    repo.put("desk")
    assert await follower.restart() == "Imported"
    assert follower.stores.desired.read().bots.keys() == {"desk", "shop"}
    notes = " ".join(follower.told["notes"])
    assert "m/vendor:1:1: this is a submodule" in notes
    assert "m/out.yaml:1:1: this link leads out of the commit, and is not followed" in notes
    assert "m/more:1:1: this link leads to a folder, and is not followed" in notes


async def test_link_in_place_of_a_manifest_is_refused(repo: Repo, follower: Follower) -> None:
    repo.put("desk")
    assert await follower.restart() == "Imported"
    (repo.folder / "m" / "desk.yaml").unlink()
    (repo.folder / "m" / "desk.yaml").symlink_to("/etc/hosts")
    commit(repo.folder)
    assert await follower.restart() == "Refused"
    assert "m/desk.yaml:1:1: the manifest of desk was here" in follower.problem
    assert follower.said() == "Helps."


async def test_included_texts_and_ignored_files(repo: Repo, follower: Follower) -> None:
    text = repo.write("desk").read_text().replace("Helps.", "!file texts/desk.md")
    (repo.folder / "m" / "desk.yaml").write_text(text)
    (repo.folder / "m" / "texts").mkdir()
    (repo.folder / "m" / "texts" / "desk.md").write_text("From a file.")
    (repo.folder / "m" / ".ottoignore").write_text("draft*\n")
    (repo.folder / "m" / "draft.yaml").write_text("apiVersion: otto/v1\nkind: Nothing\n")
    commit(repo.folder)
    assert await follower.restart() == "Imported"
    assert follower.said() == "From a file."
    (repo.folder / "m" / "texts" / "desk.md").write_bytes(b"\xff\xfe\0")
    commit(repo.folder)
    assert await follower.restart() == "Refused"
    assert "m/texts/desk.md" in follower.problem
    (repo.folder / "m" / "texts" / "desk.md").unlink()
    commit(repo.folder)
    assert await follower.restart() == "Refused"
    assert "`texts/desk.md` cannot be included" in follower.problem
    assert follower.said() == "From a file."


@pytest.mark.parametrize("name", ["große bots/ä b.yaml", "tab\tin.yaml", "quote\"'.yaml"])
async def test_names_of_files_that_need_care(repo: Repo, follower: Follower, name: str) -> None:
    file = repo.write("desk")
    target = repo.folder / "m" / name
    target.parent.mkdir(exist_ok=True)
    file.rename(target)
    commit(repo.folder)
    assert await follower.restart() == "Imported"
    assert follower.stores.desired.get("desk").source.path == f"m/{name}"


LARGE = "#" * 2_000_000 + "\n"


@pytest.mark.parametrize("order", ["{0}{1}", "{1}{0}"], ids=["mark at the end", "at the start"])
async def test_a_manifest_too_large_is_refused_by_its_name(
    repo: Repo, follower: Follower, order: str
) -> None:
    repo.put("desk", "shop", "depot", *(f"bot-{number}" for number in range(20)))
    assert await follower.restart() == "Imported"
    text = (repo.folder / "m" / "desk.yaml").read_text()
    (repo.folder / "m" / "desk.yaml").unlink()
    (repo.folder / "m" / "desk2.yaml").write_text(order.format(LARGE, text))
    commit(repo.folder)
    assert await follower.restart() == "Refused"
    assert "m/desk2.yaml:1:1: the file is larger than 1 MB (split it" in follower.problem
    assert follower.said() == "Helps.", "it is live still"


async def test_a_large_file_of_another_program_is_left_out(repo: Repo, follower: Follower) -> None:
    (repo.folder / "m" / "lock.json").write_text('{"x": "' + "y" * 2_000_000 + '"}')
    repo.put("desk")
    assert await follower.restart() == "Imported"
    (note,) = follower.told["notes"]
    assert note.startswith("m/lock.json:1:1: this is no manifest: the file is larger than 1 MB")


@pytest.mark.parametrize("target", ["gone.yaml", "desk.yaml/x", "more.yaml"])
async def test_a_manifest_that_is_a_broken_link_is_refused(
    repo: Repo, follower: Follower, target: str
) -> None:
    repo.put("desk")
    (repo.folder / "m" / "more.yaml").symlink_to(target)
    commit(repo.folder)
    assert await follower.restart() == "Refused"
    assert "m/more.yaml:1:1: there is no such file" in follower.problem


@pytest.mark.parametrize("path", [".bots", ".bots/desk.yaml", ".bots/desk.bot"])
async def test_a_hidden_folder_that_is_named_is_read(
    repo: Repo, stores: Stores, tmp_path: Path, path: str
) -> None:
    (repo.folder / ".bots").mkdir()
    repo.write("desk").rename(repo.folder / ".bots" / "desk.yaml")
    if path.endswith(".bot"):
        (repo.folder / ".bots" / "desk.yaml").rename(repo.folder / path)
    commit(repo.folder)
    follower = Follower(repo.folder, stores, tmp_path / "data", path=path)
    assert await follower.restart() == "Imported"
    assert follower.said() == "Helps."


async def test_tree_that_leads_out_of_the_repository(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    """Git makes no such names, but somebody else can."""
    repo.put("desk")
    follower = Follower(repo.folder, stores, tmp_path / "data", path=".")
    assert await follower.restart() == "Imported"
    outside = tmp_path / "escaped.yaml"
    blob = bytes.fromhex(repo.git("rev-parse", "HEAD:m/desk.yaml"))
    names = (f"{outside}", "../escaped.yaml", "a/../../escaped.yaml")
    for name in names:
        (tmp_path / "raw").write_bytes(b"100644 " + name.encode() + b"\0" + blob)
        raw = str(tmp_path / "raw")
        tree = repo.git("hash-object", "-t", "tree", "--literally", "-w", raw)
        repo.git("update-ref", "refs/heads/main", repo.git("commit-tree", tree, "-m", "evil"))
        assert await follower.restart() in ("Refused", "Imported")
        assert follower.said() == "Helps."
    assert not outside.exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "there is no such folder"),
        (lambda folder: folder.mkdir(), "is no Git repository"),
        (
            lambda folder: (folder.mkdir(), git(folder, "init", "-q", "-b", "main")),
            "no branch main",
        ),
    ],
    ids=["nothing", "a folder", "no commit"],
)
async def test_what_is_no_repository_is_told_and_waited_for(
    tmp_path: Path, stores: Stores, make: object, said: str
) -> None:
    folder = tmp_path / "later"
    make(folder)  # type: ignore[operator]
    follower = Follower(folder, stores, tmp_path / "data")
    async with follower.running():
        assert follower.state in ("Unreachable", "Missing")
        assert said in follower.problem
        other = Repo(tmp_path / "made")
        other.put("desk")
        if folder.exists():
            subprocess.run(["rm", "-rf", str(folder)], check=True)
        other.folder.rename(folder)
        await until(lambda: follower.state == "Imported")
        assert follower.said() == "Helps."


async def test_a_path_that_the_commit_has_not(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    repo.put("desk")
    follower = Follower(repo.folder, stores, tmp_path / "data", path="bots")
    assert await follower.restart() == "Refused"
    assert "bots:1:1: there is nothing of this name in commit" in follower.problem
    assert "--path" in follower.problem


@pytest.mark.parametrize("path", [".", "m/desk.yaml", "m/"])
async def test_paths_in_a_repository(repo: Repo, stores: Stores, tmp_path: Path, path: str) -> None:
    repo.put("desk")
    follower = Follower(repo.folder, stores, tmp_path / "data", path=path)
    assert await follower.restart() == "Imported"
    assert follower.said() == "Helps."


@pytest.mark.parametrize("path", ["/etc", "../m", "m/../../x"])
def test_paths_that_are_in_no_repository(path: str) -> None:
    with pytest.raises(SettingsError, match="no path inside a repository"):
        GitSettings("repo", None, path)


async def test_from_a_folder_to_its_commits(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    """The bots stay, and those that the commits do not have any more go."""
    from tests.sources.test_lineage import Replica

    repo.put("desk", "shop", *(f"bot-{number}" for number in range(20)))
    assert await Replica(repo.folder / "m", stores).restart() == "Imported"
    follower = Follower(repo.folder, stores, tmp_path / "data")
    assert await follower.restart() == "Imported"
    assert follower.said("shop") == "Helps."
    (repo.folder / "m" / "shop.yaml").unlink()
    commit(repo.folder)
    assert await follower.restart() == "Imported"
    assert follower.said("shop") is None
    source = stores.desired.history("shop", 1)[0].source
    assert source.commit == repo.git("rev-parse", "--short=12", "HEAD")


async def test_a_shallow_clone_is_read(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    repo.put("desk", text="One.")
    repo.put("desk", text="Two.")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo.folder}", str(shallow))
    follower = Follower(shallow, stores, tmp_path / "data")
    async with follower.running():
        assert follower.said() == "Two."
        repo.put("desk", text="Three.")
        git(shallow, "fetch", "-q", "--depth=1")
        git(shallow, "reset", "-q", "--hard", "origin/main")
        await until(lambda: follower.said() == "Three.")


async def test_partial_clone_that_lacks_content_says_so(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk")
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    url = f"file://{repo.folder}"
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", url, str(partial))
    follower = Follower(partial, stores, tmp_path / "data")
    assert await follower.restart() == "Unreachable"
    assert "this clone lacks the content of m/desk.yaml" in follower.problem
    assert "name its remote with --git" in follower.problem


async def test_only_signed_commits_are_imported(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    key, strange = tmp_path / "key", tmp_path / "strange"
    for one in (key, strange):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(one)]
        subprocess.run(command, check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"ann@example.com {key.with_suffix('.pub').read_text()}")
    signed = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}")
    repo.write("desk", "One.")
    repo.git("add", "-A")
    repo.git(*signed, "commit", "-q", "-S", "-m", "signed")
    follower = Follower(repo.folder, stores, tmp_path / "data", signers=signers)
    assert await follower.restart() == "Imported"
    repo.put("desk", text="Unsigned.")
    assert await follower.restart() == "Refused"
    assert f"is not signed by a key of {signers}" in follower.problem
    repo.write("desk", "Strange.")
    repo.git("add", "-A")
    repo.git("-c", "gpg.format=ssh", "-c", f"user.signingkey={strange}", "commit", "-qS", "-m", "x")
    assert await follower.restart() == "Refused"
    assert follower.said() == "One."
    repo.git("commit", "-q", "--allow-empty", "--amend", "-m", "x", "--no-gpg-sign")
    repo.write("desk", "Two.")
    repo.git("add", "-A")
    repo.git(*signed, "commit", "-qS", "-m", "signed again")
    assert await follower.restart() == "Imported"
    assert follower.said() == "Two."


@pytest.mark.parametrize("written", ["allowed", "../allowed", "./sub/../allowed"])
async def test_signers_are_those_of_the_working_directory(
    repo: Repo,
    stores: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
) -> None:
    """Git runs in the repository, where a committer may put a file of the same name."""
    keys = {name: tmp_path / name for name in ("ann", "mallory")}
    for key in keys.values():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(command, check=True)
    lines = {n: f"{n}@example.com {k.with_suffix('.pub').read_text()}" for n, k in keys.items()}
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    for file in (here / "allowed", tmp_path / "allowed"):
        file.write_text(lines["ann"])
    for file in (repo.folder / "allowed", repo.folder / ".git" / "allowed"):
        file.write_text(lines["mallory"])
    monkeypatch.chdir(here)
    signers = Settings(git_verify=Path(written)).git_verify
    follower = Follower(repo.folder, stores, tmp_path / "data", signers=signers)
    for name, state in (("ann", "Imported"), ("mallory", "Refused")):
        repo.write("desk", name)
        repo.git("add", "-A")
        signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={keys[name]}")
        repo.git(*signing, "commit", "-qS", "-m", name)
        assert await follower.restart() == state, follower.problem
        assert follower.said() == "ann"


async def test_no_program_of_the_repository_says_who_signed(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    """A signature of another form would be shown to the program that the repository names."""
    program, ran = tmp_path / "gpg", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {ran}\necho '[GNUPG:] GOODSIG 1 ann' >&2\nexit 0\n")
    program.chmod(0o755)
    for name in ("gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"):
        repo.git("config", name, str(program))
    tip = repo.put("desk")
    raw = repo.git("cat-file", "commit", tip)
    head, _, message = raw.partition("\n\n")
    signers = tmp_path / "signers"
    signers.write_text("ann@example.com ssh-ed25519 AAAA\n")
    for form in ("PGP SIGNATURE", "SSH SIGNATURE", "SIGNED MESSAGE"):
        signature = f"gpgsig -----BEGIN {form}-----\n \n AAAA\n -----END {form}-----"
        (tmp_path / "raw").write_text(f"{head}\n{signature}\n\n{message}\n")
        forged = repo.git("hash-object", "-t", "commit", "-w", str(tmp_path / "raw"))
        repo.git("update-ref", "refs/heads/main", forged)
        follower = Follower(repo.folder, stores, tmp_path / "data", signers=signers)
        assert await follower.restart() == "Refused", form
    assert not ran.exists()
    assert not stores.desired.read().bots


async def test_deleted_branch_is_not_the_one_beside_it(repo: Repo, follower: Follower) -> None:
    """Without --branch, and at the same commit: Git's log alone says what a rename is."""
    repo.put("desk", text="One.")
    async with follower.running():
        repo.git("checkout", "-q", "-b", "feature")
        repo.git("branch", "-D", "main")
        await until(lambda: follower.state == "Missing")
        repo.put("desk", text="Feature.")
        repo.git("checkout", "-q", "-b", "main", "HEAD~1")
        repo.put("desk", text="Main.")
        await until(lambda: follower.said() == "Main.")
        repo.git("checkout", "-q", "-b", "other")
        repo.git("branch", "-m", "main", "trunk")
        await until(lambda: follower.told["branch"] == "trunk")
        assert (follower.state, follower.said()) == ("Imported", "Main.")


@pytest.mark.parametrize("how", ["fault", "branch", "away"])
async def test_what_is_in_force_is_known_after_a_start(
    repo: Repo, stores: Stores, tmp_path: Path, how: str
) -> None:
    good = repo.put("desk", text="One.")
    follower = Follower(repo.folder, stores, tmp_path / "data", branch="main")
    assert await follower.restart() == "Imported"
    if how == "fault":
        (repo.folder / "m" / "bad.yaml").write_text("apiVersion: otto/v1\nkind: Bot\nspec: [")
        commit(repo.folder)
    elif how == "branch":
        repo.git("branch", "-m", "main", "other")
    state = await follower.restart()
    assert state == {"fault": "Refused", "branch": "Missing", "away": "Imported"}[how]
    assert follower.told["commit"]["id"] == good


async def test_all_manifests_gone_wait_for_a_person(repo: Repo, follower: Follower) -> None:
    repo.put("desk", "shop")
    assert await follower.restart() == "Imported"
    repo.git("rm", "-rq", "m")
    (repo.folder / "README").write_text("nothing left")
    tip = commit(repo.folder)
    assert await follower.restart() == "Imported"
    assert "refused to delete all bots of this folder at once: desk, shop" in follower.problem
    assert "otto-reconcile delete desk shop" in follower.problem
    assert follower.told["commit"]["id"] == tip
    assert follower.said() == "Helps."


@pytest.mark.parametrize("before", [("desk",), ("desk", "shop")])
async def test_new_bots_make_up_for_no_loss(
    repo: Repo, follower: Follower, before: tuple[str, ...]
) -> None:
    repo.put(*before)
    assert await follower.restart() == "Imported"
    repo.git("rm", "-rq", "m")
    (repo.folder / "m").mkdir(exist_ok=True)
    repo.put("new", "newer")
    assert await follower.restart() == "Imported"
    names = ", ".join(before)
    assert f"refused to delete all bots of this folder at once: {names}" in follower.problem
    assert {*follower.stores.desired.read().bots} == {*before, "new", "newer"}
    repo.put(*before[:1])  # some of it is back
    assert await follower.restart() == "Imported"
    assert follower.said() == "Helps."


async def test_a_renamed_bot_is_no_loss_beside_new_ones(repo: Repo, follower: Follower) -> None:
    repo.put("desk")
    assert await follower.restart() == "Imported"
    repo.git("rm", "-q", "m/desk.yaml")
    (repo.folder / "m").mkdir(exist_ok=True)
    repo.put("new")
    renamed = repo.write("counter")
    text = renamed.read_text().replace("{id: counter", "{id: counter, renamedFrom: desk")
    renamed.write_text(text)
    assert "renamedFrom" in text
    commit(repo.folder)
    assert await follower.restart() == "Imported"
    assert follower.problem == ""
    assert {*follower.stores.desired.read().bots} == {"counter", "new"}


async def test_a_bot_in_two_sources_stays_where_it_is(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk", "shared", text="One.")
    second = Repo(tmp_path / "second")
    second.put("shop", "shared", text="Two.")
    one = Follower(repo.folder, stores, tmp_path / "data")
    two = Follower(second.folder, stores, tmp_path / "data")

    async def both() -> tuple[str, str]:
        states = []
        for follower, other in ((one, two), (two, one)):
            follower.start()
            follower.branch.beside(frozenset({other.branch.name}))
            assert await follower.branch.import_now()
            states.append(follower.state)
        return states[0], states[1]

    for _ in range(2):
        assert await both() == ("Imported", "Refused")
        assert "bot 'shared' is also in m/shared.yaml of git:" in two.problem
        assert (one.said("shared"), one.said("shop")) == ("One.", None)
    repo.git("rm", "-q", "m/shared.yaml")
    repo.put("depot", "more", *(f"bot-{number}" for number in range(12)))
    assert await both() == ("Imported", "Imported")
    assert (one.said("shared"), one.said("shop")) == ("Two.", "Two.")

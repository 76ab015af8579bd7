"""Git runs with our configuration only, within its bounds, and its errors say nothing secret."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from autofix.exceptions import EditRefused, PushFailed, RepositoryUnavailable
from autofix.scm.git import Git, checked_sha, checked_url, is_safe_name, without_credentials
from tests.repositories import bare_repository, git, path_of


@pytest.fixture
def store(tmp_path: Path) -> Git:
    """Git on a small bare repository."""
    return Git(path_of(bare_repository(tmp_path)))


def test_nothing_of_the_surroundings_gets_in(
    store: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither GIT_ variables nor a home's configuration nor an asking program reach the command."""
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Home\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'user.name=Variable'")
    monkeypatch.setenv("GIT_ASKPASS", "/bin/false")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    settings = store.run("config", "--list").text
    assert "user.name" not in settings
    assert "protocol.allow=never" in settings
    assert "core.hookspath=/dev/null" in settings
    assert "commit" in store.run("show", "main").text


def test_it_does_not_run_in_the_callers_folder(store: Git) -> None:
    """What lies in the worker's own folder is never what git looks at."""
    printed = store.run("rev-parse", "--show-prefix", "--git-dir").text
    assert os.getcwd() not in printed  # noqa: PTH109  # the process's folder is the point


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% x", "fd::7", "git://example.com/x", "http://example.com/x"]
)
def test_other_transports_have_no_url(store: Git, url: str) -> None:
    """Only https, ssh and (where configured) local paths can be named at all."""
    with pytest.raises(RepositoryUnavailable, match="not one that git may be given"):
        Git(store.git_dir, url=url, local=True).run("fetch", "origin")


@pytest.mark.parametrize(
    "url", ["--upload-pack=x", "-x", "ssh://-oProxyCommand=x/y", "git@-x:y", "", "x\ny", "../up"]
)
def test_urls_that_are_options_are_refused(url: str) -> None:
    """Neither a url nor a host in it can be an option."""
    with pytest.raises(RepositoryUnavailable):
        checked_url(url)


def test_a_local_path_needs_the_local_transport(store: Git, tmp_path: Path) -> None:
    """The file transport stays off unless the repository is configured as local."""
    url = store.git_dir.as_uri()
    git(tmp_path, "init", "--quiet", "--bare", "copy.git")
    remote = Git(tmp_path / "copy.git", url=url)
    with pytest.raises(RepositoryUnavailable, match="transport 'file' not allowed"):
        remote.run("fetch", "origin", "main")
    Git(tmp_path / "copy.git", url=url, local=True).run("fetch", "origin", "main")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("main", True), ("autofix/shop-1", True), ("1.0+5", True), ("v1@x", True),
        ("-x", False), ("", False), ("a..b", False), ("a@{1}", False), ("a:b", False), ("a^", False), ("a b", False),
        ("a//b", False), ("a/", False), ("a.lock", False), (".a", False), ("a/.b", False), ("x" * 256, False),
    ],
)  # fmt: skip
def test_safe_names(name: str, safe: bool) -> None:
    """Names that git would take for options, ranges or revisions are not safe."""
    assert is_safe_name(name) is safe


@pytest.mark.parametrize("sha", ["main", "HEAD", "abc1234", "--all", "", "G" * 40])
def test_a_pin_is_a_full_sha(sha: str) -> None:
    """Nothing that may move, and no option, can be a pin."""
    with pytest.raises(RepositoryUnavailable):
        checked_sha(sha)


def test_a_command_that_takes_too_long_is_ended(store: Git) -> None:
    """The time limit holds for a git that waits for input that never comes, and for what it started."""
    started = time.monotonic()
    with pytest.raises(PushFailed, match="did not end within 1 s"):
        store.run("-c", "alias.wait=!sleep 60", "wait", timeout_s=1, failure=PushFailed)
    assert time.monotonic() - started < 30


def test_output_is_bounded(store: Git) -> None:
    """Past its limit a command is stopped: an error, or what came so far where that is wanted."""
    with pytest.raises(EditRefused, match="more than 10 bytes"):
        store.run("log", limit=10, failure=EditRefused)
    cut = store.run("log", limit=10, cut=True)
    assert cut.truncated
    assert len(cut.stdout) == 10


def test_an_error_has_its_type_and_gits_reason(store: Git) -> None:
    """The caller says what a failure means; git says why."""
    with pytest.raises(PushFailed, match=r"git cat-file failed: .*Not a valid object name"):
        store.run("cat-file", "blob", "nothing", failure=PushFailed)
    assert store.run("rev-parse", "--verify", "--quiet", "nothing", accept=(0, 1)).code == 1


def test_credentials_stay_out_of_messages() -> None:
    """Userinfo of any url is removed, the given url's also where it stands alone, and so are control characters."""
    complaint = (
        "fatal: unable to access 'https://bot:s3cret@example.com/x.git/'\nremote: \x1b[31ms3cret is wrong"
    )
    message = without_credentials(complaint, "https://bot:s3cret@example.com/x.git")
    assert "s3cret" not in message
    assert "bot" not in message
    assert "\x1b" not in message
    assert "example.com/x.git" in message


def test_credentials_stay_off_the_command_line(store: Git) -> None:
    """The url reaches git by its environment, which other users of the machine cannot read."""
    remote = Git(store.git_dir, url="https://bot:s3cret@localhost:1/x.git")
    with pytest.raises(RepositoryUnavailable) as refused:
        remote.run("ls-remote", "origin", timeout_s=20)
    assert "s3cret" not in refused.value.detail
    assert not any("s3cret" in option for option in remote._options())

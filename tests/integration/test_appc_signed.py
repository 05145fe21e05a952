#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""App Container Images that must be signed by a trusted key."""
import concurrent.futures
import json
import mmap
import os
import shutil
import subprocess
import tempfile
import time

from aci_files import aci, app, busybox, manifest, pairs
import cli
from image_files import f
import tap


class Keys:
    """Keys of the test's own; one of them is trusted."""

    def __init__(self, work):
        # The socket of gpg-agent wants a short path.
        self.home = tempfile.mkdtemp(prefix="ucr-gpg-")
        for name in ("trusted", "other"):
            self.gpg("--quick-generate-key", f"{name}@example.com", "rsa2048", "sign", "never")
        self.keyring = os.path.join(work, "keys.gpg")
        self.gpg("--output", self.keyring, "--export", "trusted@example.com")
        self.config = os.path.join(work, "registries.json")
        with open(self.config, "w", encoding="ascii") as file:
            json.dump({"trusted_keys": self.keyring}, file)

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def gpg(self, *args):
        subprocess.run(["gpg", "--homedir", self.home, "--batch", "--yes", "--quiet",
                        "--passphrase", "", "--pinentry-mode", "loopback", *args],
                       check=True, capture_output=True)

    def sign(self, path, name="trusted"):
        self.gpg("--armor", "--local-user", f"{name}@example.com", "--output", path + ".asc",
                 "--detach-sign", path)


def run(keys, path, root):
    return cli.run("run", "--rm", "--registries", keys.config, path, root=root)


def with_keys(test):
    def wrapped(work):
        if not shutil.which("gpg") or not shutil.which("gpgv"):
            raise tap.Skip("needs gpg and gpgv")
        with Keys(work) as keys:
            test(work, keys, os.path.join(work, "root"))
    return wrapped


@with_keys
def test_signed(work, keys, root):
    """a signed image runs; without its signature, changed, by another key: nothing is stored"""
    path = os.path.join(work, "app.aci")
    app(path, ["/bin/echo", "signed"])
    keys.sign(path)
    result = run(keys, path, root)
    assert result.out == "signed\n", result
    other = os.path.join(work, "other")
    keys.sign(path, "other")
    for spoil, word in ((None, "not among the trusted ones"),
                        (lambda: os.unlink(path + ".asc"), "not signed"),
                        (lambda: open(path + ".asc", "w", encoding="ascii").write("nothing"),
                         "no signature")):
        if spoil:
            spoil()
        result = run(keys, path, other)
        assert result.status == 125 and word in result.err, result
        assert cli.good("images", "-q", root=other).out == ""
    keys.sign(path)
    app(path, ["/bin/echo", "changed"])
    result = run(keys, path, other)
    assert result.status == 125 and "not what was signed" in result.err, result
    with open(path, "rb") as file:
        done = subprocess.run([cli.UCRCTL, "--root", other, "run", "--rm", "--registries",
                               keys.config, "aci:-"], stdin=file, capture_output=True, text=True,
                              check=False)
    assert done.returncode == 125 and "standard input" in done.stderr, done
    # Without trusted keys nobody asks, and other archives have no signatures.
    assert cli.run("run", "--rm", path, root=other).out == "changed\n"
    assert run(keys, cli.busybox_archive(), other).status == 0


@with_keys
def test_dependencies_are_signed(work, keys, root):
    base = os.path.join(work, "base-1-linux-amd64.aci")
    labels = {"version": "1", "os": "linux", "arch": "amd64"}
    aci(base, manifest("example.com/base", labels), *busybox(), f("rootfs/f", "base\n"))
    path = os.path.join(work, "app.aci")
    need = {"imageName": "example.com/base", "labels": pairs({"version": "1"})}
    aci(path, manifest(app={"exec": ["/bin/cat", "/f"]}, dependencies=[need]), f("rootfs/x", ""))
    keys.sign(path)
    result = run(keys, path, root)
    assert result.status == 125 and "example.com/base" in result.err, result
    assert "not signed" in result.err, result
    keys.sign(base, "other")
    assert "trusted" in run(keys, path, root).err
    keys.sign(base)
    result = run(keys, path, root)
    assert result.out == "base\n", result


# Says that it was started, waits for a change of what it is to check, checks, and does so again.
GPGV = """#!/bin/sh
turn() { mkdir {0}/$1; n=0; until [ -d {0}/$1-go ] || [ $n = 100 ]; do sleep 0.1; n=$((n + 1)); done; }
[ -d {0}/before ] || turn before
{1} "$@"; status=$?
[ -d {0}/after ] || turn after
exit $status
"""


def changing(place, path, changes):
    """Changes the file at each turn, by a mapping: its times tell nothing of that for long."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        at = data.find(b"good")
        data[at:at + 4] = b"evil" if changes[0] else b"good"
        yield
        for turn, is_evil in zip(("before", "after"), changes[1:]):
            for _ in range(100):
                if os.path.isdir(os.path.join(place, turn)):
                    break
                time.sleep(0.1)
            data[at:at + 4] = b"evil" if is_evil else b"good"
            os.mkdir(os.path.join(place, turn + "-go"))
        yield
        data[at:at + 4] = b"good"
        yield


@with_keys
def test_changed_around_the_check(work, keys, root):
    """what was checked is what is read, whoever may write to the files meanwhile"""
    labels = {"version": "1", "os": "linux", "arch": "amd64"}
    base, path = os.path.join(work, "base-1-linux-amd64.aci"), os.path.join(work, "app.aci")
    need = {"imageName": "example.com/base", "labels": pairs({"version": "1"})}
    aci(base, manifest("example.com/base", labels), *busybox(), f("rootfs/f", "good\n"))
    keys.sign(base)
    alone = os.path.join(work, "alone.aci")
    app(alone, ["/bin/cat", "/f"], f("rootfs/f", "good\n"))
    keys.sign(alone)
    aci(path, manifest(app={"exec": ["/bin/cat", "/f"]}, dependencies=[need]), f("rootfs/x", ""))
    keys.sign(path)
    # Evil when: at first, once the check began, once it is over.
    for image, changed, changes in ((path, base, (False, False, True)),
                                    (alone, alone, (False, False, True)),
                                    (alone, alone, (True, False, False)),
                                    (path, base, (True, False, False))):
        place = tempfile.mkdtemp(prefix="ucr-gpgv-")
        os.chmod(place, 0o777)
        with open(os.path.join(place, "gpgv"), "w", encoding="ascii") as file:
            file.write(GPGV.replace("{0}", place).replace("{1}", shutil.which("gpgv")))
        os.chmod(os.path.join(place, "gpgv"), 0o755)
        steps = changing(place, changed, changes)
        next(steps)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = pool.submit(cli.run, "run", "--rm", "--registries", keys.config, image, root=root,
                               env={"PATH": place + ":" + os.environ["PATH"]})
            next(steps)
            result = done.result()
        next(steps)
        steps.close()
        shutil.rmtree(place)
        shutil.rmtree(root)
        assert "evil" not in result.out, (changes, result)
        assert result.out == "good\n" or "signed" in result.err or "changed" in result.err, result


@with_keys
def test_keys_that_cannot_be_read(work, keys, root):
    path = os.path.join(work, "app.aci")
    app(path, ["/bin/true"])
    keys.sign(path)
    for keyring, word in (("/nonexistent/keys.gpg", "/nonexistent/keys.gpg"),
                          ("keys.gpg", "absolute"), ("/dev/null", "trusted")):
        with open(keys.config, "w", encoding="ascii") as file:
            json.dump({"trusted_keys": keyring}, file)
        result = run(keys, path, root)
        assert result.status == 125 and word in result.err, (keyring, result)


if __name__ == "__main__":
    if not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

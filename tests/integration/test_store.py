#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The image store through ucrctl: what is loaded, shared, removed, and what survives a kill."""
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import cli
import tap
from archives import docker_archive, layer

UCRCTL = os.path.join(tap.build_dir(), "bin", "ucrctl")
BASE = layer({"etc/base": b"base\n"})
PRIVATE = layer({"private": None, "private/secret": b"secret\n"}, uid=5, gid=6, mode=0o700)
APP = layer({"etc/app": b"app\n"}, uid=5, gid=6)


# Nobody's own logins and configuration.
NO_LOGINS = {"DOCKER_CONFIG": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent",
             "REGISTRY_AUTH_FILE": "", "XDG_RUNTIME_DIR": "/nonexistent"}


class Store:
    def __init__(self, work, prefix=()):
        self.root = os.path.join(work, "root")
        self.path = os.path.join(self.root, "images")
        self.prefix = prefix

    def start(self, *args, fail=None):
        env = dict(os.environ, NO_COLOR="1")
        if fail:
            env["UCR_FAIL"] = fail
        env.update(NO_LOGINS)
        return subprocess.Popen([*self.prefix, UCRCTL, "--root", self.root, *args], env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, *args, fail=None):
        process = self.start(*args, fail=fail)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def ok(self, *args):
        status, out, err = self.run(*args)
        assert status == 0, f"{args}: {status} {err}"
        return out

    def refused(self, *args):
        status, _, err = self.run(*args)
        assert status == 125, f"{args}: {status} {err}"
        return err

    def entries(self, name):
        path = os.path.join(self.path, name)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def wait_for_flush(self):
        """Until the process that a load leaves behind has ended."""
        fd = os.open(os.path.join(self.path, "layers"), os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.close(fd)

    def durable(self):
        return [not os.path.lexists(os.path.join(self.path, "layers", name, "boot"))
                for name in self.entries("layers")]

    def images(self):
        """Ids with their names, as the store's own files have them."""
        try:
            with open(os.path.join(self.path, "names.json"), encoding="utf-8") as f:
                names = json.load(f)
        except FileNotFoundError:
            names = {}
        ids = ["sha256:" + name.removesuffix(".json") for name in self.entries("images")]
        return {i: sorted(n for n, at in names.items() if at == i) for i in ids}

    def unpacked(self, reference, dest):
        """{path: content} of the root file system that `ucrctl unpack` writes."""
        self.ok("unpack", reference, dest)
        found = {}
        for folder, _, files in os.walk(dest):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, dest)] = f.read()
        return found


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")


def steps():
    with open(os.path.join(tap.source_dir(), "images", "store-steps.c"), encoding="utf-8") as f:
        return re.findall(r'\[STEP_\w+\] = "([\w-]+)"', f.read())


def assert_good(store, archive, image_id, work):
    """A further run succeeds, the image is whole, nothing is left over."""
    dest = os.path.join(work, f"out-{random.getrandbits(64):x}")
    os.mkdir(dest)
    assert store.unpacked(archive, dest) == {"etc/base": b"base\n", "etc/app": b"app\n"}
    status = os.stat(os.path.join(dest, "etc/app"))
    assert (status.st_uid, status.st_gid) == (5, 6)
    assert image_id in store.images()
    assert not store.entries("tmp"), store.entries("tmp")


# ---- names ----------------------------------------------------------------------------------


def test_load_tag_and_remove(work):
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    image_id = docker_archive(archive, [BASE, APP], ["app:1", "quay.io/x/app:2"])
    assert "Loaded image: app:1" in store.ok("load", "-i", archive)
    assert store.images() == {image_id: ["docker.io/library/app:1", "quay.io/x/app:2"]}
    store.ok("tag", "app:1", "other")
    assert "docker.io/library/other:latest" in store.images()[image_id]
    assert "3 names" in store.refused("rmi", image_id[7:19])
    store.ok("rmi", "app:1", "other")
    assert store.images() == {image_id: ["quay.io/x/app:2"]}
    assert image_id in store.ok("rmi", "quay.io/x/app:2")
    assert not store.images()
    assert "no" in store.refused("rmi", "app:1")
    store.ok("gc")
    assert not store.entries("layers") and not store.entries("blobs/sha256")
    assert not store.entries("sources")


def test_a_name_moves(work):
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    old = docker_archive(archive, [BASE], ["app:1"])
    store.ok("load", archive)
    new = docker_archive(archive, [BASE, APP], ["app:1"])
    store.ok("load", archive)
    assert store.images() == {old: [], new: ["docker.io/library/app:1"]}
    assert len(store.entries("layers")) == 2
    store.ok("gc", "--all")
    assert list(store.images()) == [new]


# ---- read once ------------------------------------------------------------------------------


def test_an_archive_is_read_once(work):
    need_root()
    tap.need_fail_points()
    store, archive = Store(work), os.path.join(work, "a.tar")
    docker_archive(archive, [BASE, APP], ["app:1"])
    out = [os.path.join(work, name) for name in ("one", "two", "three")]
    for path in out:
        os.mkdir(path)
    store.ok("unpack", archive, out[0])
    # An import would die here.
    status, _, err = store.run("unpack", archive, out[1], fail="import-staged:kill")
    assert status == 0, err
    # The same name with other content is another archive.
    docker_archive(archive, [APP], ["app:1"])
    status, _, err = store.run("unpack", archive, out[2], fail="import-staged:kill")
    assert status == -signal.SIGKILL, err


def test_several_at_once(work):
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    noise = random.Random(1).randbytes(4 << 20)
    image_id = docker_archive(archive, [BASE, APP, layer({"noise": noise})], ["app"])
    running = [store.start("load", archive) for _ in range(4)]
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert store.images() == {image_id: ["docker.io/library/app:latest"]}
    assert len(store.entries("layers")) == 3
    assert not store.entries("tmp")


# ---- interrupted ----------------------------------------------------------------------------


def test_kill_at_each_step(work):
    need_root()
    tap.need_fail_points()
    archive = os.path.join(work, "a.tar")
    image_id = docker_archive(archive, [BASE, APP], ["app"])
    for step in steps():
        if step.startswith(("gc-", "flush-", "quarantine-", "evict-")):
            continue
        for passage in range(1, 10):
            store = Store(os.path.join(work, f"{step}-{passage}"))
            os.makedirs(store.root, mode=0o700)
            status, _, err = store.run("load", archive, fail=f"{step}:{passage}:kill")
            if status == 0:
                assert passage > 1, f"{step} was never passed"
                break
            assert status == -signal.SIGKILL, err
            assert_good(store, archive, image_id, work)


def test_flush_killed(work):
    need_root()
    tap.need_fail_points()
    archive = os.path.join(work, "a.tar")
    docker_archive(archive, [BASE, APP], ["app"])
    for step, durable in ("flush-begin:1", 0), ("flush-mark:1", 0), ("flush-mark:2", 1):
        store = Store(os.path.join(work, step))
        os.makedirs(store.root, mode=0o700)
        status, _, err = store.run("load", archive, fail=f"{step}:kill")
        assert status == 0, err
        store.wait_for_flush()
        assert store.durable().count(True) == durable, (step, store.durable())
        store.ok("load", archive)
        store.ok("gc")
        store.wait_for_flush()
        assert store.durable() == [True, True], (step, store.durable())


def test_power_cut(work):
    """Layers of another boot that were never flushed: as after a cut, half of one is empty."""
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    image_id = docker_archive(archive, [BASE, APP], ["app"])
    store.ok("load", archive)
    store.wait_for_flush()
    for name in store.entries("layers"):
        boot = os.path.join(store.path, "layers", name, "boot")
        os.symlink("00000000-0000-4000-8000-000000000000", boot)
        for lost in ("etc/base", "etc/app"):
            if os.path.exists(path := os.path.join(store.path, "layers", name, "fs", lost)):
                os.truncate(path, 0)
    dest = os.path.join(work, "out")
    os.mkdir(dest)
    err = store.refused("unpack", "app", dest)
    assert "when the machine stopped" in err and "Load its archive again" in err, err
    store.ok("gc")
    store.ok("load", archive)
    store.wait_for_flush()
    assert store.durable() == [True, True]
    assert_good(store, "app", image_id, work)


def test_kill_at_any_moment(work):
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    noise = {f"noise/{i}": random.Random(i).randbytes(20000) for i in range(300)}
    docker_archive(archive, [BASE, APP, layer(noise)], ["app"])
    began = time.monotonic()
    store.ok("load", archive)
    whole = time.monotonic() - began
    store.ok("rmi", "app")
    store.ok("gc")
    for i in range(12):
        process = store.start("load", archive)
        time.sleep(whole * (i + 0.5) / 12)
        process.kill()
        process.communicate()
    store.ok("load", archive)
    assert not store.entries("tmp"), store.entries("tmp")
    dest = os.path.join(work, "out")
    os.mkdir(dest)
    found = store.unpacked("app", dest)
    assert found == {"etc/base": b"base\n", "etc/app": b"app\n", **noise}


def test_interrupted_by_the_person(work):
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    noise = {f"noise/{i}": random.Random(i).randbytes(20000) for i in range(300)}
    image_id = docker_archive(archive, [layer(noise), BASE, APP], ["app"])
    process = store.start("load", archive)
    time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    store.ok("load", archive)
    assert image_id in store.images()
    assert not store.entries("tmp")


# ---- bad places -----------------------------------------------------------------------------


def test_newer_store(work):
    store = Store(work)
    os.makedirs(store.path, mode=0o700)
    with open(os.path.join(store.path, "version"), "w", encoding="ascii") as f:
        f.write("2\n")
    assert "newer ucr" in store.refused("images")


def test_store_open_to_others(work):
    store = Store(work)
    os.makedirs(store.path)
    os.chmod(store.path, 0o777)
    assert "written by other users" in store.refused("images")


def in_small_tmpfs(work, script):
    """Runs a shell script in a mount namespace with a tmpfs of 3 MiB on work/root."""
    os.makedirs(os.path.join(work, "root"))
    return subprocess.run(
        ["unshare", "-m", "sh", "-euc",
         f"mount -t tmpfs -o size=3m,mode=700 none {work}/root\n{script}"],
        capture_output=True, text=True, check=False, timeout=120)


def test_full_disk(work):
    need_root()
    archive = os.path.join(work, "a.tar")
    docker_archive(archive, [layer({"big": random.Random(1).randbytes(4 << 20)})], ["app"])
    done = in_small_tmpfs(work, f"""
        ucrctl() {{ {UCRCTL} --root {work}/root "$@"; }}
        if ucrctl load {archive}; then exit 1; fi
        ls {work}/root/images/tmp {work}/root/images/layers {work}/root/images/images
        mount -o remount,size=30m {work}/root
        ucrctl load {archive}""")
    assert done.returncode == 0, done
    assert "No space left" in done.stderr and "ucrctl gc" in done.stderr, done.stderr
    listed = [l for l in done.stdout.splitlines() if l and not l.endswith(":")]
    assert listed == ["Loaded image: app:latest"], done.stdout


def test_read_only_disk(work):
    need_root()
    archive = os.path.join(work, "a.tar")
    docker_archive(archive, [BASE], ["app"])
    done = in_small_tmpfs(work, f"""
        ucrctl() {{ {UCRCTL} --root {work}/root "$@"; }}
        ucrctl load {archive}
        mount -o remount,ro {work}/root
        ucrctl images -q
        if ucrctl load {archive}; then exit 1; fi""")
    assert done.returncode == 0, done
    assert "Read-only file system" in done.stderr and "--root" in done.stderr, done.stderr


def test_rootless(work):
    need_root()
    if not shutil.which("newuidmap"):
        raise tap.Skip("needs newuidmap")
    store, archive = Store(work, cli.rootless_prefix(work)), os.path.join(work, "a.tar")
    os.mkdir(store.root, 0o700)
    os.chown(store.root, 12345, 12345)
    image_id = docker_archive(archive, [BASE, APP, PRIVATE], ["app"])
    store.ok("load", archive)
    assert list(store.images()) == [image_id]
    private = [path for name in store.entries("layers")
               if os.path.exists(path := os.path.join(store.path, "layers", name, "fs/private"))]
    assert [os.stat(path).st_uid for path in private] == [300004]
    # A directory that only a subordinate id may enter goes all the same.
    store.ok("rmi", "app")
    store.ok("gc")
    assert not store.entries("layers") and not store.entries("tmp")


def test_rootless_killed(work):
    need_root()
    tap.need_fail_points()
    if not shutil.which("newuidmap"):
        raise tap.Skip("needs newuidmap")
    store, archive = Store(work, cli.rootless_prefix(work)), os.path.join(work, "a.tar")
    os.mkdir(store.root, 0o700)
    os.chown(store.root, 12345, 12345)
    docker_archive(archive, [PRIVATE, APP], ["app"])
    assert store.run("load", archive, fail="import-unpacked:kill")[0] == -signal.SIGKILL
    assert store.entries("tmp")
    store.ok("load", archive)
    assert not store.entries("tmp"), store.entries("tmp")


def test_truncated_archive(work):
    need_root()
    store, archive = Store(work), os.path.join(work, "a.tar")
    docker_archive(archive, [BASE, layer({"big": bytes(100000)})], ["app"])
    os.truncate(archive, os.path.getsize(archive) // 2)
    assert "a.tar" in store.refused("load", archive)
    assert not store.images() and not store.entries("tmp") and not store.entries("layers")


if __name__ == "__main__":
    tap.main(globals())

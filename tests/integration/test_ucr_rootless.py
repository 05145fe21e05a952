#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ucr` as an ordinary user: a user namespace instead of privileges."""
import os
import shutil

import tap
import ucrtest

ucrtest.need_root()

UID, SUBIDS = 65123, 2000000


def make_rootless(b, work, mappings):
    """Hands the bundle to an ordinary user and runs ucr as that user."""
    for folder, _, names in os.walk(work):
        for name in [folder] + [os.path.join(folder, n) for n in names]:
            os.chown(name, UID, UID)
    linux = b.config["linux"]
    del linux["cgroupsPath"]
    linux["namespaces"].append({"type": "user"})
    if mappings:
        linux["uidMappings"] = linux["gidMappings"] = mappings
    b.wrapper = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"]


def with_subids(b, work):
    """An /etc with subordinate ids, in a mount namespace of the test's own."""
    if not shutil.which("newuidmap"):
        raise tap.Skip("newuidmap is not installed")
    etc = os.path.join(work, "etc")
    os.makedirs(etc, exist_ok=True)
    for name in ("ld.so.cache", "nsswitch.conf", "group"):
        if os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, etc)
    for name, text in (("subuid", f"tester:{SUBIDS}:65536\n"),
                       ("subgid", f"tester:{SUBIDS}:65536\n"),
                       ("passwd", f"root:x:0:0::/:/bin/sh\ntester:x:{UID}:{UID}::/:/bin/sh\n")):
        with open(os.path.join(etc, name), "w", encoding="ascii") as f:
            f.write(text)
    b.wrapper = ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
                 f'mount --bind {etc} /etc && exec "$@"', "sh", *b.wrapper]


def rootless_bundle(work, mappings):
    b = ucrtest.Bundle(work)
    make_rootless(b, work, mappings)
    return b


ONE = [{"containerID": 0, "hostID": UID, "size": 1}]
MANY = ONE + [{"containerID": 1, "hostID": SUBIDS, "size": 65536}]


def test_single(work):
    """one mapped id: root inside, the user outside"""
    b = rootless_bundle(work, ONE)
    b.args("id")
    assert b.ucr("run", "a").stdout.startswith("0:0 "), b.ucr("run", "a").stderr
    b.args("cat", "/proc/self/uid_map")
    assert b.ucr("run", "a").stdout.split() == ["0", str(UID), "1"]
    b.args("write", "/tmp/mine", "x")
    b.ucr("run", "a")
    assert os.stat(os.path.join(b.rootfs, "tmp/mine")).st_uid == UID
    assert not os.listdir(b.root)


def test_many(work):
    """subordinate ids through newuidmap, named in the configuration or by default"""
    for mappings in (MANY, None):
        b = rootless_bundle(work, mappings)
        with_subids(b, work)
        b.config["process"]["user"] = {"uid": 5, "gid": 6}
        os.chmod(os.path.join(b.rootfs, "tmp"), 0o1777)
        b.args("id")
        told = b.ucr("run", "a").stdout
        assert told.startswith("5:6 "), told
        b.args("write", "/tmp/theirs", "x")
        b.ucr("run", "a")
        assert os.stat(os.path.join(b.rootfs, "tmp/theirs")).st_uid == SUBIDS + 4


def test_life(work):
    """create, start, exec, kill and delete as a user"""
    b = rootless_bundle(work, ONE)
    b.start("a")
    assert b.state("a")["status"] == "running"
    assert b.ucr("exec", "a", "/payload", "id").stdout.startswith("0:0 ")
    b.ucr("kill", "a", "KILL")
    b.wait_stopped("a")
    b.ucr("delete", "a")
    assert not os.listdir(b.root)


def test_needs_a_user_namespace(work):
    """without a user namespace the error says what is missing"""
    b = rootless_bundle(work, ONE)
    b.config["linux"]["namespaces"].pop()
    for key in ("uidMappings", "gidMappings"):
        del b.config["linux"][key]
    told = b.ucr("run", "a", status=1).stderr
    assert "user namespace" in told, told


def test_limits_are_refused(work):
    """limits that no cgroup of the user's can enforce are an error, not a surprise"""
    b = rootless_bundle(work, ONE)
    b.config["linux"]["resources"] = {"memory": {"limit": 1 << 26}}
    told = b.ucr("run", "a", status=1).stderr
    assert "memory" in told or "cgroup" in told, told
    assert not os.listdir(b.root)


tap.main(globals())

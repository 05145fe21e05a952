# SPDX-License-Identifier: Apache-2.0
"""The store after a power cut at each of its steps.

The store is on a journalled file system in a file. At a step its program is killed and the file
copied as it is: what was not flushed is not in the copy, as on a disk whose power went at that
moment. The copy is mounted (which replays its journal) and used under another boot id. Each step
is cut twice: with nothing flushed but what the store flushed, and with a random half of its files
and directories flushed as well, since a kernel writes back in any order.
"""
import contextlib
import os
import random
import shutil
import signal
import subprocess
import time

from archives import docker_archive, layer
import tap
from test_store import APP, BASE, Store, need_root, steps

OTHER_BOOT = "11111111-2222-4333-8444-555555555555"
# No write of the kernel's own accord, and no courtesy to those who forget to flush.
OPTIONS = "loop,commit=300,noauto_da_alloc"


@contextlib.contextmanager
def mounted(image, point):
    os.makedirs(point, exist_ok=True)
    subprocess.run(["mount", "-t", "ext4", "-o", OPTIONS, image, point], check=True)
    try:
        yield point
    finally:
        unmount(point)


def unmount(point):
    """A process that was killed, or has just flushed, may still be on its way out."""
    for _ in range(100):
        done = subprocess.run(["umount", point], capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        time.sleep(0.05)
    raise AssertionError(done.stderr)


def need_loop(work):
    for program in "mkfs.ext4", "losetup":
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise tap.Skip(program + " is missing")
    if subprocess.run(["losetup", "-f"], capture_output=True, check=False).returncode:
        raise tap.Skip("no loop devices here")
    make_disk(work + "/loop-probe")
    try:
        with mounted(work + "/loop-probe", work + "/probed"):
            pass
    except subprocess.CalledProcessError as e:
        raise tap.Skip("a file system in a file cannot be mounted here") from e


def make_disk(path):
    with open(path, "wb") as disk:
        disk.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-J", "size=4", path], check=True)


def copy(source, target):
    """As it is at one moment: not while the kernel was writing to it."""
    for _ in range(20):
        subprocess.run(["cp", "--sparse=always", source, target], check=True)
        if not subprocess.run(["cmp", "-s", source, target], check=False).returncode:
            return
    raise AssertionError(source + " is written to all the time")


class Case:
    """One disk with a store in which "kept" is safe, and archives beside it."""

    def __init__(self, work):
        self.work, self.disk, self.count = work, None, 0
        self.boot = work + "/boot_id"
        with open(self.boot, "w", encoding="ascii") as f:
            f.write(OTHER_BOOT + "\n")
        self.kept, self.new = work + "/kept.tar", work + "/new.tar"
        self.kept_id = docker_archive(self.kept, [BASE], ["kept"])
        self.new_id = docker_archive(
            self.new, [BASE, APP, layer({"big": random.Random(1).randbytes(300000)})], ["new"])
        make_disk(work + "/fresh")
        with mounted(work + "/fresh", work + "/at") as point:
            store = Store(point)
            store.ok("load", self.kept)
            store.wait_for_flush()
            subprocess.run(["sync", "-f", point], check=True)

    def cut(self, prepare, command, fail, is_mixed):
        """The program's status; the disk as the cut left it is self.disk."""
        # Never a file twice: a loop device that is not gone yet would know the old content.
        running = self.next_disk(self.work + "/fresh")
        with mounted(running, self.work + "/at") as point:
            store = Store(point)
            prepare(store)
            status, _, err = store.run(*command, fail=fail)
            assert status in (0, 125, -signal.SIGKILL), (fail, status, err)
            store.wait_for_flush()
            if is_mixed:
                flush_some(store.path)
            self.disk = self.next_disk(running)
        os.unlink(running)
        return status

    def next_disk(self, source):
        self.count += 1
        path = f"{self.work}/disk-{self.count}"
        copy(source, path)
        return path

    @contextlib.contextmanager
    def after(self):
        """The store under another boot."""
        prefix = ["unshare", "-m", "sh", "-ec",
                  f'mount --bind {self.boot} /proc/sys/kernel/random/boot_id; exec "$@"', "sh"]
        with mounted(self.disk, self.work + "/at") as point:
            yield Store(point, prefix)
        os.unlink(self.disk)


def flush_some(path):
    names = sorted(os.path.join(base, n) for base, dirs, files in os.walk(path)
                   for n in dirs + files)
    for name in names:
        if random.getrandbits(1) and not os.path.islink(name):
            fd = os.open(name, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)


def assert_only_lost_layers(store, what):
    """The store is as it says, but for layers that were only in memory: these it knows of."""
    status, out, err = store.run("fsck")
    found = [line for line in out.splitlines() if not line.startswith("Checked")]
    assert status == (125 if found else 0), (what, status, out, err)
    for line in found:
        assert "has lost an unpacked layer: load or pull it again" in line, (what, out)
    assert not store.entries("quarantine"), what


def assert_usable(case, store, what):
    """What was safe is whole, the interrupted can be done again, nothing is left behind."""
    found = store.unpacked("kept", f"{case.work}/{random.getrandbits(64):x}")
    assert found == {"etc/base": b"base\n"}, (what, found)
    store.ok("load", case.new)
    store.wait_for_flush()
    files = store.unpacked("new", f"{case.work}/{random.getrandbits(64):x}")
    assert sorted(files) == ["big", "etc/app", "etc/base"] and len(files["big"]) == 300000, what
    assert files["etc/app"] == b"app\n", what
    store.ok("gc")
    assert store.ok("fsck").startswith("Checked 2 images"), what
    assert not store.entries("tmp"), (what, store.entries("tmp"))


def each_cut(work, command, prefixes, prepare=lambda store: None, most=4):
    """A cut at each passage of each step that the command passes: what, status, case."""
    need_root()
    tap.need_fail_points()
    need_loop(work)
    case, count = Case(work), 0
    for step in steps():
        if not step.startswith(prefixes):
            continue
        for passage in range(1, most + 1):
            for is_mixed in False, True:
                what = f"{step}:{passage}, {'mixed' if is_mixed else 'nothing more'} flushed"
                random.seed(what)
                status = case.cut(prepare, command, f"{step}:{passage}:kill", is_mixed)
                count += 1
                yield what, status, case
            if status == 0 and not step.startswith("flush-"):
                assert passage > 1, f"{step} was never passed"
                break
    assert count

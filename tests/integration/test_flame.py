#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl flame: where a container's processor time goes, by name."""
import contextlib
import ctypes
import os
import re
import shutil
import struct
import time
import xml.etree.ElementTree

from boxes import image
import cli
from cli import good, refused
import tap

PAYLOAD = os.path.join(cli.BUILD, "tests", "integration", "payload")
SAMPLING = ("--duration", "3s", "--frequency", "199")


@contextlib.contextmanager
def running(name, *command):
    good("run", "-d", "--name", name, "-v", f"{PAYLOAD}:/payload:ro", image(), *command)
    try:
        yield
    finally:
        good("rm", "-f", name)


def need_perf():
    """Asked of the kernel itself: what ucrctl cannot sample where this can is a failure."""
    number = {"x86_64": 298, "aarch64": 241}.get(os.uname().machine)
    if not number:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # A clock in software (PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK) of a processor.
    attributes = struct.pack("IIQ", 1, 64, 0).ljust(64, b"\0")
    fd = libc.syscall(number, attributes, -1, 0, -1, 0)
    if fd < 0:
        raise tap.Skip(f"perf_event_open: {os.strerror(ctypes.get_errno())}")
    os.close(fd)


def folded(name, *options):
    """{(frame, …): samples}"""
    need_perf()
    result = cli.run("flame", *SAMPLING, "--format", "folded", *options, name)
    assert result.status == 0 and not result.err, result
    found = {}
    for line in result.lines:
        frames, count = line.rsplit(" ", 1)
        found[tuple(frames.split(";"))] = int(count)
    return found


def share(found, *frames):
    """Of all samples, those whose stack has these frames one after the other."""
    size = len(frames)
    having = sum(count for stack, count in found.items()
                 if any(stack[i:i + size] == frames for i in range(len(stack) - size + 1)))
    return having / max(sum(found.values()), 1)


def test_names(_work):
    """functions of the task's own program, who called whom, and how long each ran"""
    with running("spin", "/payload", "spin"):
        found = folded("spin")
        assert sum(found.values()) > 20, found
        assert {stack[0] for stack in found} == {"payload"}, found
        assert share(found, "main", "do_spin", "spin_outer", "spin_inner") > 0.5, found
        assert share(found, "do_spin", "spin_other") > 0.02, found
        assert share(found, "spin_other", "spin_inner") == 0, found


def test_per_thread(_work):
    """the same where the kernel cannot sample a cgroup: of all threads there are"""
    with running("spin", "/payload", "spin"):
        found = folded("spin", "--per-thread")
        assert share(found, "spin_outer", "spin_inner") > 0.5, found


def test_born_meanwhile(_work):
    """programs that start and end while they are sampled have names, too"""
    with running("born", "sh", "-c", "sleep 1; while :; do /payload spin 20; done"):
        found = folded("born")
        assert share(found, "payload") > 0.3, found
        assert share(found, "spin_outer", "spin_inner") > 0.3, found


def test_only_its_own(_work):
    """nothing of other containers is in it"""
    with running("spin", "/payload", "spin"):
        with running("idle", "sleep", "1000"):
            need_perf()
            result = cli.run("flame", "--duration", "1s", "--format", "folded", "idle")
            assert result.status == 0 and "payload" not in result.out, result


def test_svg(work):
    """one XML document without a script; tooltips tell the share"""
    with running("spin", "/payload", "spin"):
        folded("spin")
        good("flame", *SAMPLING, "-o", f"{work}/out.svg", "spin")
        root = xml.etree.ElementTree.parse(f"{work}/out.svg").getroot()
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert root.tag.endswith("}svg") and tags <= {"svg", "style", "rect", "text", "g", "title"}, tags
        titles = [element.text for element in root.iter() if element.tag.endswith("}title")]
        shares = {}
        for title in titles:
            name, percent = re.fullmatch(r"(.+) \(\d+ samples, ([0-9.]+)%\)", title).groups()
            shares[name] = max(float(percent), shares.get(name, 0))
        assert shares["all"] == 100 and shares["payload"] > 90, shares
        assert 50 < shares["spin_inner"] <= shares["spin_outer"] <= shares["do_spin"], shares
        boxes = [e for e in root.iter() if e.tag.endswith("}rect") and "x" in e.attrib]
        assert len(boxes) == len(titles)
        assert all(10 <= float(e.get("x")) and
                   float(e.get("x")) + float(e.get("width")) <= 1210.2 for e in boxes)


def test_hostile_files(_work):
    """a program that is no longer what it was, or never was one to read: no name, no harm"""
    with running("changed", "sh", "-c", "cp /payload /p; /p spin & sleep 1; rm /p; "
            "head -c 4000000 /dev/urandom >/p; wait"):
        time.sleep(2)
        found = folded("changed")
        assert share(found, "[unknown]") > 0.5 and share(found, "spin_inner") == 0, found
    with running("pipe", "sh", "-c", "cp /payload /p; /p spin & sleep 1; rm /p; mkfifo /p; wait"):
        time.sleep(2)
        begin = time.time()
        assert share(folded("pipe"), "[unknown]") > 0.5
        assert time.time() - begin < 60


def test_refused(work):
    """what cannot be sampled, in words"""
    with running("over", "true"):
        good("wait", "over")
        assert "not running" in refused("flame", "over")
    with running("idle", "sleep", "1000"):
        assert "frequency" in refused("flame", "--frequency", "0", "idle")
        assert "duration" in refused("flame", "--duration", "2h", "idle")
        said = cli.run("flame", "--duration", "200ms", "-o", f"{work}/no/such", "idle")
        assert said.status == 125 and "no/such" in said.err, said


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

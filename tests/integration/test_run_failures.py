#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What stays of a container whose launch, shim, command or disk failed: nothing."""
import fcntl
import json
import os
import signal
import subprocess
import time

from boxes import image, box, background, status_of, running, leftovers, containers
import cli
from cli import good
import tap


def test_nothing_is_left(_work):
    for _ in range(20):
        assert box("true").status == 0
    assert not containers() and not os.listdir(os.path.join(cli.ROOT, "names"))
    assert not leftovers()


def test_a_command_that_was_killed(_work):
    """at whatever moment: what it started ends, and the next listing finds all clean"""
    image()
    for delay in range(0, 60, 4):
        process = background("run", "--rm", image(), "sleep", "0.02", stderr=subprocess.DEVNULL)
        time.sleep(delay / 1000)
        process.kill()
        process.wait()
    # A directory without a lock may be about to be locked: it is given a minute.
    tap.eventually(lambda: not good("ps", "-aq").out and not containers(), 90)
    assert not leftovers()


def test_half_a_launch(_work):
    """what a launch wrote before it was killed goes with the next listing, and not before"""
    where = os.path.join(cli.ROOT, "containers", "ab" * 32)
    os.makedirs(os.path.join(where, "rootfs"))
    good("ps", "-aq")
    assert os.path.isdir(where)
    lock = os.open(os.path.join(where, "rootfs"), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(os.path.join(where, ".tmp-0"), "w", encoding="ascii"):
        good("ps", "-aq")
    assert os.path.isdir(where)
    os.close(lock)
    assert good("ps", "-aq").out == "" and not containers()


def test_a_shim_that_was_killed(_work):
    """the container is known to be lost, and is removed whole"""
    running("lost")
    pid = json.loads(good("inspect", "lost").out)[0]["State"]["Pid"]
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        shim = int(stat.read().rsplit(")", 1)[1].split()[1])
    with open(f"/proc/{shim}/comm", encoding="utf-8") as comm:
        assert comm.read() == "ucr-shim\n"
    os.kill(shim, signal.SIGKILL)
    tap.eventually(lambda: not os.path.exists(f"/proc/{shim}/fd/0"))
    assert status_of("lost") == "running"
    good("rm", "-f", "lost")
    assert not leftovers() and not containers()


def test_no_disk_for_a_container(work):
    """A full and a read-only disk are said with what to do, and leave nothing behind."""
    script = f"""
        mount -t tmpfs -o size=8m,mode=700 none {work}/root
        ucrctl() {{ {cli.UCRCTL} --root {work}/root "$@"; }}
        ucrctl load -q {cli.busybox_archive()}
        cat /dev/zero >{work}/root/full 2>/dev/null || true
        ucrctl run --rm {image()} true || echo "full $?"
        rm {work}/root/full
        mount -o remount,ro {work}/root
        ucrctl run --rm {image()} true || echo "read-only $?"
        ls {work}/root/containers"""
    os.mkdir(f"{work}/root")
    done = subprocess.run(["unshare", "-m", "sh", "-euc", script], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.stdout.splitlines()[1:] == ["full 125", "read-only 125"], done
    assert "hint: free space below" in done.stderr and "ucrctl gc" in done.stderr, done
    assert "choose another place with --root" in done.stderr.splitlines()[-1], done


def test_full_disk(work):
    """A task that fills the disk of its container ends, and its end is known."""
    script = f"""
        mount -t tmpfs -o size=8m,mode=700 none {work}/root
        ucrctl() {{ {cli.UCRCTL} --root {work}/root "$@"; }}
        fill='cat /dev/zero >/full; exit 7'
        ucrctl load -q {cli.busybox_archive()}
        ucrctl run --rm {image()} sh -c "$fill" || echo "foreground $?"
        ucrctl ps -aq
        ucrctl run -d --name filler {image()} sh -c "$fill"
        ucrctl wait filler
        ucrctl rm filler"""
    os.mkdir(f"{work}/root")
    done = subprocess.run(["unshare", "-m", "sh", "-euc", script], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[1] == "foreground 7" and lines[3:] == ["7", "filler"], done


def test_missing_companion(work):
    """without its shim no container is started, and what to do is said"""
    os.symlink(os.path.join(cli.BUILD, "bin", "ucr-unpack"), os.path.join(work, "ucr-unpack"))
    for options in [], ["-d"]:
        result = box("true", options=options, env={"UCR_LIBEXECDIR": work})
        assert result.status == 125 and result.out == "", result
        assert f"{work}/ucr-shim: No such file" in result.err, result
        assert "UCR_LIBEXECDIR" in result.err.split("hint: ")[1], result
    assert good("ps", "-aq").out == ""


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    else:
        tap.main(globals())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers in a user namespace of their own, with ids that no other container has."""
import json
import os
import re
import subprocess

from boxes import box, image, shell
import cli
from cli import good, run
import tap
import task_files

LEASES = "/run/ucr-ids"
SIZE = 65536


def need():
    """Root, and a file system that takes id maps, which is tried on a directory of the tests."""
    if os.geteuid() != 0:
        raise tap.Skip("only root gives out ids")
    result = box("true", options=["--userns", "auto"])
    if result.status == 125 and "takes no id maps" in result.err:
        raise tap.Skip(f"{cli.WORK} lies on a file system without id-mapped mounts")
    assert result.status == 0, result


def auto(script, *options, **kw):
    result = shell(script, "--userns", "auto", *options, **kw)
    assert result.status == 0 and result.err == "", repr(result)
    return result.out


def start(name, *options, command=("sleep", "1000")):
    good("run", "-d", "--name", name, "--userns", "auto", *options, image(), *command)
    return json.loads(good("inspect", name).out)[0]["State"]["Pid"]


def first_id(pid):
    with open(f"/proc/{pid}/uid_map", encoding="ascii") as file:
        inside, outside, count = (int(word) for word in file.read().split())
    assert inside == 0 and count == SIZE and outside % SIZE == 0, (inside, outside, count)
    return outside


def leased():
    return {name: os.readlink(f"{LEASES}/{name}") for name in os.listdir(LEASES)
            if name.isdigit()}


def test_root_inside_is_nobody_outside(_work):
    """root inside, whose files are the image's and who may do what root does in a container"""
    need()
    assert auto("id -u; stat -c %u /bin/busybox; stat -c '%u %a' / /root /etc/hosts") == \
        "0\n0\n0 755\n0 755\n0 644\n"
    auto("touch /new /root/x && chown 7:8 /new && stat -c '%u:%g' /new | grep -qx 7:8 && "
         "chmod 4711 /bin/busybox && rm /etc/passwd && mkdir /d && mv /new /d && "
         "echo x >>/etc/hosts && ln -s a /b && mknod /fifo p")
    pid = start("box1")
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            ids = re.search(r"^Uid:\s+(\d+)", file.read(), re.M).group(1)
        assert int(ids) == first_id(pid) >= SIZE, ids
    finally:
        good("rm", "-f", "box1")


def test_streams_can_be_opened_again(_work):
    """/dev/stdout and /dev/stderr are pipes of the one who reads them, and still opened"""
    need()
    result = shell("echo out >/dev/stdout; echo err >/dev/stderr", "--userns", "auto")
    assert (result.status, result.out, result.err) == (0, "out\n", "err\n"), result
    assert auto("echo x >/dev/stdout", "-u", "1000") == "x\n"


def test_user_by_name_and_number(_work):
    """-u, and what is beyond the ids of the container"""
    need()
    assert auto("id -u; touch /tmp/x && stat -c %u /tmp/x", "-u", "1000:1000") == "1000\n1000\n"
    assert auto("id -u", "-u", "65535") == "65535\n"
    result = shell("true", "--userns", "auto", "-u", "65536")
    assert result.status == 125 and "65536" in result.err, result


def test_no_two_share(_work):
    """live containers have different ids, recorded, and given back by clean-up"""
    need()
    pids = {name: start(name) for name in ("one", "two", "three")}
    try:
        firsts = {name: first_id(pid) for name, pid in pids.items()}
        assert len(set(firsts.values())) == 3, firsts
        for name, first in firsts.items():
            ident = json.loads(good("inspect", name).out)[0]["Id"]
            path = f"{cli.ROOT}/containers/{ident}"
            assert leased()[str(first)] == path, leased()
            with open(f"{path}/container.json", encoding="utf-8") as file:
                recorded = json.load(file)
            assert (recorded["first_id"], recorded["id_count"]) == (first, SIZE), recorded
            assert os.stat(f"{path}/upper").st_uid == first
        assert good("exec", "one", "id", "-u").out == "0\n"
        assert good("exec", "-u", "5", "one", "id", "-u").out == "5\n"
        good("kill", "two")
        good("wait", "two")
        tap.eventually(lambda: str(firsts["two"]) not in leased())
        good("stop", "three")
        good("rm", "-f", "one")
        assert not set(map(str, firsts.values())) & set(leased()), leased()
    finally:
        run("rm", "-f", *pids)


def test_pool(_work):
    """--id-range: what is taken from it, that it ends, and what is no range"""
    need()
    options = ["--id-range", f"{SIZE * 2}-{SIZE * 4 - 1}"]
    pids = [start("a", *options), start("b", *options)]
    try:
        first_of_a = first_id(pids[0])
        assert {first_of_a, first_id(pids[1])} == {SIZE * 2, SIZE * 3}
        result = shell("true", "--userns", "auto", *options)
        assert result.status == 125 and "all 2 ranges" in result.err, result
        assert "--id-range" in result.err, result
        good("rm", "-f", "a")
        words = auto("cat /proc/self/uid_map", *options).split()
        assert words == ["0", str(first_of_a), str(SIZE)], words
    finally:
        run("rm", "-f", "a", "b")
    for text in ("0-65535", "65536", "131072-65536", "x-y", "100000-165535"):
        assert "--id-range" in cli.refused("run", "--userns", "auto", "--id-range", text, image())
    assert "want auto or host" in cli.refused("run", "--userns", "keep", image())
    shown = json.loads(good("run", "--dry-run", "--userns", "auto", image(), "true").out)
    assert {"type": "user"} in shown["linux"]["namespaces"], shown
    assert shown["linux"]["uidMappings"][0]["size"] == SIZE, shown


def test_volumes_keep_their_ids(work):
    """a volume has the same owners inside, and what is made in it outside"""
    need()
    os.chmod(work, 0o755)
    os.mkdir(f"{work}/v")
    with open(f"{work}/v/five", "w", encoding="ascii") as file:
        os.fchown(file.fileno(), 5, 6)
    assert auto("stat -c %u:%g /v/five; touch /v/new /v/seven; chown 7:7 /v/seven",
                "-v", f"{work}/v:/v") == "5:6\n"
    assert [os.stat(f"{work}/v/{name}").st_uid for name in ("new", "seven")] == [0, 7]
    result = shell("touch /v/x", "--userns", "auto", "-v", f"{work}/v:/v:ro")
    assert result.status == 1 and "Read-only" in result.err, result


def test_what_root_keeps(_work):
    """no privilege over what is the host's"""
    need()
    auto("! mknod /null c 1 3 2>/dev/null && ! hostname other 2>/dev/null; echo >/dev/null")
    # Not even with every capability.
    out = auto("for i in /proc/sysrq-trigger /proc/sys/kernel/core_pattern; do "
               "(echo x >$i) 2>/dev/null && echo wrote $i; done; "
               "mount -t tmpfs none /tmp 2>/dev/null; true", "--cap-add", "ALL")
    assert out == "", out


def test_sandbox_and_host_files(work):
    """a zip task, and the host's files, in a user namespace"""
    need()
    out = good("run", "--rm", "--userns", "auto", "host:", "sh", "-c",
               "id -u; stat -c %u /usr; touch x && stat -c %u x; cat /proc/self/uid_map").out.split()
    assert out[:3] == ["65534", "65534", "65534"] and int(out[4]) >= SIZE, out
    with open(f"{work}/file", "w", encoding="ascii") as file:
        file.write("content")
    out = auto("cat file; stat -c %u . file; touch new", "--uri", f"{work}/file")
    assert out == "content0\n0\n", out
    with open(f"{work}/task.zip", "wb") as file:
        file.write(task_files.zip_bytes({"data/in": b"zipped"}))
    out = good("run", "--rm", "--userns", "auto", f"zip:{work}/task.zip", "sh", "-c",
               "cat data/in; id -u; stat -c %u data/in").out
    assert out == "zipped65534\n65534\n", out


def test_backends(_work):
    """copy and, where it can be used, erofs"""
    need()
    check = "id -u; stat -c %u /bin/busybox; touch /x && rm /bin/ls; stat -c %u /x"
    assert auto(check, "--rootfs-backend", "copy") == "0\n0\n0\n"
    result = run("run", "--rm", "--userns", "auto", "--rootfs-backend", "erofs",
                 cli.busybox_archive(), "sh", "-c", check)
    assert (result.status, result.out) == (0, "0\n0\n0\n") or "EROFS cannot" in result.err, result


def test_old_kernel(_work):
    """a kernel that takes no detached layers"""
    need()
    tap.need_fail_points()
    check = "id -u; stat -c %u /bin/busybox; touch /x && rm /bin/ls; stat -c %u /x"
    assert auto(check, env={"UCR_FAIL": "overlay-detached:1:eio"}) == "0\n0\n0\n"


def test_export(work):
    """what leaves a container has the ids that it had inside"""
    need()
    start("out", command=("sh", "-c", "touch /b && chown 7:8 /b && mv /b /a; exec sleep 1000"))
    try:
        tap.eventually(lambda: run("exec", "out", "stat", "/a").status == 0)
        good("export", "-o", f"{work}/out.tar", "out")
        listed = subprocess.run(["tar", "--numeric-owner", "-tvf", f"{work}/out.tar"],
                                capture_output=True, check=True, encoding="utf-8").stdout
        assert re.search(r" 7/8 .* (\./)?a$", listed, re.M), listed
        assert re.search(r" 0/0 .* (\./)?bin/busybox$", listed, re.M), listed
    finally:
        run("rm", "-f", "out")


def test_terminal(_work):
    """a terminal of its own is its user's"""
    need()
    done = subprocess.run(
        ["script", "-qec", f"{cli.UCRCTL} --root {cli.ROOT} run --rm -t --userns auto {image()} "
         "sh -c 'test -t 0 && echo x >/dev/tty && echo y >/dev/stdout'", "/dev/null"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0 and "x" in done.stdout and "y" in done.stdout, done


def test_network(_work):
    """with the host's network, and with none"""
    need()
    auto("ls /sys/class/net/lo >/dev/null; cat /etc/resolv.conf >/dev/null", "--network", "host")
    auto("ip addr show lo 2>/dev/null | grep -q 127.0.0.1")


if __name__ == "__main__":
    tap.main(globals())

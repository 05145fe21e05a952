#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tasks without an image: zip, jar and tarball, on the host's files or on an image."""
import os
import shutil
import signal
import subprocess
import tarfile
import time

import cli
from cli import run
import tap
import task_files

SCRIPT = b'#!/bin/sh\npwd; id -u; cat data/f; exit 7\n'


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")


def written(name, data):
    with open(cli.path(name), "wb") as f:
        f.write(data)
    return cli.path(name)


def app_zip(name="app.zip"):
    return written(name, task_files.zip_bytes([
        task_files.member("go.sh", 0o100755, SCRIPT),
        task_files.member("data/f", 0o100644, b"from the archive\n")]))


def no_containers():
    left = os.listdir(os.path.join(cli.ROOT, "containers"))
    assert not left, left


def host(script, *options, **kw):
    return run("run", "--rm", *options, "host:", "sh", "-c", script, **kw)


def good_host(script, *options):
    result = host(script, *options)
    assert result.status == 0, result
    return result.out


def image():
    return cli.good("load", "-q", "-i", cli.busybox_archive()).out.split()[-1]


def test_zip_on_the_host(_work):
    need_root()
    for reference in ("zip:" + app_zip(), app_zip(), "zip:" + app_zip("plain")):
        result = run("run", "--rm", reference, "./go.sh")
        assert result.status == 7, result
        assert result.out == "/mnt/mesos/sandbox\n65534\nfrom the archive\n", result
    no_containers()


def test_zip_on_an_image(_work):
    need_root()
    result = run("run", "--rm", "--on", image(), "zip:" + app_zip(), "./go.sh")
    assert (result.status, result.out) == (
        7, "/mnt/mesos/sandbox\n0\nfrom the archive\n"), result
    result = run("run", "--rm", "--on", image(), "-u", "1234:99", "zip:" + app_zip(),
                 "stat", "-c", "%u:%g", ".", "go.sh", "data", "data/f", "app.zip")
    assert result.out == "1234:99\n" * 5, result


def test_jar(_work):
    need_root()
    if not shutil.which("java"):
        raise tap.Skip("needs java")
    jar = written("count.jar", task_files.jar_bytes())
    for reference in ("jar:" + jar, jar):
        result = run("run", "--rm", reference, *"abcdefg")
        assert result.status == 7, result


def test_jar_without_java(_work):
    need_root()
    jar = written("count.jar", task_files.jar_bytes())
    result = run("run", "--rm", "--on", image(), "jar:" + jar)
    assert result.status == 127, result
    assert "java" in result.err and "--on" in result.err, result
    no_containers()


def test_tarball(_work):
    need_root()
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard = tarfile.TarInfo("hard")
    hard.type, hard.linkname = tarfile.LNKTYPE, "go.sh"
    members = [("./go.sh", SCRIPT, 0o6755), ("data/f", b"tar\n", 0o600), link, hard,
               (".wh.go.sh", b"a plain name", 0o644), ("go2.sh", b"one", 0o644),
               ("go2.sh", b"two\n", 0o644)]
    for mode, name in (("w", "a.tar"), ("w:gz", "a.tgz"), ("w:bz2", "a.tar.bz2"),
                       ("w:xz", "a.txz")):
        tar = written(name, task_files.tar_bytes(members, mode))
        for where in ("host:", image()):
            result = run("run", "--rm", "--uri", tar, "-u", "65534:65534", where, "./go.sh")
            assert (result.status, result.out) == (7, "/mnt/mesos/sandbox\n65534\ntar\n"), result
    out = good_host("stat -c %a go.sh; readlink link; cat go2.sh; ls -A", "--uri", tar)
    assert out.split() == ["755", "/etc/passwd", "two", ".wh.go.sh", "a.txz", "data", "go.sh",
                           "go2.sh", "hard", "link"], out


def test_shell_and_environment(_work):
    need_root()
    result = run("run", "--rm", "--name", "box", "-e", "A=b", "--shell", "host:",
                 'echo $A $MESOS_SANDBOX $MESOS_DIRECTORY $MESOS_CONTAINER_NAME; exit 3')
    assert result.status == 3, result
    assert result.out == "b /mnt/mesos/sandbox /mnt/mesos/sandbox box\n", result


def test_host_is_read_only(_work):
    need_root()
    for user in ("0", "65534"):
        for place in ("/", "/etc", "/usr", "/usr/bin"):
            result = host(f"echo x > {place}/ucr-test", "-u", user)
            assert result.status != 0 and "ead-only" in result.err, result
            assert not os.path.exists(f"{place}/ucr-test"), place
    assert good_host("echo x > /tmp/f; cat /tmp/f; echo y > f; cat f") == "x\ny\n"


def test_host_secrets_are_hidden(_work):
    need_root()
    written("marker", b"")
    assert good_host("cat /etc/shadow; ls -A /root /home /var/lib /run /boot 2>/dev/null; true",
                     "-u", "0") == "/run:\n"
    assert host(f"ls {cli.WORK}", "-u", "0").status != 0
    assert host("find / -xdev -type s 2>/dev/null | grep .").status != 0
    assert good_host("grep -c '^CapEff:.*0000000000000000$' /proc/self/status") == "1\n"


def test_state_below_a_shown_directory(work):
    """a store in /opt is not shown with the rest of /opt"""
    need_root()
    root = f"/opt/ucr-test-{os.path.basename(work)}"
    try:
        result = run("run", "--rm", "-u", "0", "host:", "ls", "-A", root, root=root)
        assert (result.status, result.out) == (0, ""), result
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_signal(_work):
    need_root()
    script = "trap 'echo ended; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, "run", "--rm", "--shell", "host:",
                           script], stdout=subprocess.PIPE, text=True) as task:
        assert task.stdout.readline() == "ready\n"
        time.sleep(0.1)
        task.send_signal(signal.SIGTERM)
        assert task.stdout.read() == "ended\n"
        assert task.wait(60) == 5
    no_containers()


def test_bad_words(_work):
    need_root()
    for args, word in ((["--on", "x", "host:", "true"], "--on"),
                       (["--shell", "jar:x.jar"], "--shell"),
                       (["--shell", "host:"], "--shell"),
                       (["host:x", "true"], "host:x"),
                       (["host:"], "nothing to run"),
                       (["zip:/nonexistent.zip", "true"], "/nonexistent.zip")):
        assert word in cli.refused("run", "--rm", *args), (args, word)
    no_containers()


def test_bad_zips(_work):
    """each is refused in one sentence, and leaves nothing"""
    need_root()
    for name, (data, word) in task_files.bad_zips().items():
        text = cli.refused("run", "--rm", "zip:" + written("bad.zip", data), "true")
        assert word in text, (name, text)
        assert text.count("\n") == 1, (name, text)
        no_containers()
    assert not os.path.exists("/tmp/f") and not os.path.exists("/tmp/out")


def test_awkward_zips(_work):
    need_root()
    for name, data in task_files.awkward_zips().items():
        result = run("run", "--rm", "zip:" + written("awkward.zip", data), "cat", "f")
        assert (result.status, result.out) == (0, "hello\n" * 100), (name, result)


def test_bad_tarballs(_work):
    need_root()
    device = tarfile.TarInfo("device")
    device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 3
    outside = tarfile.TarInfo("l")
    outside.type, outside.linkname = tarfile.SYMTYPE, "/tmp"
    hard = tarfile.TarInfo("h")
    hard.type, hard.linkname = tarfile.LNKTYPE, "../../container.json"
    for members, word in (([device], "device"), ([("/tmp/f", b"", 0o644)], "absolute"),
                          ([("../f", b"", 0o644)], ".."), ([hard], ".."),
                          ([outside, ("l/f", b"", 0o644)], "l/f")):
        tar = written("bad.tar", task_files.tar_bytes(members, "w"))
        text = cli.refused("run", "--rm", "--uri", tar, "host:", "true")
        assert word in text, (word, text)
        no_containers()


def test_rootless(work):
    need_root()
    prefix = cli.rootless_prefix(work)
    home = os.path.join(work, "home")
    os.mkdir(home)
    os.chown(home, 12345, 12345)
    app = os.path.join(work, "app.zip")
    shutil.copy(app_zip(), app)
    done = subprocess.run([*prefix, cli.UCRCTL, "--root", home + "/root", "run", "--rm",
                           "zip:" + app, "./go.sh"], capture_output=True, text=True,
                          timeout=120, check=False)
    if "user namespace" in done.stderr or "newuidmap" in done.stderr:
        raise tap.Skip(done.stderr.strip())
    assert done.returncode == 7, done
    assert done.stdout == "/mnt/mesos/sandbox\n0\nfrom the archive\n", done


if __name__ == "__main__":
    tap.main(globals())

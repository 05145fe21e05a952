#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run on real containers: what goes in, what comes out, what they may."""
import hashlib
import json
import os
import re
import subprocess
import time

from boxes import image, box, box_good, shell, background, containers
import cli
from cli import good, run
import tap

# ---- words in, status out -------------------------------------------------------------


def test_closed_streams(_work):
    """standard streams that the caller closed are not mistaken for what is opened next"""
    for closed in ("<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"):
        script = f'"$0" --root "$1" run --rm -i "$2" sh -c "cat; exit 7" {closed}'
        done = subprocess.run(["sh", "-c", script, cli.UCRCTL, cli.ROOT, image()],
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert done.returncode == 7, (closed, done)


def test_output_and_status(_work):
    assert box_good("echo", "hello") == "hello\n"
    result = shell("echo out; echo err >&2; exit 7")
    assert (result.status, result.out, result.err) == (7, "out\n", "err\n"), result


def test_death_by_signal(_work):
    assert shell("kill -9 $$; sleep 9", "--init").status == 137
    result = run("run", "--rm", "--init", image(), "sh", "-c", "kill -TERM $$; sleep 9")
    assert result.status == 143, result


def test_no_such_program(_work):
    result = box("no-such-program")
    assert result.status == 127 and "no-such-program" in result.err, result
    result = box("/etc/passwd")
    assert result.status == 126 and "/etc/passwd" in result.err, result
    assert not containers(), containers()


def test_own_failure(_work):
    result = run("run", "--rm", "no-such-image", "true")
    assert result.status == 125 and "no-such-image" in result.err, result
    assert box("true", options=["-v", "/nonexistent-dir:/x"]).status == 125


BAD_OPTIONS = [
    (["--memory", "lots"], "--memory lots"),
    (["--memory", "0"], "--memory 0"),
    (["--cpus", "two"], "--cpus two"),
    (["--cpuset-cpus", "a"], "--cpuset-cpus a"),
    (["--cpuset-cpus", "999999"], "the CPUs of this machine are 0"),
    (["--pids-limit", "-2"], "--pids-limit -2"),
    (["--ulimit", "nofiles=1"], "--ulimit nofiles=1"),
    (["--ulimit", "nofile=5:4"], "above the hard one"),
    (["--shm-size", "x"], "--shm-size x"),
    (["--cap-add", "SYS_NOTHING"], "no such capability"),
    (["--cap-add", "ALL", "--cap-drop", "ALL"], "exclude each other"),
    (["--security-opt", "seccomp=/nonexistent"], "/nonexistent"),
    (["--security-opt", "selinux"], "--security-opt selinux"),
    (["--device", "/etc/passwd"], "not a device"),
    (["--device", "null"], "want HOST"),
    (["--device", "/dev/nosuch"], "--device /dev/nosuch: No such file or directory"),
    (["--sysctl", "kernel"], "--sysctl kernel"),
    (["--sysctl", "kernel.panic=1"], "kernel.panic"),
    (["--network", "bridges"], "want none, host, bridge or bridge:shared"),
    (["--hostname", "a/b"], "not a host name"),
    (["--workdir", "tmp"], "not an absolute path"),
    (["--env", "=x"], "without a name"),
    (["--env-file", "/nonexistent"], "/nonexistent"),
    (["--stop-signal", "SIGX"], "no such signal"),
    (["--stop-timeout", "soon"], "--stop-timeout soon"),
    (["--volume", "name:/x"], "no named volumes"),
    (["--volume", "/tmp:x"], "not an absolute path"),
    (["--volume", "/tmp:/x:sideways"], "unknown option sideways"),
    (["--tmpfs", "x"], "not an absolute path"),
    (["--platform", "a/b/c/d"], "want OS/ARCH"),
    (["--log-max-size", "1"], "--log-max-size 1"),
    (["--entrypoint", "[1"], "--entrypoint"),
    (["--name", "a/b"], "--name"),
]


def test_invalid_values(_work):
    for options, words in BAD_OPTIONS:
        result = box("true", options=options)
        assert result.status == 125 and words in result.err and not result.out, (options, result)
    assert not containers(), containers()


def test_dry_run(_work):
    config = json.loads(good("run", "--dry-run", "--memory", "64m", "-e", "A=b", image(),
                             "true").out)
    assert config["process"]["args"] == ["true"]
    assert "A=b" in config["process"]["env"]
    assert config["process"]["noNewPrivileges"] is True
    assert config["linux"]["resources"]["memory"]["limit"] == 64 << 20
    assert config["linux"]["resources"]["pids"]["limit"] == 1024
    assert "CAP_NET_RAW" not in config["process"]["capabilities"]["bounding"]
    assert not containers()


# ---- the process ----------------------------------------------------------------------


def test_environment(work):
    env_file = os.path.join(work, "env")
    with open(env_file, "w", encoding="utf-8") as out:
        out.write("# comment\nFROM_FILE=a b\n\nTAKEN\n")
    text = box_good("env", options=["-e", "X=1", "-e", "TAKEN2", "--env-file", env_file,
                                    "-h", "box"],
                    env={"TAKEN": "yes", "TAKEN2": "too", "NOT_TAKEN": "no"})
    lines = text.splitlines()
    for want in ("X=1", "FROM_FILE=a b", "TAKEN=yes", "TAKEN2=too", "HOSTNAME=box"):
        assert want in lines, (want, text)
    assert "NOT_TAKEN" not in text and "PATH=" in text and "HOME=" in text, text


def test_user_workdir_hostname(_work):
    assert box_good("id", "-u", options=["-u", "1234:99"]) == "1234\n"
    assert box_good("id", "-g", options=["-u", "1234:99"]) == "99\n"
    assert box_good("pwd", options=["-w", "/new/dir"]) == "/new/dir\n"
    assert box_good("hostname", options=["--hostname", "box"]) == "box\n"
    assert "box" in box_good("cat", "/etc/hosts", options=["--hostname", "box"])
    result = box("id", options=["-u", "nobody-knows-me"])
    assert result.status == 125 and "nobody-knows-me" in result.err, result


def test_entrypoint(_work):
    assert box_good("hi", options=["--entrypoint", "echo"]) == "hi\n"
    assert box_good("c", options=["--entrypoint", '["echo","a b"]']) == "a b c\n"


def test_confinement(_work):
    status = box_good("cat", "/proc/self/status")
    assert re.search(r"NoNewPrivs:\s+1", status) and re.search(r"Seccomp:\s+2", status), status
    assert re.search(r"CapInh:\s+0+$", status, re.M) and re.search(r"CapAmb:\s+0+$", status, re.M)
    assert "CapBnd:\t00000000000005fb" in status, status
    dropped = box_good("cat", "/proc/self/status", options=["--cap-drop", "ALL"])
    assert "CapBnd:\t0000000000000000" in dropped, dropped
    added = box_good("cat", "/proc/self/status",
                     options=["--cap-drop", "ALL", "--cap-add", "net_raw"])
    assert "CapBnd:\t0000000000002000" in added, added
    free = box_good("cat", "/proc/self/status",
                    options=["--security-opt", "seccomp=unconfined",
                             "--no-new-privileges=false"])
    assert re.search(r"NoNewPrivs:\s+0", free) and re.search(r"Seccomp:\s+0", free), free


def test_descriptors_and_namespaces(_work):
    assert box_good("ls", "/proc/self/fd").split() == ["0", "1", "2", "3"]
    assert box_good("sh", "-c", "echo $$") == "1\n"
    for kind in ("pid", "mnt", "net", "ipc", "uts", "cgroup"):
        inside = box_good("readlink", f"/proc/self/ns/{kind}").strip()
        assert inside != os.readlink(f"/proc/self/ns/{kind}"), kind
    host = box_good("readlink", "/proc/self/ns/net", options=["--network", "host"]).strip()
    assert host == os.readlink("/proc/self/ns/net")


def test_init(_work):
    out = box_good("sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; echo $$", options=["--init"])
    assert out.startswith("/dev/ucr-init -- sh -c"), out
    assert not out.endswith("\n1\n")
    assert shell("exit 9", "--init").status == 9
    assert box("absent", options=["--init"]).status == 127


# ---- files ----------------------------------------------------------------------------


def test_volumes(work):
    with open(os.path.join(work, "file"), "w", encoding="utf-8") as out:
        out.write("from the host")
    assert box_good("cat", "/data/file", options=["-v", f"{work}:/data"]) == "from the host"
    assert shell("echo inside >/data/made", "-v", f"{work}:/data").status == 0
    with open(os.path.join(work, "made"), encoding="utf-8") as made:
        assert made.read() == "inside\n"
    result = shell("echo x >/data/made2", "-v", f"{work}:/data:ro")
    assert result.status != 0 and "Read-only" in result.err, result
    single = f"{work}/file:/etc/one-file:ro"
    assert box_good("cat", "/etc/one-file", options=["--volume", single]) == "from the host"


def test_tmpfs_and_read_only(_work):
    out = box_good("sh", "-c", "df -k /scratch | tail -1", options=["--tmpfs", "/scratch:size=1m"])
    assert " 1024 " in out, out
    result = shell("echo x >/x", "--read-only")
    assert result.status != 0 and "Read-only" in result.err, result
    assert shell("echo x >/t/x", "--read-only", "--tmpfs", "/t").status == 0
    out = box_good("sh", "-c", "df -k /dev/shm | tail -1", options=["--shm-size", "2m"])
    assert " 2048 " in out, out


def test_devices(_work):
    assert shell("mknod /tmp/m c 1 1 2>/dev/null && cat /tmp/m").status != 0
    assert shell("head -c 4 /dev/urandom | wc -c; echo >/dev/null").out == "4\n"
    assert shell("head -c1 /dev/mine | wc -c", "--device", "/dev/zero:/dev/mine:r").out == "1\n"


def test_layer_is_its_own(_work):
    assert shell("echo x >/made-here; rm /bin/true").status == 0
    assert box("true").status == 0
    assert shell("test -e /made-here").status == 1


# ---- limits ---------------------------------------------------------------------------


def test_out_of_memory(_work):
    result = shell("exec dd if=/dev/zero of=/dev/shm/x bs=1M count=60", "-m", "16m")
    assert result.status == 137, result
    assert "killed: out of memory: limit 16 MiB, peak 16 MiB" in result.err, result
    assert "out of memory" not in shell("kill -9 $$; sleep 1", "-m", "16m", "--init").err


def test_limits_inside(_work):
    assert box_good("sh", "-c", "ulimit -n", options=["--ulimit", "nofile=77:99"]) == "77\n"
    out = shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait", "--pids-limit", "4")
    assert out.status != 0 and "fork" in out.err, out
    assert box_good("nproc", options=["--cpuset-cpus", "0"]) == "1\n"
    assert box_good("cat", "/proc/sys/net/core/somaxconn",
                    options=["--sysctl", "net.core.somaxconn=77"]) == "77\n"
    config = json.loads(good("run", "--dry-run", "--cpus", ".25", image(), "true").out)
    assert config["linux"]["resources"]["cpu"] == {"period": 100000, "quota": 25000}, config


# ---- streams --------------------------------------------------------------------------


def test_input(_work):
    done = subprocess.run([cli.UCRCTL, "--root", cli.ROOT, "run", "-i", "--rm", image(), "cat"],
                          input=b"to and fro\n", capture_output=True, check=True)
    assert done.stdout == b"to and fro\n", done
    assert box_good("cat") == ""


def test_much_output_is_lossless(work):
    """a hundred megabytes through a pipe, both ways, with a slow reader"""
    source = os.path.join(work, "source")
    with open(source, "wb") as out:
        for block in range(100):
            out.write(hashlib.sha256(b"%d" % block).digest() * (1 << 15))
    with open(source, "rb") as stdin:
        process = background("run", "-i", "--rm", image(), "cat", stdin=stdin,
                             stdout=subprocess.PIPE)
        digest = hashlib.sha256()
        for count, data in enumerate(iter(lambda: process.stdout.read(1 << 16), b"")):
            digest.update(data)
            if count < 50:
                time.sleep(0.002)
        assert process.wait(60) == 0
    with open(source, "rb") as data:
        assert digest.hexdigest() == hashlib.sha256(data.read()).hexdigest()


def test_reader_that_goes_away(_work):
    """the task meets a broken pipe, as in any pipeline"""
    done = subprocess.run(f"{cli.UCRCTL} --root {cli.ROOT} run --rm {image()} yes | head -1",
                          shell=True, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"y\n", done


def test_platform_of_an_archive(_work):
    """The one image of an archive is refused on another platform, imported or not."""
    for reference in [cli.busybox_archive(), image()]:
        for pull in ["missing", "always"] if "/" in reference else ["missing"]:
            result = run("run", "--rm", "--platform", "linux/s390x", "--pull", pull, reference,
                         "true")
            assert result.status == 125 and "not for linux/s390x" in result.err, result
    good("run", "--rm", "--platform", "linux/amd64", cli.busybox_archive(), "true")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    else:
        tap.main(globals())

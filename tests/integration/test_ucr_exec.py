#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""exec: a further process, as confined as the first one."""
import json
import os
import signal
import subprocess
import time

import tap
import ucrtest

ucrtest.need_root()

FIELDS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp:", "Uid",
          "Gid", "Groups")
SECCOMP = {"defaultAction": "SCMP_ACT_ALLOW",
           "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO",
                         "errnoRet": 77}]}
GETPRIORITY = {"x86_64": "140", "aarch64": "141"}[os.uname().machine]


def status(b, name, *options):
    return b.ucr("exec", *options, name, "/payload", "cat", "/proc/self/status",
                 *FIELDS).stdout


def test_confinement(work):
    """the same user, capabilities, no_new_privs and seccomp as the first process"""
    with ucrtest.bundle(work) as b:
        b.config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7, 8],
                                       "umask": 0o27}
        b.config["linux"]["seccomp"] = SECCOMP
        b.start("a")
        pid = b.state("a")["pid"]
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            first = "".join(line for line in f if line.startswith(FIELDS))
        assert status(b, "a") == first
        assert "Seccomp:\t2" in first and "NoNewPrivs:\t1" in first
        told = b.ucr("exec", "a", "/payload", "id").stdout
        assert told.startswith("5:6 7 8 umask=027"), told
        assert b.ucr("exec", "a", "/payload", "syscall", GETPRIORITY).stdout == "77\n"
        b.ucr("delete", "-f", "a")


IN_CHROOT = ["unshare", "-m", "--propagation", "private", "sh", "-ec", """
mount --rbind / "$1"
here=$PWD top=$1
shift
exec chroot "$top" sh -ec 'cd "$1"; shift; exec "$@"' sh "$here" "$@"
""", "sh"]


def test_chroot(work):
    """a container made from inside a chroot: exec sees its files, not the host's"""
    with ucrtest.bundle(work) as b:
        top = os.path.join(b.path, "chroot")
        os.mkdir(top)
        b.wrapper = [*IN_CHROOT, top]
        b.start("a")
        try:
            with open(os.path.join(b.rootfs, "etc/mine"), "w", encoding="ascii") as f:
                f.write("mine\n")
            assert b.ucr("exec", "a", "/payload", "cat", "/etc/mine", "m").stdout == "mine\n"
        finally:
            b.ucr("delete", "-f", "a")


def test_place(work):
    """the same namespaces and cgroup"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        pid = b.state("a")["pid"]
        b.write()
        run = subprocess.Popen(b.command("exec", "a", "/payload", "wait"),
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        assert run.stdout.readline() == "ready\n"
        others = [p for p in json.loads(b.ucr("ps", "-f", "json", "a").stdout) if p != pid]
        assert len(others) == 1
        for name in os.listdir(f"/proc/{pid}/ns"):
            assert os.readlink(f"/proc/{pid}/ns/{name}") == \
                os.readlink(f"/proc/{others[0]}/ns/{name}"), name
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as one, \
                open(f"/proc/{others[0]}/cgroup", encoding="ascii") as other:
            assert one.read() == other.read()
        assert str(others[0]) in b.ucr("ps", "a").stdout
        run.send_signal(signal.SIGUSR1)
        assert run.wait(30 * ucrtest.SLOW) == signal.SIGUSR1
        run.stdout.close()
        b.ucr("delete", "-f", "a")


def test_unreported(work):
    """a process that the caller cannot be told of does not stay"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        done = subprocess.run(
            b.command("exec", "-d", "--pid-file", "/absent/pid", "a", "/payload", "wait"),
            capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode != 0 and "/absent/pid" in done.stderr, done
        end = time.monotonic() + 10
        while len(json.loads(b.ucr("ps", "-f", "json", "a").stdout)) > 1:
            assert time.monotonic() < end, "the process is still there"
            time.sleep(0.01)
        b.ucr("delete", "-f", "a")


def test_options(work):
    """--cwd, --env, --user, --cap"""
    with ucrtest.bundle(work) as b:
        with open(os.path.join(b.rootfs, "etc/passwd"), "w", encoding="ascii") as f:
            f.write("root:x:0:0::/:\nuser:x:50:60::/home/user:\n")
        with open(os.path.join(b.rootfs, "etc/group"), "w", encoding="ascii") as f:
            f.write("extra:x:70:user\n")
        b.start("a")
        told = b.ucr("exec", "--cwd", "/proc", "-e", "B=2", "-e", "A=x", "a", "/payload",
                     "env").stdout
        assert "cwd=/proc\n" in told and "B=2\n" in told and "A=x\n" in told
        assert "A=1" not in told
        assert b.ucr("exec", "-u", "user", "a", "/payload", "id").stdout.startswith("50:60 70 ")
        assert b.ucr("exec", "-u", "9:10", "a", "/payload", "id").stdout.startswith("9:10 ")
        for bad in ("4294967295", "99999999999", "-1", "nobody-here", "1:x"):
            b.ucr("exec", "-u", bad, "a", "/payload", "id", status=1)
        assert "CapBnd:\t00000000000000a1" not in status(b, "a")
        assert "CapBnd:\t0000000000000061" in status(b, "a", "--cap", "CAP_SETGID")
        b.ucr("delete", "-f", "a")


def test_process_file(work):
    """--process FILE replaces everything, and confines by what it says"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        process = dict(b.config["process"], cwd="/tmp", env=["X=y"],
                       args=["/payload", "env"], capabilities={})
        path = os.path.join(b.path, "process.json")
        with open(path, "w", encoding="ascii") as f:
            json.dump(process, f)
        told = b.ucr("exec", "--process", path, "a").stdout.splitlines()
        assert "X=y" in told and "A=1" not in told and told[-1] == "cwd=/tmp", told
        b.ucr("exec", "--process", path, "a", "/payload", status=1)
        b.ucr("exec", "--process", "/no/file", "a", status=1)
        b.ucr("delete", "-f", "a")


def test_statuses(work):
    """its own exit status, 126 and 127, and 1 for a container that does not run"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        b.ucr("exec", "a", "/payload", "exit", "33", status=33)
        assert "executable file not found" in b.ucr("exec", "a", "nosuch", status=127).stderr
        b.ucr("exec", "a", "/no/such", status=127)
        b.ucr("exec", "a", "/etc", status=126)
        b.ucr("exec", "a", status=1)
        b.ucr("exec", "absent", "/payload", status=1)
        b.ucr("kill", "a", "KILL")
        b.wait_stopped("a")
        assert "stopped" in b.ucr("exec", "a", "/payload", "exit", status=1).stderr
        b.ucr("delete", "a")


def test_detached(work):
    """--detach returns at once and --pid-file tells which process it is"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        pid_file = os.path.join(b.path, "pid")
        subprocess.run(b.command("exec", "-d", "--pid-file", pid_file, "a", "/payload", "wait"),
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with open(pid_file, encoding="ascii") as f:
            pid = int(f.read())
        assert pid in json.loads(b.ucr("ps", "-f", "json", "a").stdout)
        b.ucr("delete", "-f", "a")


def test_descriptors(work):
    """no descriptor of the caller goes in, but for those that were asked for"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        with open("/etc/hostname", encoding="ascii") as one, \
                open("/etc/hostname", encoding="ascii") as two:
            def inherit():
                os.dup2(one.fileno(), 3)
                os.dup2(two.fileno(), 4)
                os.dup2(two.fileno(), 25)
                os.set_inheritable(3, True)
                os.set_inheritable(4, True)
            options = {"close_fds": False, "preexec_fn": inherit}
            assert b.ucr("exec", "a", "/payload", "fds", **options).stdout == "0 1 2 \n"
            assert b.ucr("exec", "--preserve-fds", "2", "a", "/payload", "fds",
                         **options).stdout == "0 1 2 3 4 \n"
            b.ucr("delete", "-f", "a")
            b.args("fds")
            assert b.ucr("run", "b", **options).stdout == "0 1 2 \n"
            assert b.ucr("run", "--preserve-fds", "1", "b", **options).stdout == "0 1 2 3 \n"
            b.args("env")
            env = dict(os.environ, LISTEN_FDS="1")
            told = b.ucr("run", "b", env=env, **options).stdout
            assert "LISTEN_FDS=1\n" in told and "LISTEN_PID=1\n" in told


def test_leaky_cwd(work):
    """a working directory that leads out through a descriptor is refused"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        for fd in range(3, 20):
            done = b.ucr("exec", "--cwd", f"/proc/self/fd/{fd}", "a", "/payload", "env",
                         status=None)
            assert done.returncode != 0, done.stdout
        b.ucr("delete", "-f", "a")
        b.config["process"]["cwd"] = "/proc/self/fd/7/../../.."
        assert "/proc/self/fd/7" in b.ucr("run", "b", status=1).stderr


tap.main(globals())

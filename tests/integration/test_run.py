#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run, exec and attach on real containers: what goes in, what comes out, what stays."""
import hashlib
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import fcntl
import termios
import time

import cli
from cli import good, path, run
import tap

IMAGE = None
CGROUPS = "/sys/fs/cgroup"


def image():
    """The busybox image, loaded once."""
    global IMAGE  # pylint: disable=global-statement
    if not IMAGE:
        out = good("load", "-q", "-i", cli.busybox_archive()).out
        IMAGE = out.split()[-1]
    return IMAGE


def box(*args, options=(), **kw):
    return run("run", "--rm", *options, image(), *args, **kw)


def box_good(*args, options=(), **kw):
    result = box(*args, options=options, **kw)
    assert result.status == 0 and result.err == "", result
    return result.out


def shell(script, *options, **kw):
    return box("sh", "-c", script, options=options, **kw)


def background(*args, **kw):
    """ucrctl as a process to talk to."""
    return subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, *args], **kw)


def eventually(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def status_of(name):
    return json.loads(good("inspect", name).out)[0]["State"]["Status"]


def running(name, command="sleep 1000", *options):
    good("run", "-d", "--name", name, *options, image(), "sh", "-c", command)


def end(name):
    run("rm", "-f", name)


def leftovers():
    """Cgroups, mounts and processes of ours that the kernel still has."""
    cgroups = [d for where, dirs, _ in os.walk(CGROUPS) for d in dirs
               if re.fullmatch("ucr-[0-9a-f]{64}", d)
               and os.path.isdir(os.path.join(cli.ROOT, "containers", d[4:]))]
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        mounted = [line for line in mounts if cli.ROOT in line]
    return cgroups + mounted


def containers():
    return sorted(os.listdir(os.path.join(cli.ROOT, "containers")))


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
    (["--network", "bridge"], "want none or host"),
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


# ---- signals --------------------------------------------------------------------------


def test_signals_are_forwarded(_work):
    process = background("run", "--rm", image(), "sh", "-c",
                         "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
                         stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 5 and process.stdout.read() == "term\n"


def is_pending(pid, number):
    """A signal that is sent again before it was taken arrives once."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        masks = re.findall(r"^(?:SigPnd|ShdPnd):\t(\w+)", status.read(), re.M)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def test_second_interrupt_kills(_work):
    process = background("run", "--rm", image(), "sh", "-c",
                         "trap '' INT; echo ready; while :; do sleep 0.05; done",
                         stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    eventually(lambda: not is_pending(process.pid, signal.SIGINT))
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 137
    assert not containers()


def test_survives_its_command(_work):
    """kill -9 of ucrctl leaves a container running, and its shim cleans up after it"""
    process = background("run", "--rm", "--name", "orphan", image(), "sleep", "1000")
    eventually(lambda: "orphan" in good("ps").out)
    process.kill()
    process.wait()
    time.sleep(0.2)
    assert status_of("orphan") == "running"
    good("stop", "-t", "0", "orphan")
    eventually(lambda: not containers())
    assert not leftovers()


# ---- the terminal ---------------------------------------------------------------------


class Terminal:
    """ucrctl on a pty of its own."""

    def __init__(self, *args, rows=40, columns=100):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.fd = 0
            self.resize(rows, columns)
            os.execv(cli.UCRCTL, [cli.UCRCTL, "--root", cli.ROOT, *args])
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def expect(self, pattern, seconds=60):
        end_at = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            ready = select.select([self.fd], [], [], max(0, end_at - time.monotonic()))[0]
            assert ready, f"{pattern!r} did not come: {self.text!r}"
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            assert data, f"ended without {pattern!r}: {self.text!r}"
            self.text += data.decode(errors="replace")
        self.text = self.text[re.search(pattern, self.text).end():]

    def wait(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def is_raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON


def test_terminal(_work):
    terminal = Terminal("run", "-it", "--rm", image(), "sh")
    terminal.type("test -t 0 && echo is-a-t''ty\r")
    terminal.expect("is-a-tty\r\n")
    assert terminal.is_raw()
    terminal.resize(50, 132)
    terminal.type('while [ "$(stty size)" = "40 100" ]; do sleep 0.1; done; stty size\r')
    terminal.expect("50 132")
    terminal.type("exit 3\r")
    assert terminal.wait() == 3


def test_interrupt_key_goes_inside(_work):
    terminal = Terminal("run", "-it", "--rm", image(), "sh", "-c",
                        "trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.05; done")
    terminal.expect("ready")
    terminal.type("\x03")
    terminal.expect("caught")
    assert terminal.wait() == 4


def test_detach_and_attach(_work):
    terminal = Terminal("run", "-it", "--name", "tty", image(), "sh")
    terminal.type("echo one$((1+1))\r")
    terminal.expect("one2\r\n")
    terminal.type("\x10\x11")
    assert terminal.wait() == 0
    assert status_of("tty") == "running"
    terminal = Terminal("attach", "tty")
    terminal.type("echo again$((1+1))\r")
    terminal.expect("again2\r\n")
    terminal.type("exit 6\r")
    assert terminal.wait() == 6
    good("rm", "tty")


# ---- detached -------------------------------------------------------------------------


def test_detached(_work):
    result = good("run", "-d", "--name", "web", image(), "sh", "-c", "echo started; sleep 1000")
    assert re.fullmatch("[0-9a-f]{64}\n", result.out), result
    try:
        eventually(lambda: good("logs", "web").out == "started\n")
        assert status_of(result.out[:6]) == "running"
        taken = run("run", "-d", "--name", "web", image(), "true")
        assert taken.status == 125 and "web" in taken.err, taken
        good("stop", "-t", "1", "web")
        assert status_of("web") == "exited"
    finally:
        end("web")
    assert not leftovers()


def test_stop_escalates(_work):
    running("stubborn", "trap '' TERM; while :; do sleep 0.05; done")
    try:
        began = time.monotonic()
        good("stop", "-t", "1", "stubborn")
        assert 0.9 < time.monotonic() - began < 9  # 10 s are the usual time
        assert good("wait", "stubborn").out.strip() == "137"
    finally:
        end("stubborn")


def test_wait_logs_and_rotation(_work):
    good("run", "-d", "--name", "chatty", "--log-max-size", "8k", "--log-max-files", "3",
         image(), "sh", "-c", "for i in $(seq 1000); do echo line $i; done; exit 3")
    assert good("wait", "chatty").out.strip() == "3"
    lines = good("logs", "chatty").lines
    assert lines[-1] == "line 1000" and 100 < len(lines) < 1000, len(lines)
    assert lines == [f"line {n}" for n in range(1001 - len(lines), 1001)]
    assert good("logs", "--tail", "2", "chatty").lines == ["line 999", "line 1000"]
    end("chatty")


def test_cidfile(work):
    cidfile = os.path.join(work, "cid")
    box_good("true", options=["--cidfile", cidfile])
    with open(cidfile, encoding="utf-8") as cid:
        assert re.fullmatch("[0-9a-f]{64}", cid.read())
    assert box("true", options=["--cidfile", cidfile]).status == 125


# ---- exec -----------------------------------------------------------------------------


def test_exec(_work):
    running("target", "sleep 1000", "-e", "A=b", "-w", "/tmp")
    try:
        result = run("exec", "target", "sh", "-c", "echo $A; pwd; exit 8")
        assert (result.status, result.out) == (8, "b\n/tmp\n"), result
        assert good("exec", "-e", "A=c", "-w", "/", "-u", "7", "target", "sh", "-c",
                    "echo $A; pwd; id -u").out == "c\n/\n7\n"
        done = subprocess.run([cli.UCRCTL, "--root", cli.ROOT, "exec", "-i", "target", "cat"],
                              input=b"through", capture_output=True, check=True)
        assert done.stdout == b"through"
        assert run("exec", "target", "no-such").status == 127
        assert run("exec", "target", "/etc/passwd").status == 126
        status = good("exec", "target", "cat", "/proc/self/status").out
        assert "CapBnd:\t00000000000005fb" in status and re.search(r"Seccomp:\s+2", status)
        good("exec", "-d", "target", "sh", "-c", "echo done >/tmp/mark; sleep 1000")
        eventually(lambda: run("exec", "target", "cat", "/tmp/mark").out == "done\n")
        terminal = Terminal("exec", "-it", "target", "sh")
        terminal.type("stty size; exit 2\r")
        terminal.expect("40 100")
        assert terminal.wait() == 2
    finally:
        end("target")
    assert run("exec", "target", "true").status == 125
    assert not leftovers()


# ---- nothing stays --------------------------------------------------------------------


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
    eventually(lambda: not good("ps", "-aq").out and not containers(), 90)
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
    eventually(lambda: not os.path.exists(f"/proc/{shim}/fd/0"))
    assert status_of("lost") == "running"
    good("rm", "-f", "lost")
    assert not leftovers() and not containers()


def test_platform_of_an_archive(_work):
    """The one image of an archive is refused on another platform, imported or not."""
    for reference in [cli.busybox_archive(), image()]:
        for pull in ["missing", "always"] if "/" in reference else ["missing"]:
            result = run("run", "--rm", "--platform", "linux/s390x", "--pull", pull, reference,
                         "true")
            assert result.status == 125 and "not for linux/s390x" in result.err, result
    good("run", "--rm", "--platform", "linux/amd64", cli.busybox_archive(), "true")


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

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run of images made to break out: one line of refusal, or the file of the container's
own; nothing on the host changes."""
import os
import shutil
import subprocess

import cli
from image_files import config_of, d, docker_archive, entry, f, layer
from tap import Skip
from ucrtest import need_root, wait_for
import tap

BUSYBOX = shutil.which("busybox")
APPLETS = ("cat", "echo", "env", "grep", "id", "ls", "mount", "pwd", "readlink", "sh", "sleep",
           "stat", "touch")
NAMES = ("bin", "dev", "etc", "proc", "sys", "tmp")
PASSWD = "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n"
GROUP = "root:x:0:\nu:x:1000:\nfriends:x:77:u\n"


def system(*more, without=()):
    """The members of a small root file system."""
    with open(BUSYBOX, "rb") as program:
        members = [*map(d, NAMES), f("bin/busybox", program.read(), mode=0o755),
                   f("etc/passwd", PASSWD), f("etc/group", GROUP)]
    members += [entry("bin/" + name, "l", link="busybox") for name in APPLETS]
    return [m for m in members if m[0].name not in without] + list(more)


def archive(members, **config):
    """Writes an image of one layer; the same name each time."""
    data = layer(*members)
    document = config_of([data], config={"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], **config})
    image = cli.path("hostile.tar")
    with open(image, "wb") as out:
        out.write(docker_archive([data], tags=("hostile:1",), config=document))
    return image


def run(members, *command, options=(), **config):
    return cli.run("run", "--rm", *options, archive(members, **config), *command)


def good(*args, **kw):
    result = run(*args, **kw)
    assert result.status == 0, result
    return result.out


def refused(*args, **kw):
    """One line that says why, and perhaps a hint."""
    result = run(*args, **kw)
    assert result.status == 125, result
    lines = result.err.splitlines()
    assert lines[0].startswith("ucrctl: ") and len(lines) <= 2, result
    assert all(c.isprintable() for line in lines for c in line), result
    assert cli.good("ps", "-aq").out == "", "a container was left"
    return lines[0]


# ---- places the runtime relies on ----------------------------------------------------------

def test_kernel_places_that_are_links(_work):
    """/proc, /sys and /dev of an image that are links or files are refused"""
    for name in "proc", "sys", "dev":
        for kind, link in ("l", "/tmp"), ("l", "../../../../tmp"), ("l", "/proc/self/fd/7"), \
                ("f", ""), ("p", ""):
            said = refused(system(entry(name, kind, link=link), without=(name,)), "true")
            assert f"/{name} of the container is not a plain directory" in said, said


def test_volume_onto_a_link_to_dev(work):
    """devices are not made in a volume whose place the image made a link to /dev"""
    for link in "/dev", "bin/../dev", "/", "/proc", "/proc/self", "/sys/kernel":
        said = refused(system(entry("data", "l", link=link)), "true",
                       options=("-v", f"{work}:/data"))
        assert "a link makes /data a name for" in said, said
    assert os.listdir(work) == []


def test_image_volumes(_work):
    """an image's volumes cover neither procfs, sysfs nor /dev, and copy nothing from there"""
    out = good(system(), "mount", options=("--read-only",),
               Volumes={"/proc/": {}, "//sys": {}, "/dev/../dev": {}, "/a/../../../data": {}})
    tmpfs = [line.split()[2] for line in out.splitlines() if line.startswith("tmpfs on")]
    assert "/data" in tmpfs and not {"/proc", "/sys"} & set(tmpfs), out
    for link in "proc", "/proc/1", "sys/devices/virtual":
        said = refused(system(entry("x", "l", link=link)), "true", options=("--read-only",),
                       Volumes={"/x": {}})
        assert "a link makes /x a name for" in said, said


def test_own_files(work):
    """hosts and hostname go over links, FIFOs and what is missing, inside the root only"""
    canary = os.path.join(work, "canary")
    for name in "etc/hosts", "etc/hostname":
        for odd in entry(name, "l", link=canary), entry(name, "p"), \
                entry(name, "l", link="../../../../run/none"), entry(name, "l", link="passwd"):
            assert good(system(odd), "cat", "/" + name), odd[0].linkname
        said = refused(system(entry(name, "l", link="/proc/self/attr/exec")), "true")
        assert "a name for procfs" in said, said
        refused(system(entry(name, "l", link="/" + name)), "true")
    assert os.listdir(work) == []
    result = run(system(), "sh", "-c", "echo x >/etc/hosts", options=("--read-only",))
    assert result.status == 1 and "Read-only file system" in result.err, result


def test_device_nodes(_work):
    """device nodes of an image open no device but the harmless ones"""
    nodes = {"disk": ("b", (254, 0)), "mem": ("c", (1, 1)), "kmsg": ("c", (1, 11)),
             "tun": ("c", (10, 200))}
    members = [entry(name, kind, dev=dev, mode=0o666) for name, (kind, dev) in nodes.items()]
    for name in nodes:
        result = run(system(*members), "sh", "-c", f"exec 3</{name}")
        assert result.status != 0 and "Operation not permitted" in result.err, result
        result = run(system(*members), "sh", "-c", f"exec 3>/{name}")
        assert result.status != 0 and "Operation not permitted" in result.err, result


def test_sysctls(_work):
    """no spelling of a parameter leads out of those that namespaces have"""
    image = archive(system())
    with open("/proc/sys/kernel/core_pattern") as f_before:
        before = f_before.read()
    for name in "kernel.core_pattern", "kernel/core_pattern", "net/../kernel/core_pattern", \
            "net.ipv4/../../kernel/core_pattern", "net.", ".net", "net..x", "vm.swappiness":
        result = cli.run("run", "--rm", "--sysctl", name + "=1", image, "true")
        assert result.status == 125 and "is not a parameter of a namespace" in result.err, result
    cli.run("run", "--rm", "--sysctl", "kernel.shmmax=1\n+kernel.core_pattern=x", image, "true")
    with open("/proc/sys/kernel/core_pattern") as now:
        assert now.read() == before


def test_working_directory(_work):
    """WORKDIR leads to no descriptor and no other process, by no name"""
    for cwd in "/proc/self/fd/7", "/proc/self/fd/3/../..", "/proc/1/root", "/proc/self/cwd":
        assert "open process.cwd" in refused(system(), "pwd", WorkingDir=cwd), cwd
    fds = [entry(f"w{n}", "l", link=f"/proc/self/fd/{n}") for n in range(3, 20)]
    archive_of_fds = archive(system(*fds))
    for n in range(3, 20):
        result = cli.run("run", "--rm", "-w", f"/w{n}", archive_of_fds, "pwd")
        assert result.status == 125 and "open process.cwd" in result.err, result
    assert good(system(), "pwd", WorkingDir="/a/../../../../made") == "/made\n"


# ---- users --------------------------------------------------------------------------------

def test_users(_work):
    """USER is a name of the image or a number that fits; nothing wraps to root"""
    for user in "4294967295", "4294967296", "99999999999999999999", "1000:4294967295":
        assert "out of range" in refused(system(), "id", User=user), user
    for user in "0x0", "-1", "+0", " 0", "0\n", "u\n0", "nobody", "u:-1", "0:0:0", "\x1b[31m":
        assert refused(system(), "id", User=user).startswith("ucrctl: no "), user
    assert good(system(), "id", User="u") == "uid=1000(u) gid=1000(u) groups=77(friends)\n"
    assert good(system(), "id", User="1000:") == "uid=1000(u) gid=1000(u) groups=77(friends)\n"


def test_user_files(_work):
    """passwd and group that are FIFOs, devices, links out or too large are refused"""
    for name in "passwd", "group":
        path = "etc/" + name
        for odd in entry(path, "p"), entry(path, "l", link="/dev/zero"), \
                entry(path, "l", link="/proc/self/fd/0"), d(path), \
                f(path, "x" * (2 << 20)):
            said = refused(system(odd, without=(path,)), "id", User="u")
            assert f"/{path} of the container" in said, said
    odd = entry("etc/passwd", "l", link="../../../../../../etc/passwd")
    refused(system(odd, without=("etc/passwd",)), "id", User="u")


def test_capabilities_of_a_user(_work):
    """another user than root has no capability in any set but the bounding one"""
    for options in (), ("--cap-add", "NET_ADMIN"):
        out = good(system(), "grep", "-E", "^(Cap|NoNew|Seccomp:)", "/proc/self/status",
                   options=(*options, "-u", "u"))
        fields = dict(line.split(":\t") for line in out.splitlines())
        assert {fields[s] for s in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}, out
        assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2"), out


# ---- the directory of containers -----------------------------------------------------------

def test_root_directory_of_others(work):
    """a directory that somebody else may write is not used, and nothing is made in it"""
    for owner, mode in (0, 0o777), (0, 0o770), (65534, 0o700):
        os.chown(work, owner, 0)
        os.chmod(work, mode)
        result = cli.run("ps", "-a", root=work)
        assert result.status == 125 and "other users may write it" in result.err, result
        assert os.listdir(work) == []


BURY = "cd /tmp; for i in 1 2 3 4 5 6; do mkdir -p $D && cd $D || exit 1; done"


def test_tree_too_deep_for_descriptors(_work):
    """a container cannot make itself unremovable by a deep tree"""
    deep = "/".join(["d"] * 300)
    image = archive(system(entry("bin/mkdir", "l", link="busybox")))
    done = subprocess.run(
        ["prlimit", "--nofile=512:512", cli.UCRCTL, "--root", cli.ROOT, "run", "--rm", "-e",
         "D=" + deep, image, "sh", "-c", BURY],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    wait_for(lambda: os.listdir(os.path.join(cli.ROOT, "containers")) == [], "its removal")


def test_many_who_remove(_work):
    """kill and rm of the same container, several at once: one does it, nobody crashes"""
    image = archive(system())
    for _ in range(3):
        cli.good("run", "-d", "--name", "contended", image, "sleep", "60")
        several = [subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, *words, "contended"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                   for words in (["rm", "-f"], ["kill"], ["rm", "-f"], ["stop", "-t", "0"])]
        for one in several:
            said = one.communicate(timeout=60)[1]
            assert one.returncode in (0, 1, 125), (one.args, one.returncode, said)
        cli.run("rm", "-f", "contended")
        assert cli.good("ps", "-aq").out == ""


# ---- what an image says --------------------------------------------------------------------

def test_text_is_data(_work):
    """labels, stop signals and names cannot drive a terminal, and claim no prefix of ours"""
    image = archive(system(), StopSignal="\x1b[31m",
                    Labels={"org.ucr.user": "0", "run.oci.seccomp.receiver": "/x", "a": "\x1b[2J"})
    cli.good("run", "-d", "--name", "text", image, "sleep", "60")
    try:
        out = "".join(cli.good(*words).out for words in (
            ("ps", "-a"), ("inspect", "text"), ("images",), ("ps", "--format", "{{.Labels}}")))
        assert "\x1b" not in out, out
        assert "org.ucr" not in cli.good("inspect", "--type", "container", "text").out
        assert "run.oci" not in cli.good("inspect", "--type", "container", "text").out
    finally:
        cli.run("kill", "text")
        cli.run("wait", "text")
        cli.run("rm", "text")


def test_environment_is_data(_work):
    """newlines and odd names in the environment reach the process, and nothing else"""
    env = ["PATH=/bin", "A=b\nC=d", "=x", "HOME=a\nb", "UCR_LIBEXECDIR=/x", "LD_PRELOAD=/x"]
    out = good(system(), "env", Env=env)
    for assignment in env:
        assert assignment in out, out


# ---- the runtime's own program -------------------------------------------------------------

OPEN_FOR_WRITING = """
for n in 1 2 3 4 5 6 7 8 9 10; do
  if echo evil 2>/dev/null >>/proc/1/exe; then echo WRITTEN; fi
done
stat -c %s /proc/1/exe
"""


def test_own_program_is_out_of_reach(_work):
    """neither the program that enters a container nor its init can be written from inside"""
    before = {p: os.stat(os.path.join(cli.BUILD, "bin", p)) for p in ("ucrctl", "ucr-init")}
    for script in "/bin/x", "/proc/self/exe":
        members = system(f("bin/x", "#!/proc/self/exe\n", mode=0o755))
        run(members, script)
    result = run(system(), "sh", "-c", OPEN_FOR_WRITING, options=("--init",))
    assert "WRITTEN" not in result.out, result
    for name, st in before.items():
        now = os.stat(os.path.join(cli.BUILD, "bin", name))
        assert (now.st_size, now.st_mtime, now.st_ino) == (st.st_size, st.st_mtime, st.st_ino)


# Holds what another process executes, and writes to it when nothing executes it any more.
WATCH = r"""
own=$(stat -Lc %i /proc/$$/exe)
while :; do
  for p in /proc/[0-9]*; do
    for f in $p/fd/[3-9]; do
      t=$(readlink $f 2>/dev/null) && case $p:$t in
        /proc/$$:*|*:/proc*|*:pipe*|*:anon_inode*|*:/var/lib/ucr*|*:) ;; *) echo "FD $t";; esac
    done
    i=$(stat -Lc %i $p/exe 2>/dev/null); [ -n "$i" ] && [ "$i" != "$own" ] || continue
    exec 9<$p/exe || continue
    kill -9 ${p#/proc/}
    while e=$( (echo evil >>/proc/self/fd/9) 2>&1 ); case $e in *busy*) ;; *) false;; esac; do :; done
    echo "finished: $e"
    exec 9<&-
  done
done
"""


def test_exec_into_a_watching_container(_work):
    """whoever enters a hostile container shows it neither descriptors nor a writable program"""
    if tap.is_sanitized("ucrctl"):
        raise Skip("the program of a sanitizer does not start where its libraries are not")
    image = archive(system())
    before = os.stat(cli.UCRCTL)
    cli.good("run", "-d", "--name", "watch", image, "sh", "-c", WATCH)
    try:
        def attack():
            # Two of it in turn keep the program busy, and the watcher waiting: end it then.
            with subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, "exec", "watch",
                                   "/proc/self/exe", "events"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as bait:
                try:
                    bait.wait(3)
                except subprocess.TimeoutExpired:
                    bait.terminate()
            return "finished" in cli.run("logs", "watch").out
        wait_for(attack, "the attack", 120)  # the watcher looks around: it may miss some
        cli.run("exec", "watch", "id")
        said = cli.run("logs", "watch").out
    finally:
        cli.run("kill", "watch")
        cli.run("wait", "watch")
        cli.run("rm", "watch")
    assert "Read-only file system" in said and "FD" not in said, said
    after = os.stat(cli.UCRCTL)
    assert (after.st_size, after.st_mtime) == (before.st_size, before.st_mtime)


# ---- the unpacker --------------------------------------------------------------------------

KEPT = sum(1 << cap for cap in (0, 1, 3, 4, 27, 31))  # of capabilities(7)


def child_of(pid, name):
    for other in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{other}/stat") as line:
                fields = line.read().replace("(", "").replace(")", "").split()
        except OSError:
            continue
        if fields[1] == name and fields[3] == str(pid):
            return other
    return None


def test_unpacker_is_confined(work):
    """while it reads, the unpacker has an empty root, no terminal, a filter, few capabilities"""
    if tap.is_sanitized("ucr-unpack"):
        raise Skip("a sanitizer needs what is taken away")
    pipe = os.path.join(work, "pipe")
    os.mkfifo(pipe)
    loading = subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, "load", pipe],
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with open(pipe, "wb"):
        pid = wait_for(lambda: child_of(loading.pid, "ucr-unpack"), "ucr-unpack")

        def status():
            with open(f"/proc/{pid}/status") as text:
                fields = dict(line.split(":\t") for line in text.read().splitlines())
            return fields if fields["Seccomp"] == "2" else None
        fields = wait_for(status, "its filter")
        assert int(fields["CapEff"], 16) | int(fields["CapPrm"], 16) == KEPT, fields
        assert (int(fields["CapBnd"], 16), fields["NoNewPrivs"]) == (KEPT, "1"), fields
        assert os.listdir(f"/proc/{pid}/root") == []
        with open(f"/proc/{pid}/mounts") as mounts:
            assert len(mounts.readlines()) == 1
        for name in "mnt", "net", "ipc", "uts":
            assert os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        assert {os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)} == {"/dev/null"}
    assert b"is empty" in loading.communicate(timeout=60)[1] and loading.returncode == 125


SPY = """#!/usr/bin/env python3
import array, os, socket
peer = socket.socket(fileno=3)
_, control, _, _ = peer.recvmsg(70000, socket.CMSG_SPACE(200 * 4))
fds = array.array("i")
for _, _, value in control:
    fds.frombytes(value)
with open(os.environ["SPY_LOG"], "w") as log:
    for fd in fds:
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            top = os.open("../" * 20, os.O_RDONLY, dir_fd=fd)
            log.write(f"{os.path.samestat(os.stat(top), os.stat('/'))}\\n")
"""


def test_directories_for_the_unpacker(work):
    """the directories that the unpacker is given have nothing above them"""
    libexec, layout, log = (os.path.join(work, n) for n in ("libexec", "layout", "log"))
    os.mkdir(libexec)
    with open(os.path.join(libexec, "ucr-unpack"), "w") as program:
        program.write(SPY)
    os.chmod(os.path.join(libexec, "ucr-unpack"), 0o755)
    os.makedirs(os.path.join(layout, "blobs"))
    for name in "oci-layout", "index.json":
        with open(os.path.join(layout, name), "w") as out:
            out.write("{}")
    result = cli.run("load", "oci:" + layout, env={"UCR_LIBEXECDIR": libexec, "SPY_LOG": log})
    assert result.status == 125, result
    with open(log) as lines:
        assert lines.read() == "False\nFalse\n", "a way out"


if __name__ == "__main__":
    need_root()
    if not BUSYBOX:
        print("1..0 # SKIP no static busybox")
        raise SystemExit(77)
    tap.main(globals())

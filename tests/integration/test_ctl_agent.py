#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl through an agent's socket: the same words, the same answers."""
import contextlib
import glob
import json
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time

from agent import JSON as JSON_TYPE
import cli
from ctl_agent import Remote
from image_files import d, docker_archive, f, layer
import tap


def ctl(*args, env=None):
    return cli.Result(subprocess.run([cli.UCRCTL, *args], stdin=subprocess.DEVNULL,
                                     capture_output=True, encoding="utf-8", check=False,
                                     env={**os.environ, **(env or {})}))


def test_whom_it_speaks_to(work):
    """--host, then --root, then UCR_HOST; version and info say which; both at once are refused"""
    with Remote(work) as agent:
        place = f"unix://{agent.path}"
        told = agent.good("version", "--format", "{{.Host}} {{.HostVersion}}").out
        assert re.fullmatch(re.escape(place) + r" \d\S*\n", told), told
        assert f"at {place}" in agent.good("--version").out
        rows = {r["Check"]: r for r in map(json.loads, agent.good("info", "--format", "json").lines)}
        assert place in rows["agent"]["Found"] and "cpus:" in rows["resources"]["Found"], rows
        assert ctl("--host", place, "version", env={"UCR_HOST": "unix:///nowhere"}).status == 0
        local = ctl("--root", f"{work}/other", "info", "--format", "json", env={"UCR_HOST": place})
        assert '"store"' in local.out and place not in local.out, local
        assert "give one of them" in ctl("--host", place, "--root", work, "ps").err


def test_found_by_itself(work):
    """without a word the agent at /run/ucr/agent.sock is asked where there is no directory of one's own"""
    with Remote(work) as agent:
        agent.start_task("one", "sleep 1000")
        script = ("mount -t tmpfs x /run && mount -t tmpfs x /var/lib && mkdir -m 700 /run/ucr && "
                  f"touch /run/ucr/agent.sock && mount --bind {agent.path} /run/ucr/agent.sock && "
                  f"{cli.UCRCTL} version --format '{{{{.Host}}}}' && {cli.UCRCTL} ps --format '{{{{.Names}}}}' && "
                  f"mkdir -m 700 /var/lib/ucr && {cli.UCRCTL} version --format '-{{{{.Host}}}}-' && "
                  f"{cli.UCRCTL} ps -q")
        done = subprocess.run(["unshare", "-m", "sh", "-ec", script], capture_output=True, check=False,
                              encoding="utf-8", env={k: v for k, v in os.environ.items() if k != "UCR_HOST"})
        assert done.stdout.split() == ["unix:///run/ucr/agent.sock", "one", "--"] and not done.stderr, done
        agent.good("rm", "-f", "one")


def test_nobody_there(work):
    """an agent that is not there, that may not be spoken to, and what is no host"""
    for host, word in ((f"unix://{work}/none", "no agent answers"), ("tcp://1.2.3.4:5", "unix://"),
                       ("unix://relative", "unix://"), ("x" * 5000, "unix://")):
        done = ctl("ps", env={"UCR_HOST": host})
        assert done.status == 125 and word in done.err and "hint" in done.err, (host, done)
    done = ctl("version", env={"UCR_HOST": f"unix://{work}/none"})
    assert done.status == 125 and done.out.startswith("ucr "), done


def test_other_verbs(work):
    """what an agent is not asked for is refused in words, whatever the verb"""
    with Remote(work) as agent:
        for args in (("gc",), ("fsck",), ("unpack", "x", f"{work}/new"), ("export", "x")):
            said = agent.refused(*args)
            assert args[0] in said and agent.path in said and "hint" in said, said


def uploading(agent, length, data):
    """A request that says how long its body is, and what of it was sent."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(agent.path)
    connection.sendall(b"POST /images/archive HTTP/1.1\r\nHost: x\r\n"
                       b"Content-Length: %d\r\n\r\n" % length + data)
    return connection


def test_archives(work):
    """an archive of this host's is sent and run as it is; of one that is cut off nothing stays"""
    data = layer(d("bin/"), f("bin/hello", "#!/bin/sh\necho hello\n", mode=0o755),
                 f("filler", random.Random(1).randbytes(3 << 20)))
    path = f"{work}/image.tar"
    with open(path, "wb") as file:
        file.write(docker_archive([data], tags=("one:1",)))
    with Remote(work) as agent:
        for length in (0, 70000, os.path.getsize(path) - 1024):
            with open(path, "rb") as file:
                uploading(agent, os.path.getsize(path), file.read(length)).close()
        tap.eventually(lambda: not agent.workers())
        assert agent.good("images", "-q").out == ""
        done = agent.good("run", "--rm", cli.busybox_archive(), "echo", "from a file")
        assert done.out == "from a file\n", done
        assert agent.good("load", "-q", "-i", path).out == "Loaded image: one:1\n"
        with open(path, "rb") as file:
            assert agent.good("load", "docker-archive:-:one:1", stdin=file).out == "Loaded image: one:1\n"
        said = agent.refused("load", f"{work}/none.tar")
        assert "none.tar" in said, said
        said = agent.refused("load", work)
        assert "directory" in said and "hint" in said, said
        with open(f"{work}/rubbish", "wb") as file:
            file.write(b"not an archive" * 100000)
        said = agent.refused("load", f"{work}/rubbish")
        assert f"load {work}/rubbish" in said and "not a tar archive" in said, said
        said = agent.refused("load", f"oci-archive:{path}:two")
        assert path in said and "standard input" not in said, said
        assert len(agent.good("images", "-q").lines) == 2
        assert not glob.glob(f"{agent.root}/images/tmp/*")


def test_image_names(work):
    """one more name, one less, and the image itself; what a container uses stays"""
    with Remote(work) as agent:
        agent.good("load", "-i", cli.busybox_archive())
        agent.good("tag", "busybox", "other:2")
        names = agent.good("images", "--format", "{{.Repository}}:{{.Tag}}").lines
        assert sorted(names) == ["busybox:latest", "other:2"], names
        assert agent.good("rmi", "other:2").out == "Untagged: docker.io/library/other:2\n"
        assert "none" in agent.refused("tag", "none", "x")
        assert "none" in agent.refused("rmi", "none")
        agent.good("rmi", "-f", "none")
        agent.good("run", "-d", "--name", "one", "busybox", "sleep", "1000")
        assert "use" in agent.refused("rmi", "busybox")
        agent.good("rm", "-f", "one")
        lines = agent.good("rmi", "busybox").lines
        assert lines[0] == "Untagged: docker.io/library/busybox:latest" and lines[1].startswith("Deleted: sha256:"), lines
        assert agent.good("images", "-q").out == ""
        told = agent.good("events", "--stream=false", "--format", "{{.Type}} {{.Image}}").lines
        told = [line for line in told if line.split()[0] in ("import", "tag", "untag", "gc")]
        assert told == ["import -", "tag other:2", "untag other:2", "untag busybox"], told


def test_flame(work):
    """an agent samples what runs there"""
    with Remote(work) as agent:
        agent.start_task("busy", "while :; do :; done")
        done = agent.ctl("flame", "--duration", "1s", "busy")
        if done.status and "perf" in done.err:
            raise tap.Skip(done.err.strip())
        assert done.status == 0 and done.out.startswith("<?xml") and "busy" in done.out, done
        folded = agent.good("flame", "--duration", "1s", "--format", "folded", "-o", f"{work}/f", "busy")
        with open(f"{work}/f", encoding="utf-8") as file:
            assert folded.out == "" and re.search(r"^\S.* \d+$", file.read(), re.M)
        assert "frequency" in agent.refused("flame", "--frequency", "0", "busy")
        assert "no container" in agent.refused("flame", "none")
        agent.start_task("brief", "true")
        agent.wait("brief")
        assert "not run" in agent.refused("flame", "brief")
        agent.good("rm", "-f", "busy", "brief")


def timeless(text):
    """Without how long ago something was: it may be a second later when the other is asked."""
    return re.sub(r"\d+ (seconds?|minutes?)", "TIME", text)


def test_lists(work):
    """ps, inspect, top, images: the same columns and documents as on the host itself"""
    with Remote(work) as agent:
        cli.good("load", "-i", cli.busybox_archive(), root=agent.root)
        agent.start_task("one", "sleep 1000")
        cli.good("run", "-d", "--name", "two", "-l", "a=b", "busybox", "sleep", "1000", root=agent.root)
        agent.start_task("gone", "exit 3")
        agent.good("wait", "gone")
        for args in (("ps", "-a", "--format", "json"), ("ps", "-q", "--no-trunc"),
                     ("ps", "--filter", "label=a=b", "--format", "{{.Names}} {{.Command}} {{.Pid}}"),
                     ("ps", "-a", "--filter", "status=exited", "--format", "{{.Names}} {{.ExitCode}}"),
                     ("images", "--format", "json"), ("images", "-q"), ("inspect", "one", "two", "gone"),
                     ("inspect", "busybox"), ("inspect", "--type", "image", "busybox"),
                     ("inspect", "--format", "{{.State.Pid}}", "two"),
                     ("top", "two", "--format", "{{.PID}} {{.PPID}} {{.Command}}")):
            here, there = cli.good(*args, root=agent.root), agent.good(*args)
            assert timeless(here.out) == timeless(there.out) != "", (args, here, there)
        assert "one" in agent.good("ps").out and "gone" not in agent.good("ps").out
        identity = json.loads(agent.good("inspect", "one").out)[0]["Id"]
        assert agent.good("inspect", "--format", "{{.Name}}", identity[:10]).out == "one\n"
        assert "there is no" in agent.refused("inspect", "nothing")
        assert "no container" in agent.refused("top", "nothing")
        agent.good("rm", "-f", "one", "two")


def test_ends(work):
    """kill, stop (by signal, then by force), wait, rm"""
    with Remote(work) as agent:
        agent.start_task("a", "trap 'exit 7' TERM; while :; do sleep 0.1; done")
        agent.start_task("b", "trap '' TERM; while :; do sleep 0.1; done")
        agent.start_task("c", "sleep 1000")
        assert "runs" in agent.refused("rm", "c") or "running" in agent.refused("rm", "c")
        begun = time.monotonic()
        assert agent.good("stop", "-t", "1", "a", "b").out.split() == ["a", "b"]
        assert 0.9 < time.monotonic() - begun < 20
        assert agent.good("wait", "a", "b").out.split() == ["7", "137"]
        assert agent.good("kill", "-s", "INT", "c").out == "c\n"
        agent.good("kill", "c")
        assert agent.good("wait", "c").out.split() == ["137"]
        assert agent.good("rm", "a", "b", "c").out.split() == ["a", "b", "c"]
        assert agent.good("rm", "-f", "a").out == ""
        assert "no container" in agent.refused("rm", "a")
        done = agent.ctl("kill", "x", agent.start_task("d", "sleep 1000"))
        assert done.status == 125 and done.out == "d\n", done
        agent.good("rm", "-f", "d")


def serve_once(path, answer):
    """A server of one answer, which is no agent."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                connection.recv(65536)
                with contextlib.suppress(OSError):
                    connection.sendall(answer)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


def answer(text):
    return JSON % (len(text), text)


def test_hostile_agents(work):
    """whatever answers, ucrctl says what is wrong, and no control character reaches the terminal"""
    container = {"id": "a" * 64, "status": "running", "name": "x"}
    for i, bad in enumerate((
            b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", b"x" * 100000,
            answer(b""), answer(b"{"), answer(b"[]"), answer(b'{"list_containers":{"containers":[{}]}}'),
            answer(b"[" * 5000), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<a>",
            b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            answer(json.dumps({"list_containers": {"containers": [{**container, "id": "../x"}]}}).encode()),
            answer(json.dumps({"list_containers": {"containers": [{**container, "name": "\x1b[2J"}]}}).encode()),
            answer(json.dumps({"list_containers": {"containers": [{**container, "status": "odd"}]}}).encode()),
            b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)):
        path = f"{work}/s{i}"
        with contextlib.closing(serve_once(path, bad)):
            done = ctl("--host", f"unix://{path}", "ps")
            if i in (4, 6):  # an answer of nothing is an empty list
                continue
            assert done.status == 125 and done.err.startswith("ucrctl"), (bad[:60], done)
            assert "\x1b" not in done.err + done.out, done
    said = b'{"error":"bad \\u001b[2J","hint":"go \\u0007"}'
    path = f"{work}/said"
    with contextlib.closing(serve_once(path, b"HTTP/1.1 404 No\r\nContent-Type: application/json\r\n"
                                       b"Content-Length: %d\r\n\r\n%s" % (len(said), said))):
        done = ctl("--host", f"unix://{path}", "top", "x")
        assert done.status == 125 and "bad \\x1b" in done.err and "\x07" not in done.err, done


def test_own_calls_refused(work):
    """what is wrong in a call that Mesos does not have is named; ids are not guessed for a change"""
    with Remote(work) as agent:
        agent.start_task("one", "sleep 1000")
        identity = agent.call("FIND_CONTAINER", container_id={"value": "one"})[1]["find_container"]["id"]
        for kind, fields, status, word in (
                ("STOP_CONTAINER", {"container_id": {"value": "one"}, "timeout": "soon"}, 400, "timeout"),
                ("STOP_CONTAINER", {"container_id": {"value": "../x"}}, 400, "container_id"),
                ("STOP_CONTAINER", {}, 400, "container_id"),
                ("FIND_CONTAINER", {"container_id": {"value": 3}}, 400, "container_id"),
                ("INSPECT_CONTAINER", {"container_id": {"value": identity[:12]}}, 404, "no container"),
                ("REMOVE_CONTAINER", {"container_id": {"value": identity[:12]}, "force": True}, 404, "no"),
                ("INSPECT_IMAGE", {"name": "none"}, 404, "none"),
                ("PULL_IMAGE", {"name": "/etc/passwd"}, 400, "passwd"),
                ("PULL_IMAGE", {"name": "a", "platform": "////"}, 400, "platform"),
                ("RUN_CONTAINER", {"image": "a", "platform": "////", "run": {}}, 400, "platform"),
                ("LIST_NOTHING", {}, 400, "LIST_NOTHING")):
            text = json.dumps({"type": kind, kind.lower(): fields})
            got, body, _ = agent.request("POST", "/api/v1", text, JSON_TYPE)
            said = json.loads(body)
            assert got == status and word in said["error"], (kind, fields, got, said)
        agent.good("rm", "-f", "one")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

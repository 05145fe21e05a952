#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers in containers: who may ask for them, what they get, and how they end."""
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

from agent import Agent
import cli
from docker_api import DockerAgent, docker_program
import nested
import tap

DEPTH = 8


# What a sanitizer does at the end of a program cannot be done in a container.
QUIET = ("--env", "ASAN_OPTIONS=detect_leaks=0")


def rows_of(name, pattern):
    with open(f"{tap.source_dir()}/agentd/{name}", encoding="utf-8") as file:
        return re.findall(pattern, file.read(), re.M)


def calls_of_mesos(name):
    """Each call that names a container, of Mesos' and of our own: kept in step with the tables."""
    rows = rows_of("api-calls.c", r'^\t\{ "([A-Z_]+)", "[a-z-]+",\s*"([a-z_]+)",\s*(\w+)')
    rows += rows_of("api-own-calls.c", r'^\t\{ "([A-Z_]+)", "[a-z-]+",\s*"([a-z_]+)",\s*(\w+)')
    more = {"EXEC_CONTAINER": {"run": {"command": ["true"]}, "attach": False}}
    for kind, _, fields in rows:
        if fields in ("container_call_members", "container_members", "exec_members", "log_members"):
            yield nested.call(kind, container_id={"value": name}, **more.get(kind, {}))
    yield nested.call("LIST_FILES", path=f"{name}/stdout")
    yield nested.call("READ_FILE", path=f"{name}/stdout", offset=0)
    inner = {"value": "x", "parent": {"value": name}}
    yield nested.call("LAUNCH_NESTED_CONTAINER", container_id=inner, command=shell("true"))
    yield nested.call("WAIT_NESTED_CONTAINER", container_id=inner)


def calls_of_docker(name):
    for method, path in rows_of("docker-calls.c", r'^\t\{ "([A-Z]+)", "((?:containers|exec)/\*[^"]*)"'):
        reference = (name[:32] + "1" * 64)[:64] if path.startswith("exec") else name
        yield (method, "/" + path.replace("*", reference) + "?name=other&h=1&w=1&stdout=1",
               {"Cmd": ["true"], "Detach": True} if method == "POST" else None)


def shell(text, **more):
    return {"value": text, **more}


def outer(agent, name="outer", **more):
    assert agent.launch(name, shell("sleep 1000"), nesting=True, **more)[0] == 200
    return nested.inside(agent, name)


def memory(megabytes):
    return [{"name": "mem", "scalar": {"value": megabytes}}]


ALONE = {"NetworkMode": "none"}  # shares nothing: whoever it likes, root unless it says


def run_image(agent, inside, text, **fields):
    """By Docker's API, in that container: the exit status and the log, or those of a refusal."""
    config = {"Image": "busybox", "Cmd": ["sh", "-c", text], **fields}
    (status, made), = inside.requests(("POST", "/containers/create", config))
    if status != 201:
        return status, made["message"]
    started, waited = inside.requests(("POST", f"/containers/{made['Id']}/start", None),
                                      ("POST", f"/containers/{made['Id']}/wait", None))
    if started[0] != 204:
        return started[0], started[1]["message"]
    return waited[1]["StatusCode"], cli.good("logs", made["Id"], root=agent.root).out


def cgroups_of(container_id):
    found = subprocess.run(["find", "/sys/fs/cgroup/", "-type", "d", "-name", f"*{container_id[:16]}*"],
                           capture_output=True, encoding="utf-8", check=False)
    return found.stdout.split()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return sum(map(int, file.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def test_launch(work):
    """a container starts another one in itself, without an image: the same root, ids and directory"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        assert inside.call("GET_HEALTH")[1]["get_health"] == {"healthy": True}
        assert not inside.names()
        assert inside.launch("kid", "echo kid > /tmp/kid; id -u; pwd; exit 3") == (200, None)
        assert inside.launch("kid")[0] == 202
        assert inside.wait("kid") == {"exit_status": 3 << 8}
        assert nested.log_of(agent, "kid").split() == ["65534", "/mnt/mesos/sandbox"]
        seen = cli.good("exec", "outer", "cat", "/tmp/kid", root=agent.root).out
        assert seen == "kid\n", seen
        assert inside.call("REMOVE_CONTAINER", container_id={"value": "kid"}) == (200, None)
        assert inside.call("WAIT_CONTAINER", container_id={"value": "kid"})[0] == 404


def test_who_may_ask(work):
    """the host's root, another container and a child are no processes of the container"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        path, _ = nested.container_of(agent, "outer")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            fd = os.open(f"{path}/socket", os.O_PATH)
            client.connect(f"/proc/self/fd/{fd}/agent.sock")
            os.close(fd)
            answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 403 ") and b"of the container" in answer, answer
        other = outer(agent, "other")
        assert other.call("GET_HEALTH")[0] == 200 and not other.names()
        ask = ("import socket; s = socket.socket(socket.AF_UNIX); s.connect('/tmp/agent.sock'); "
               "print(s.recv(12).decode())")
        # Nor is another user there, who could have files of the first one's by a child.
        for user in ("1000:1000", "1000:65534"):
            done = cli.good("exec", "--user", user, "outer", "python3", "-c",
                            ask.replace("/tmp", "/run/ucr"), root=agent.root)
            assert done.out == "HTTP/1.1 403\n", (user, done)
        for user in ("65534:1000", "0:0"):
            done = cli.good("exec", "--user", user, "outer", "python3", "-c", nested.CLIENT,
                            json.dumps([nested.call("GET_HEALTH")]), root=agent.root)
            assert json.loads(done.out)[0][0] == 200, (user, done)
        # What the agent keeps to itself.
        for kind in ("GET_AGENT", "LIST_CONTAINERS", "GET_CONTAINERS"):
            assert "outer" not in json.dumps(inside.call(kind)[1]), kind
        assert inside.call("GET_AGENT")[0] == 403
        assert inside.launch("kid")[0] == 200
        kid = cli.run("exec", nested.container_of(agent, "kid")[1], "ls", "/run/ucr", root=agent.root)
        assert kid.out == "", kid
        # Nor is one that is given its parent's socket a process of that.
        told = inside.launch("given", f'python3 -c "{ask}"', container={"type": "MESOS", "volumes": [
            {"host_path": "/run/ucr", "container_path": "/tmp", "mode": "RO"}]})
        assert told == (200, None), told
        assert inside.wait("given") == {"exit_status": 0}, nested.log_of(agent, "given")
        assert nested.log_of(agent, "given") == "HTTP/1.1 403\n"


def test_scope(work):
    """siblings and descendants, by name and by id; nobody else is there, in the same words"""
    with nested.serving(Agent(work)) as agent:
        inside, other = outer(agent), outer(agent, "other")
        assert inside.launch("kid", nesting=True)[0] == 200
        assert inside.launch("kid2")[0] == 200 and other.launch("kid")[0] == 200
        assert inside.names() == {"kid", "kid2"} and other.names() == {"kid"}
        ids = cli.good("ps", "-aq", "--no-trunc", root=agent.root).lines
        mine = {json.load(open(f"{agent.root}/containers/{i}/container.json", encoding="utf-8"))["name"]: i
                for i in ids if nested.container_of(agent, "outer")[1] in json.dumps(json.load(
                    open(f"{agent.root}/containers/{i}/container.json", encoding="utf-8")).get("parents"))}
        kid = nested.Inside(agent, mine["kid"])
        assert kid.names() == set() and kid.launch("grandkid")[0] == 200
        assert kid.names() == {"grandkid"}
        assert inside.names(show_nested=True) == {"kid", "kid2", "grandkid"}
        for name in ("kid2", "outer", "other", mine["kid2"], mine["kid"],
                     nested.container_of(agent, "outer")[1], "0" * 64):
            status, answer = kid.call("KILL_CONTAINER", container_id={"value": name})
            assert status == 404 and answer["error"] == f"no container {name}", answer
        assert inside.call("KILL_NESTED_CONTAINER", container_id={
            "value": "grandkid", "parent": {"value": "kid"}}) == (200, None)
        answer = agent.call("WAIT_NESTED_CONTAINER", container_id={
            "value": "grandkid", "parent": {"value": "kid", "parent": {"value": "outer"}}})
        assert answer == (200, {"type": "WAIT_NESTED_CONTAINER",
                                "wait_nested_container": {"exit_status": signal.SIGKILL}}), answer
        assert set(agent.containers()) == {"outer", "other"}
        listed = agent.call("GET_CONTAINERS", show_nested=True)[1]["get_containers"]["containers"]
        assert {"value": "kid2", "parent": {"value": "outer"}} in [c["container_id"] for c in listed]


def test_mesos_calls(work):
    """LAUNCH_, KILL_ and REMOVE_NESTED_CONTAINER over the agent's own socket"""
    with nested.serving(Agent(work)) as agent:
        outer(agent)
        name = {"value": "kid", "parent": {"value": "outer"}}
        assert agent.call("LAUNCH_NESTED_CONTAINER", container_id=name,
                          command=shell("sleep 1000")) == (200, None)
        assert agent.call("KILL_NESTED_CONTAINER", container_id=name) == (200, None)
        assert agent.call("WAIT_NESTED_CONTAINER", container_id=name)[0] == 200
        assert agent.call("REMOVE_NESTED_CONTAINER", container_id=name) == (200, None)
        assert agent.call("REMOVE_NESTED_CONTAINER", container_id=name)[0] == 404
        status, answer = agent.call("LAUNCH_NESTED_CONTAINER", container_id={"value": "kid"},
                                    command=shell("true"))
        assert status == 400 and "parent" in answer["error"], answer
        assert agent.launch("plain", shell("sleep 1000"))[0] == 200
        status, answer = agent.call("LAUNCH_NESTED_CONTAINER", command=shell("true"), container_id={
            "value": "kid", "parent": {"value": "plain"}})
        assert status == 403 and "not made for" in answer["error"], answer
        status, answer = agent.call("LAUNCH_NESTED_CONTAINER", command=shell("true"), container_id={
            "value": "kid", "parent": {"value": "none"}})
        assert status == 404 and "none" in answer["error"], answer


def test_depth(work):
    """eight deep, and the end of the outermost ends and removes all"""
    with nested.serving(Agent(work)) as agent:
        inside, ids = outer(agent), []
        for n in range(DEPTH):
            assert inside.launch(f"deep{n}", nesting=True)[0] == 200
            inside = nested.inside(agent, f"deep{n}")
            ids.append(inside.reference)
        assert inside.launch("last", "echo deep")[0] == 200
        assert inside.wait("last") == {"exit_status": 0}
        assert nested.log_of(agent, "last") == "deep\n"
        pids = [c["container_status"]["executor_pid"] for c in agent.call(
            "GET_CONTAINERS", show_nested=True)[1]["get_containers"]["containers"]]
        assert len(pids) == DEPTH + 1, pids
        root_id = nested.container_of(agent, "outer")[1]
        started = time.monotonic()
        assert agent.kill("outer") == (200, None)
        assert agent.wait("outer") == {"exit_status": signal.SIGKILL}
        print(f"# {DEPTH} deep: all ended in {time.monotonic() - started:.3f} s")
        assert not [p for p in pids if os.path.exists(f"/proc/{p}")]
        tap.eventually(lambda: os.listdir(f"{agent.root}/containers") == [root_id])
        assert not any(cgroups_of(i) for i in [root_id, *ids])
        mounts = open("/proc/self/mountinfo", encoding="utf-8").read()
        assert agent.root not in mounts


def test_ends(work):
    """an ordinary end takes what is inside with it; so does removal by force"""
    with nested.serving(Agent(work)) as agent:
        word = shell("until [ -e /tmp/end ]; do sleep 0.1; done")
        assert agent.launch("short", word, nesting=True)[0] == 200
        inside = nested.inside(agent, "short")
        assert inside.launch("kid", "trap '' TERM; sleep 1000")[0] == 200
        kid = nested.container_of(agent, "kid")[0]
        cli.good("exec", "short", "touch", "/tmp/end", root=agent.root)
        assert agent.wait("short") == {"exit_status": 0}
        tap.eventually(lambda: not os.path.exists(kid))
        outer(agent)
        inside = nested.inside(agent, "outer")
        assert inside.launch("kid")[0] == 200
        cli.good("rm", "--force", "outer", root=agent.root)
        assert cli.good("ps", "-aq", root=agent.root).lines == cli.good(
            "ps", "-aq", "--filter", "name=short", root=agent.root).lines


def test_limits_hold_for_all(work):
    """memory and processes of all children together stay below what the parent has"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent, resources=memory(64))
        status, answer = inside.launch("greedy", resources=memory(65))
        assert status == 403 and "--memory" in answer["error"], answer
        eat = "x=1234567890; while :; do x=$x$x; done"
        assert inside.launch("one", eat, resources=memory(64))[0] == 200
        assert inside.wait("one")["exit_status"] == signal.SIGKILL
        assert inside.launch("two", eat)[0] == 200
        assert inside.wait("two")["exit_status"] == signal.SIGKILL
        assert agent.containers()["outer"]["resource_statistics"]["mem_limit_bytes"] == 64 << 20
        # Each would have its own 1024 processes, and all have them together.
        many = outer(agent, "many")
        for name in ("many1", "many2", "many3"):
            assert many.launch(name, "for i in $(seq 400); do sleep 1000 & done; wait")[0] == 200
        # One that gets no more ends; several may meet the limit at once.
        tap.eventually(lambda: len(many.names()) < 3, 120)
        usage = agent.containers()["many"]["resource_statistics"]
        assert usage["processes"] <= 1024, usage


def test_killed_agent(work):
    """kill -9 of the agent: children go on, and their container's socket answers the next agent"""
    agent = Agent(work).start()
    with contextlib.closing(agent):
        inside = outer(agent)
        assert inside.launch("stays")[0] == 200
        assert inside.launch("ends", "until [ -e /tmp/end ]; do sleep 0.1; done; exit 7")[0] == 200
        agent.end(signal.SIGKILL)
        ends = cli.good("inspect", "--format", "{{.State.Pid}}", nested.container_of(agent, "ends")[1],
                        root=agent.root).out.strip()
        cli.good("exec", "outer", "touch", "/tmp/end", root=agent.root)
        tap.eventually(lambda: not os.path.exists(f"/proc/{ends}"))
        agent.start()
        assert inside.wait("ends") == {"exit_status": 7 << 8}
        assert inside.names() == {"stays"} and inside.launch("more")[0] == 200
        agent.end(signal.SIGKILL)
        # An agent that was away when the parent ended finds nothing of the children.
        cli.good("kill", "outer", root=agent.root)
        agent.start()
        tap.eventually(lambda: len(os.listdir(f"{agent.root}/containers")) == 1)
        assert not agent.containers()


def test_killed_shim(work):
    """a parent whose shim was killed is cleaned up by the agent when it ends, children and all"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        assert inside.launch("kid")[0] == 200
        kid = nested.container_of(agent, "kid")[0]
        pid = agent.containers()["outer"]["container_status"]["executor_pid"]
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            shim = int(file.read().rpartition(")")[2].split()[1])
        os.kill(shim, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        tap.eventually(lambda: not os.path.exists(kid))


def test_idle_role(work):
    """a container's ucr-api is there while somebody speaks, and comes again"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        assert len(agent.children(True)) == 1
        inside.call("GET_HEALTH")
        assert len(agent.children(True)) == 2
        tap.eventually(lambda: len(agent.children(True)) == 1, 20)
        assert inside.call("GET_HEALTH")[0] == 200


def test_killed_role(work):
    """a container's ucr-api that dies is back after a while, however often it dies"""
    with nested.serving(Agent(work)) as agent:
        inside, own = outer(agent), agent.children(True)
        assert inside.call("GET_HEALTH")[0] == 200
        for _ in range(3):
            role, = set(agent.children(True)) - set(own)
            os.kill(role, signal.SIGKILL)
            tap.eventually(lambda gone=role: gone not in agent.children(True))
            assert inside.call("GET_HEALTH")[0] == 200
        assert agent.children(True)[0] == own[0]


def test_no_room(work):
    """an agent that may open no more files does not spin, and answers once it may"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        pid = agent.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        free = next(n for n in range(len(used) + 1) if n not in used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
        told = []
        asking = threading.Thread(target=lambda: told.append(inside.call("GET_HEALTH")[0]))
        asking.start()
        time.sleep(1)
        before = cpu_seconds(pid)
        time.sleep(2)
        used_seconds = cpu_seconds(pid) - before
        assert not told, told
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        asking.join()
        assert told == [200] and used_seconds < 0.2, (told, used_seconds)


def test_many_below(work):
    """so many containers below one, however deep, and no more"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        assert inside.launch("kid", nesting=True)[0] == 200
        kid = nested.inside(agent, "kid")
        # Launches that were noted and are not yet there.
        noted = [f"{nested.container_of(agent, n % 2 and 'kid' or 'outer')[0]}/children/{n:064x}" for n in range(255)]
        os.makedirs(os.path.dirname(noted[1]), mode=0o700)
        for path in noted:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        for place in (inside, kid):
            status, answer = place.launch("more")
            assert status == 403 and "256 containers are in container" in answer["error"], answer
        os.unlink(noted[0])
        assert kid.launch("more")[0] == 200
        assert inside.launch("another")[0] == 403
        assert kid.names() == {"more"} and inside.names() == {"kid"}


def test_share_of_workers(work):
    """who hangs up and comes back, from however many containers, keeps no more workers busy than others of
    his task may"""
    stubborn = "trap '' TERM; while :; do sleep 1; done"
    with nested.serving(DockerAgent(work, "--workers", "8")) as agent:
        inside = outer(agent)
        assert inside.launch("kid", stubborn, nesting=True)[0] == 200
        assert inside.launch("kid2", stubborn, nesting=True)[0] == 200
        deeper = [nested.inside(agent, name) for name in ("kid", "kid2")]
        for place in deeper:
            assert place.launch("below", stubborn)[0] == 200
        asking = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/ucr/agent.sock'); " \
            "s.sendall(b'POST /containers/%s/stop?t=1000 HTTP/1.1\\r\\nHost: a\\r\\n" \
            "Content-Length: 0\\r\\n\\r\\n'); import time; time.sleep(0.3)"
        for _ in range(3):
            for place, name in ((inside, "kid"), *((d, "below") for d in deeper)):
                cli.good("exec", place.reference, "python3", "-c", asking % name, root=agent.root)
        workers = agent.workers()
        assert len(workers) == 3, workers  # a quarter, and one
        assert agent.launch("other", shell("sleep 1000"))[0] == 200


def test_outsiders(work):
    """no call of any interface sees, stops, executes in or names who is not in the scope: each says the
    same as of one that there is not"""
    with nested.serving(DockerAgent(work)) as agent:
        inside = outer(agent)
        assert inside.launch("kid")[0] == 200
        assert agent.launch("stranger", shell("echo secret; sleep 1000"))[0] == 200
        assert agent.create("asleep", "true")[0] == 201
        stranger = nested.container_of(agent, "stranger")[1]
        own = nested.container_of(agent, "outer")[1]
        absent = "0" * 64

        def answers(name):
            requests = [*calls_of_mesos(name), *calls_of_docker(name)]
            told = inside.requests(*requests)
            for request, answer in zip(requests, told):
                assert answer[0] >= 400, (request, answer)
            shown = (name[:32] + "1" * 64)[:64]
            return [json.dumps(t).replace(shown, "X").replace(name, "X") for t in told], requests

        expected, _ = answers(absent)
        assert len(expected) > 30, expected
        for name in ("stranger", "asleep", "outer", stranger, own, stranger[:12], own[:12]):
            for was, told, request in zip(expected, *answers(name)):
                assert told == was, (request, told, was)
        assert {"outer", "stranger"} == set(agent.containers())
        assert [s for s in (agent.api("GET", f"/containers/{n}/json")[1]["State"]["Status"]
                            for n in ("stranger", "outer", "asleep"))] == ["running", "running", "created"]
        assert inside.names() == {"kid"}


def test_ucrctl(work):
    """run, ps, exec, logs, stop and rm of ucrctl in a container, by the socket that it is told of"""
    with nested.serving(DockerAgent(work)) as agent:
        outer(agent)

        with open(cli.UCRCTL, "rb") as program:
            cli.good("exec", "-i", "outer", "sh", "-c", "cat > /tmp/ctl && chmod 755 /tmp/ctl",
                     stdin=program, root=agent.root)

        def ctl(*args, status=0):
            done = cli.run("exec", *QUIET, "outer", "/tmp/ctl", *args, root=agent.root)
            assert done.status == status, (args, done)
            return done.out

        assert ctl("run", "--rm", "busybox", "sh", "-c", "echo in; exit 7", status=7) == "in\n"
        assert ctl("run", "-d", "--name", "kid", "busybox", "sh", "-c", "echo said; sleep 1000")
        assert ctl("ps", "--format", "{{.Names}}") == "kid\n"
        assert ctl("exec", "kid", "echo", "there") == "there\n"
        tap.eventually(lambda: ctl("logs", "kid") == "said\n")
        kid = nested.container_of(agent, "kid")[1]
        assert kid in ctl("inspect", kid[:12])
        assert ctl("stop", "--timeout", "0", "kid")
        assert ctl("rm", "kid") and ctl("ps", "-aq") == ""
        if tap.is_sanitized("ucrctl"):
            return  # it is not static, and an image has nothing to link it with
        # As deep as one likes; a volume is a path of the container that it is asked for in.
        deeper = ["run", "--rm", *QUIET, "--nesting", "--volume", "/tmp:/tmp", "busybox", "/tmp/ctl"]
        assert ctl(*deeper, *deeper, "run", "--rm", "busybox", "echo", "deep") == "deep\n"


def test_user(work):
    """who is not root in a container is itself in what shares anything with it, and makes no
    directory there as root; root is who shares nothing"""
    with nested.serving(DockerAgent(work)) as agent:
        inside = outer(agent)

        def run(text, **fields):
            return run_image(agent, inside, text, **fields)

        assert run("id -u; id -g; id -G") == (0, "65534\n65534\n65534\n")
        assert run("id -u", HostConfig=ALONE) == (0, "0\n")
        assert run("id -u", HostConfig=ALONE, User="5") == (0, "5\n")
        assert run("id -u", HostConfig={**ALONE, "Binds": ["/tmp:/x"]}) == (0, "65534\n")
        status, why = run("id -u", User="0")
        assert status == 403 and "user 65534:65534" in why, why
        assert run("pwd", WorkingDir="/made") == (0, "/made\n")
        status, why = run("pwd", WorkingDir="/x/made", HostConfig={"Binds": ["/tmp:/x"]})
        assert status >= 400 and "/x/made" in why, (status, why)
        for option, config in (("publish", {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}),
                               ("dns", {"Dns": ["192.0.2.1"]}), ("cpuset_mems", {"CpusetMems": "0"})):
            status, why = run("true", HostConfig=config)
            assert status == 403 and f"{option}: a container in a container" in why, (status, why)
        assert cli.good("exec", "outer", "ls", "/tmp", root=agent.root).out == ""


def test_docker(work):
    """the docker command in a container: what it runs is nested there, and it sees nothing else"""
    with nested.serving(DockerAgent(work)) as agent:
        if not docker_program():
            raise tap.Skip("docker is not installed (Debian: docker.io)")
        outer(agent)
        assert agent.launch("stranger", shell("sleep 1000"))[0] == 200

        def docker(*args, status=0):
            done = cli.run("exec", "--env", "HOME=/tmp", "outer", docker_program(), *args, root=agent.root)
            assert done.status == status, (args, done)
            return done.out

        assert "Server: ucr" in docker("version")
        assert docker("run", "--rm", "busybox", "sh", "-c", "echo in; exit 5", status=5) == "in\n"
        assert docker("run", "-d", "--name", "kid", "busybox", "sh", "-c", "echo said; sleep 1000")
        assert docker("ps", "--format", "{{.Names}}") == "kid\n"
        assert docker("exec", "kid", "echo", "there") == "there\n"
        tap.eventually(lambda: docker("logs", "kid") == "said\n")
        assert json.loads(docker("inspect", "kid"))[0]["Name"] == "/kid"
        with open(nested.container_of(agent, "kid")[0] + "/container.json", encoding="utf-8") as file:
            assert json.load(file)["parents"] == [nested.container_of(agent, "outer")[1]]
        docker("inspect", "stranger", status=1)
        docker("kill", "stranger", status=1)
        assert docker("create", "--name", "later", "busybox", "echo", "late")
        assert docker("start", "-a", "later") == "late\n"
        docker("rm", "-f", "kid", "later")
        assert docker("ps", "-aq") == ""
        assert set(agent.containers()) == {"outer", "stranger"}


def test_prune_images(work):
    """PRUNE_IMAGES removes what no container has, and is not for who is in one"""
    with nested.serving(DockerAgent(work)) as agent:
        inside = outer(agent)
        kept = {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "busybox"}}}}
        assert inside.launch("kid", container=kept)[0] == 200
        assert inside.call("PRUNE_IMAGES")[0] == 403
        assert agent.call("PRUNE_IMAGES") == (200, None)
        assert len(agent.api("GET", "/images/json")[1]) == 1
        status, answer = agent.call("PRUNE_IMAGES", excluded_images=[{"type": "DOCKER"}])
        assert status == 400 and "excluded_images" in answer["error"], answer
        agent.kill("outer")
        agent.wait("outer")
        tap.eventually(lambda: len(os.listdir(f"{agent.root}/containers")) == 1)
        assert agent.call("PRUNE_IMAGES") == (200, None)
        assert agent.api("GET", "/images/json")[1] == []


def test_old_kernel(work):
    """a child with an image on a kernel that takes no detached layers"""
    tap.need_fail_points()
    agent = DockerAgent(work)
    agent.env = {"UCR_FAIL": "overlay-detached:1:eio"}
    check = "id -u; touch /x && rm /bin/ls && stat -c %u /x"
    with nested.serving(agent):
        status, log = run_image(agent, outer(agent), check, HostConfig=ALONE)
        assert (status, log) == (0, "0\n0\n"), (status, log)


def test_session(work):
    """LAUNCH_NESTED_CONTAINER_SESSION tells what the child says; the child ends with the connection"""
    with nested.serving(Agent(work)) as agent:
        inside = outer(agent)
        connection, answer = agent.session("outer", "kid", "echo hello; cat; sleep 1000")
        text = b""
        while b"aGVsbG8K" not in text:  # "hello"
            text += answer.read1()
        assert inside.names() == {"kid"}
        connection.close()
        answer.close()
        tap.eventually(lambda: not inside.names())
        name = {"value": "kid", "parent": {"value": "outer"}}
        ended = agent.call("WAIT_NESTED_CONTAINER", container_id=name)[1]["wait_nested_container"]
        assert ended == {"exit_status": signal.SIGKILL}, ended
        _, answer = agent.session("outer", "short", "echo out; exit 4")
        assert b"b3V0Cg==" in answer.read()
        name["value"] = "short"
        ended = agent.call("WAIT_NESTED_CONTAINER", container_id=name)[1]["wait_nested_container"]
        assert ended == {"exit_status": 4 << 8}, ended
        # An agent that dies takes its sessions with it, and nothing else.
        _, answer = agent.session("outer", "last", "sleep 1000")
        tap.eventually(lambda: inside.names() == {"last"})
        assert inside.launch("stays")[0] == 200
        agent.end(signal.SIGKILL)
        agent.start()
        tap.eventually(lambda: inside.names() == {"stays"})


def test_task(work):
    """a task's field asks for the socket"""
    with nested.serving(Agent(work)) as agent:
        status, answer = agent.launch_task("build", shell("sleep 1000"), nesting=True)
        assert status == 202 or status == 200, answer
        agent.task_until("build", "TASK_RUNNING")
        inside = nested.Inside(agent, cli.good("ps", "-q", "--no-trunc", root=agent.root).lines[0])
        assert inside.launch("kid", "exit 2")[0] == 200
        assert inside.wait("kid") == {"exit_status": 2 << 8}
        assert inside.call("GET_TASKS")[0] == 403


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

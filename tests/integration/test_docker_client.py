#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The docker command as Debian has it, unmodified, on an agent's socket."""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import time

import boxes
from cli import busybox_archive
from docker_api import DockerAgent, become_host, docker_program, registries_of
import networks
import registry
import tap


class Client(DockerAgent):
    """Skips what needs the command where it is not installed."""

    def start(self):
        if not docker_program():
            raise tap.Skip("docker is not installed (Debian: docker.io)")
        return super().start()

    def background(self, *args, **kw):
        return subprocess.Popen(
            [docker_program(), "-H", f"unix://{self.path}", *args], encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "DOCKER_CONFIG": os.path.dirname(self.path)},
            **{"stdin": subprocess.DEVNULL, **kw})


class DockerTerminal(boxes.Terminal):
    """The same words on a pty."""

    def program(self, args, env):
        return docker_program(), [docker_program(), *args]


def test_about(work):
    """version, info, images, inspect"""
    with Client(work) as agent:
        text = agent.docker_good("version")
        assert "Server: ucr" in text and "1.41" in text, text
        assert "Images: 1" in agent.docker_good("info")
        assert re.search(r"busybox +latest", agent.docker_good("images")), "images"
        found, = json.loads(agent.docker_good("image", "inspect", "busybox"))
        assert found["RepoTags"] == ["busybox:latest"], found
        agent.docker_good("tag", "busybox", "box:2")
        assert "box" in agent.docker_good("images", "box")
        assert "Untagged: " in agent.docker_good("rmi", "box:2")
        said = agent.docker_good("load", "-i", busybox_archive())
        assert said == "Loaded image: busybox:latest\n", said
        done = agent.docker("load", stdin="no archive")
        assert done.returncode == 1 and "archive" in done.stderr, done
        done = agent.docker("inspect", "none")
        assert done.returncode == 1 and "No such object: none" in done.stderr, done


def test_run(work):
    """run in the foreground: output apart, input, the program's status, and nothing left of --rm"""
    with Client(work) as agent:
        done = agent.docker("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3")
        assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n"), done
        text = "x" * 200000 + "\nend\n"
        assert agent.docker_good("run", "--rm", "-i", "busybox", "cat", stdin=text) == text
        for command, taken in (("true", 0), ("head -c 9000", 9000)):
            done = agent.docker("run", "--rm", "-i", "busybox", *command.split(), stdin="x" * 3000000)
            assert (done.returncode, done.stdout) == (0, "x" * taken), (command, done)
        done = agent.docker("run", "--rm", "busybox", "no-such-program")
        assert done.returncode == 127 and "executable file not found" in done.stderr, done
        assert agent.docker("run", "--rm", "busybox", "/etc").returncode == 126
        done = agent.docker("run", "--name", "kept", "-e", "A=b", "-w", "/tmp", "-u", "1:1", "-l", "k=v",
                            "--hostname", "h", "--memory", "64m", "--cpus", "0.5", "--read-only",
                            "--tmpfs", "/run", "busybox", "sh", "-c", "echo $A $(pwd) $(id -u) $(hostname)")
        assert (done.returncode, done.stdout) == (0, "b /tmp 1 h\n"), done
        assert agent.docker_good("ps", "-a", "--format", "{{.Names}} {{.State}}") == "kept exited\n"
        assert agent.docker_good("start", "-a", "kept") == "b /tmp 1 h\n"
        assert agent.docker_good("logs", "kept") == "b /tmp 1 h\n" * 2
        assert agent.docker_good("rm", "kept") == "kept\n"
        assert agent.docker_good("ps", "-aq") == ""


def test_refused(work):
    """what an agent does not give is refused in words that say so"""
    with Client(work) as agent:
        for options, word in ((("--privileged",), "Privileged"), (("--pid", "host"), "PidMode"),
                              (("--restart", "always"), "RestartPolicy"),
                              (("--device", "/dev/null:/dev/x"), "Devices"),
                              (("--memory-swappiness", "5"), "MemorySwappiness"),
                              (("--log-opt", "max-size=1m"), "LogConfig.Config"),
                              (("--network", "mine"), "NetworkMode"),
                              (("--ip", "10.99.0.9"), "IPv4Address"),
                              (("--security-opt", "seccomp=unconfined"), "SecurityOpt")):
            done = agent.docker("run", *options, "busybox", "true")
            assert done.returncode == 125 and word in done.stderr and "refused" in done.stderr, done
        os.mkdir(f"{work}/context")
        with open(f"{work}/context/Dockerfile", "w", encoding="ascii") as file:
            file.write("FROM busybox\n")
        done = agent.docker("build", f"{work}/context", env={"DOCKER_BUILDKIT": "0"})
        assert done.returncode and "not built" in done.stderr, done


def test_network(work):
    """the default is a bridge with the ports that -p names, and none and host are what they say"""
    with Client(work) as agent:
        agent.docker_good("run", "-d", "--name", "web", "-p", "31080:80", "busybox", "sleep", "1000")
        pid = int(agent.docker_good("inspect", "-f", "{{.State.Pid}}", "web"))
        with networks.server(pid, "tcp", 80, "web"), \
                networks.server(networks.WORLD.pid, "tcp", 80, "world"):
            assert networks.ask(networks.WORLD.pid, "tcp", networks.HOST4, 31080) == \
                f"web {networks.WORLD4}"
            assert networks.ask(pid, "tcp", networks.WORLD4, 80) == f"world {networks.HOST4}"
        assert "31080" in agent.docker_good("port", "web", "80/tcp")
        agent.docker_good("rm", "-f", "web")
        assert agent.docker_good("run", "--rm", "--network", "none", "busybox", "ls",
                                 "/sys/class/net") == "lo\n"
        done = agent.docker("run", "--network", "host", "busybox", "true")
        assert done.returncode == 125 and "host's network" in done.stderr, done
        done = agent.docker("run", "-p", "9:9", "busybox", "true")
        assert done.returncode == 125 and "port 9 of the host" in done.stderr, done
        assert agent.docker_good("ps", "-aq") == ""


def test_environment(work):
    """-e with a name alone takes what is there away, also for exec"""
    with Client(work) as agent:
        shown = agent.docker_good("run", "--rm", "-e", "HOSTNAME", "-e", "A=b", "busybox", "env")
        assert "HOSTNAME" not in shown and "A=b\n" in shown, shown
        agent.docker_good("run", "-d", "--name", "a", "-e", "A=b", "busybox", "sleep", "1000")
        assert "A=b\n" in agent.docker_good("exec", "a", "env")
        assert "A=" not in agent.docker_good("exec", "-e", "A", "a", "env")
        agent.docker_good("rm", "-f", "a")


def test_detached(work):
    """in the background: ps, top, exec, logs -f, wait, stop, restart, kill, rm"""
    with Client(work) as agent:
        script = "trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done"
        assert len(agent.docker_good("run", "-d", "--name", "a", "busybox", "sh", "-c", script)) == 65
        assert agent.docker_good("ps", "--format", "{{.Names}} {{.Image}}") == "a busybox\n"
        top = agent.docker_good("top", "a", "-eo", "pid,comm")
        assert top.splitlines()[0].split() == ["PID", "COMMAND"] and "sh" in top, top
        assert agent.docker_good("exec", "a", "echo", "hi") == "hi\n"
        assert agent.docker_good("exec", "-i", "a", "cat", stdin="in\n") == "in\n"
        assert agent.docker("exec", "a", "sh", "-c", "exit 5").returncode == 5
        done = agent.docker("exec", "a", "no-such-program")
        assert done.returncode == 127 and "not found" in done.stderr, done
        agent.docker_good("exec", "-d", "a", "touch", "/made")
        assert agent.docker_good("exec", "-w", "/", "-e", "A=b", "a", "sh", "-c", "ls /made; echo $A") == \
            "/made\nb\n"
        with agent.background("logs", "-f", "a") as logs, agent.background("wait", "a") as waiting:
            time.sleep(0.5)
            assert agent.docker_good("stop", "a") == "a\n"
            assert logs.communicate(timeout=30)[0] == "up\n"
            assert waiting.communicate(timeout=30)[0] == "4\n"
        agent.docker_good("restart", "a")
        assert agent.docker_good("exec", "a", "ls", "/made") == "/made\n"
        agent.docker_good("kill", "--signal", "KILL", "a")
        assert agent.docker_good("wait", "a") == "137\n"
        assert agent.docker_good("inspect", "-f", "{{.State.Status}} {{.Name}}", "a") == "exited /a\n"
        agent.docker_good("rm", "a")
        agent.docker_good("create", "--name", "b", "busybox", "true")
        assert agent.docker_good("ps", "-a", "--filter", "status=created", "--format", "{{.Names}}") == "b\n"
        assert "Total reclaimed space" in agent.docker_good("container", "prune", "-f")


def test_events(work):
    """what happens comes while it does, filtered, and what has happened on demand"""
    with Client(work) as agent:
        with agent.background("events", "--format", "{{.Action}} {{.Actor.Attributes.name}}",
                              "--filter", "container=a") as events:
            time.sleep(1)
            agent.docker("run", "--rm", "--name", "b", "busybox", "true")
            agent.docker("run", "--rm", "--name", "a", "busybox", "sh", "-c", "exit 3")
            seen = [events.stdout.readline() for _ in range(4)]
            events.send_signal(signal.SIGINT)
        assert seen == [f"{what} a\n" for what in ("create", "start", "die", "destroy")], seen
        agent.docker_good("tag", "busybox", "other:1")
        def past():
            """Docker's "0s" is the beginning of the second."""
            return agent.docker_good("events", "--since", "10m", "--until", "0s", "--filter", "event=die",
                                     "--filter", "event=tag", "--format", "{{json .}}").splitlines()

        tap.eventually(lambda: len(past()) == 3)
        b, a, tag = map(json.loads, past())
        assert b["Actor"]["Attributes"] == {"image": "busybox", "name": "b", "exitCode": "0"}, b
        assert a["from"] == "busybox" and a["Actor"]["Attributes"]["exitCode"] == "3", a
        assert tag["Type"] == "image" and abs(tag["time"] - time.time()) < 60, tag
        done = agent.docker("events", "--filter", "label=x", "--until", "0s")
        assert done.returncode and "label=x" in done.stderr, done
        tap.eventually(lambda: processes_of(agent) == 1)


def test_stats(work):
    """what a container uses: once, as a stream that ends with the reader, and of one that is over"""
    with Client(work) as agent:
        agent.docker_good("run", "-d", "--name", "a", "--memory", "64m", "busybox", "sh", "-c",
                          "while :; do :; done")
        shown = agent.docker_good("stats", "--no-stream", "--format", "{{json .}}", "a")
        stats = json.loads(shown)
        assert stats["Name"] == "a" and stats["MemUsage"].endswith("/ 64MiB"), stats
        assert float(stats["CPUPerc"].rstrip("%")) > 5 and int(stats["PIDs"]) >= 1, stats
        with agent.background("stats", "--format", "{{.Name}} {{.CPUPerc}}", "a") as stream:
            time.sleep(3)
            stream.kill()
            assert re.search(r"a \d+\.\d+%", stream.communicate(timeout=30)[0])
        tap.eventually(lambda: processes_of(agent) == 1)
        agent.docker_good("rm", "-f", "a")
        assert agent.docker("stats", "--no-stream", "a").returncode == 1


def test_terminal(work):
    """run -it and exec -it on a terminal: its size, its keys"""
    with Client(work) as agent:
        env = {**os.environ, "DOCKER_HOST": f"unix://{agent.path}"}
        terminal = DockerTerminal("run", "--rm", "-it", "--name", "t", "busybox", "sh", rows=33,
                                  columns=77, env=env)
        terminal.expect("# ")
        for _ in range(50):
            terminal.type("stty size\n")
            terminal.expect(r"stty size\r\n")
            terminal.expect("# ")
            if agent.docker_good("exec", "t", "stty", "-F", "/dev/pts/0", "size") == "33 77\n":
                break
            time.sleep(0.1)
        inside = DockerTerminal("exec", "-it", "t", "sh", "-c", "tty; read x; echo got $x", env=env)
        inside.expect(r"/dev/pts/\d+")
        inside.type("word\n")
        inside.expect("got word")
        assert inside.wait() == 0
        terminal.type("exit 6\n")
        assert terminal.wait() == 6
        assert agent.docker_good("ps", "-aq") == ""


def test_pull(work):
    """pull, and run of an image that is not there yet"""
    become_host()
    with registry.Registry() as server, Client(
            work, "--registries", registries_of(work, server)) as agent:
        server.put_image("t/app", "1")
        server.put_image("t/app", "2")
        name = f"{server.host}/t/app"
        assert "Downloaded newer image" in agent.docker_good("pull", f"{name}:1")
        assert "up to date" in agent.docker_good("pull", f"{name}:1")
        done = agent.docker("pull", f"{name}:none")
        assert done.returncode == 1 and "none" in done.stderr, done
        done = agent.docker("pull", "--platform", "linux/s390x", f"{name}:1")
        assert done.returncode == 1 and "s390x" in done.stderr, done
        done = agent.docker("create", "--platform", "linux/s390x", f"{name}:1", "x")
        assert done.returncode and "s390x" in done.stderr, done
        done = agent.docker("create", f"{name}:2", "x")
        assert done.returncode == 0 and "Unable to find image" in done.stderr, done


def test_client_gone(work):
    """a client that is killed leaves no process of the agent behind"""
    with Client(work) as agent:
        agent.docker_good("run", "-d", "--name", "a", "busybox", "sleep", "1000")
        followers = [agent.background("logs", "-f", "a") for _ in range(3)]
        followers += [agent.background("wait", "a"), agent.background("attach", "a")]
        time.sleep(1)
        for follower in followers:
            follower.send_signal(signal.SIGKILL)
            follower.communicate()
        tap.eventually(lambda: processes_of(agent) == 1)
        assert agent.docker_good("ps", "-q")
        agent.docker_good("rm", "-f", "a")


def processes_of(agent):
    """How many processes have this agent's command line."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        count += agent.path.encode() in words and b"ucr-agentd" in os.path.basename(words[0])
    return count


def test_many(work):
    """twenty at once, each with its own output and status"""
    with Client(work) as agent, concurrent.futures.ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda n: agent.docker(
            "run", "--rm", "busybox", "sh", "-c", f"echo {n}; exit {n}"), range(20)))
        for number, one in enumerate(done):
            assert (one.returncode, one.stdout) == (number, f"{number}\n"), one
        assert agent.docker_good("ps", "-aq") == ""


if __name__ == "__main__":
    try:
        tap.main(globals())
    finally:
        networks.leave()

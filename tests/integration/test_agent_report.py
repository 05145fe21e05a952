#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-agentd --reporter: metrics pushed to a server of Graphite, whatever that server does."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from agent import AGENTD, Agent
import tap

LINE = re.compile(r"[A-Za-z0-9_.-]+ [-+0-9.e]+ [0-9]+")


class Graphite:
    """A server that keeps every line."""

    def __init__(self, port=0):
        self.lines, self.connections, self.peers = [], 0, []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.peers.append(peer)
            threading.Thread(target=self.read, args=(peer,), daemon=True).start()

    def read(self, peer):
        try:
            with peer, peer.makefile(encoding="ascii") as file:
                for line in file:
                    self.lines.append(line)
        except OSError:
            pass

    def hang_up(self):
        """Ends the connections; the next ones are accepted."""
        for peer in self.peers:
            with contextlib.suppress(OSError):  # it hung up itself
                peer.shutdown(socket.SHUT_RDWR)
        self.peers = []

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()

    def wait_for(self, word, since=0, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            for line in self.lines[since:]:
                if word in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no {word} in {self.lines[since:]}")


def reporter(port, more="prefix=dc1.host&interval=1", host="127.0.0.1"):
    return ("--reporter", f"graphite=tcp://{host}:{port}/{more}")


def roles(agent):
    found = []
    for pid in agent.children(False):
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            if file.read() == "ucr-report\n":
                found.append(pid)
    return found


def test_push(work):
    """each interval: lines of the agent and of each container, in Graphite's form"""
    server = Graphite()
    with Agent(work, *reporter(server.port)) as agent:
        assert agent.launch("web.1", {"value": "sleep 1000"})[0] == 200
        line = server.wait_for("dc1.host.ucr_container_memory_bytes.web_1 ")
        assert abs(int(line.split()[2]) - time.time()) < 60, line
        server.wait_for("dc1.host.ucr_agent_cpus ")
        server.wait_for("dc1.host.ucr_containers.running 1 ")

        def times():
            return {line.split()[2] for line in list(server.lines) if ".ucr_agent_cpus " in line}
        end = time.time() + 30
        while len(times()) < 3:
            assert time.time() < end, times()
            time.sleep(0.1)
        assert server.connections == 1, "one connection for all"
        assert all(LINE.fullmatch(line.rstrip("\n")) for line in list(server.lines)[:-1])
        pid, = roles(agent)
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        assert int(status["Uid"].split()[0]) != 0 and int(status["CapEff"], 16) == 0, status
        assert tap.is_sanitized("ucr-report") or status["NoNewPrivs"] == "1", status
        agent.kill("web.1")
        agent.wait("web.1")
    server.close()


def test_server_returns(work):
    """a server that is not there, goes away and comes back; the role killed: lines come again"""
    server = Graphite()
    port = server.port
    server.close()
    with Agent(work, *reporter(port)) as agent:
        time.sleep(1.5)
        assert agent.request("GET", "/health")[0] == 200
        server = Graphite(port)
        server.wait_for("ucr_agent_info")
        server.hang_up()
        since = len(server.lines)
        server.wait_for("ucr_agent_info", since)
        os.kill(roles(agent)[0], signal.SIGKILL)
        since = len(server.lines)
        server.wait_for("ucr_agent_info", since)
        said = agent.said()
        assert "Connection refused" in said and "connected again" in said, said
        assert "ucr-report ended" in said, said
    server.close()


def test_bad_peers(work):
    """a name that nobody knows and a server that reads nothing hold up neither calls nor the others"""
    server = Graphite()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        agent = Agent(work, *reporter(2003, host="no-such-host.invalid"),
                      *reporter(deaf.getsockname()[1]), *reporter(server.port, "interval=1"),
                      "--hostname", "a.b")
        with agent:
            server.wait_for("ucr.a_b.ucr_agent_info")
            for _ in range(20):
                begin = time.time()
                assert agent.call("GET_HEALTH")[0] == 200
                assert time.time() - begin < 5
            since = len(server.lines)
            server.wait_for("ucr.a_b.ucr_agent_info", since)
            assert len(roles(agent)) == 3
    server.close()


def test_settings(work):
    """a list in the settings file; what is wrong is refused by --config-check in words"""
    path = f"{work}/agentd.json"
    for reporters, expected in ((["graphite=tcp://a", "graphite=tcp://[::1]:1/prefix=x&interval=60"],
                                 ["graphite=tcp://a:2003/prefix=ucr.h&interval=10",
                                  "graphite=tcp://[::1]:1/prefix=x&interval=60"]), (["statsd=udp://a"], None)):
        with open(path, "w", encoding="ascii") as file:
            json.dump({"reporter": reporters, "work_dir": f"{work}/root", "hostname": "h"}, file)
        done = subprocess.run([AGENTD, "--config-check", "--config", path], capture_output=True,
                              check=False, encoding="utf-8")
        if expected:
            assert json.loads(done.stdout)["reporters"] == expected, done
        else:
            assert done.returncode == 125 and "--reporter statsd=udp://a: want" in done.stderr, done


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

# SPDX-License-Identifier: Apache-2.0
"""The agent beside the daemons of its peers: launches, many containers, what it needs at rest."""

import glob
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
# pylint: disable=wrong-import-position
import agent
from peers import have

AT_ONCE = 8


class Caller:
    """Calls on one connection that is kept, with as little of Python as may be."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def call(self, kind, **fields):
        body = json.dumps({"type": kind, kind.lower(): fields}).encode()
        self.socket.sendall(b"POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                            b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        head, text = b"", b""
        while b"\r\n\r\n" not in head:
            piece = self.socket.recv(65536)
            if not piece:
                raise SystemExit("the agent hung up")
            head += piece
        head, text = head.split(b"\r\n\r\n", 1)
        length = [int(line.split(b":")[1]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length:")]
        while len(text) < (length[0] if length else 0):
            text += self.socket.recv(65536)
        status = int(head.split()[1])
        if status >= 300:
            raise SystemExit(f"{kind}: {status} {text.decode()}")
        return text

    def launch(self, name, image, command):
        self.call("LAUNCH_CONTAINER", container_id={"value": name},
                  command={"shell": False, "value": command[0], "arguments": command},
                  container={"type": "MESOS", "mesos": {"image": {
                      "type": "DOCKER", "docker": {"name": image}}}})


def spread(work, items, at_once=AT_ONCE):
    """work(worker's number, item) of all items by `at_once` threads; the seconds of each."""
    items, times, lock = list(items), [], threading.Lock()

    def run(number):
        while True:
            with lock:
                if not items:
                    return
                item = items.pop(0)
            start = time.monotonic()
            work(number, item)
            times.append(time.monotonic() - start)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(at_once)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - start, times


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    except OSError:
        return 0


def pids_of(name):
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="utf-8") as f:
                if f.read().rstrip("\n") == name:
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def read_number(path, key):
    with open(path, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key))


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1e3


class AgentBenches:
    """What bench.py's Bench needs of the agent; it has work, small_image(), podman, store."""

    def agent(self):
        state = os.path.join(self.state, "agent")
        os.makedirs(state, exist_ok=True)
        daemon = agent.Agent(state, "--workers", str(AT_ONCE))
        subprocess.run([os.path.join(os.path.dirname(agent.AGENTD), "ucrctl"), "--root",
                        daemon.root, "load", "-q", "-i", self.small_image()], check=True,
                       stdout=subprocess.DEVNULL)
        return daemon

    def callers(self, daemon):
        return [Caller(daemon.path) for _ in range(AT_ONCE)]

    def up(self, callers, names, command=("sleep", "100000")):
        return spread(lambda n, name: callers[n].launch(name, "busybox", list(command)), names)

    def down(self, callers, names):
        def end(number, name):
            where = {"value": name}
            callers[number].call("KILL_CONTAINER", container_id=where)
            callers[number].call("WAIT_CONTAINER", container_id=where)
            callers[number].call("REMOVE_CONTAINER", container_id=where)

        return spread(end, names)[0]

    def launches(self):
        """A cached image with a network namespace of its own, 8 at once: P7, P8 and P9."""
        print("\nlaunches: an agent, a cached image, a network namespace each, 8 at once")
        with self.agent() as daemon:
            callers = self.callers(daemon)
            self.up(callers, [f"warm{n}" for n in range(20)])
            self.down(callers, [f"warm{n}" for n in range(20)])
            first, times = self.up(callers, [f"a{n}" for n in range(200)])
            print(f"  first 200               {200 / first:8.0f}/s   one: p50 "
                  f"{percentile(times, .5):.1f} ms, p99 {percentile(times, .99):.1f} ms"
                  "   goal 350/s")
            more = self.up(callers, [f"b{n}" for n in range(800)])[0]
            print(f"  1,000 up                {first + more:8.2f} s   goal 3 s")
            shims = [pss(pid) for pid in pids_of("ucr-shim")]
            print(f"  ucr-shim, PSS           {statistics.mean(shims):8.1f} KB of {len(shims)}"
                  "   goal 35 KB")
            self.up(callers, [f"c{n}" for n in range(1000)])
            last, _ = self.up(callers, [f"d{n}" for n in range(200)])
            print(f"  200 more at 2,000 live  {200 / last:8.0f}/s   {last / first:.2f} of the "
                  "first   goal 1.1")
            self.down(callers, [f"d{n}" for n in range(200)] + [f"c{n}" for n in range(1000)])
            gone = self.down(callers, [f"a{n}" for n in range(200)] +
                             [f"b{n}" for n in range(800)])
            print(f"  1,000 down              {gone:8.2f} s   goal 2 s")
        self.peer_launches()

    def peer_launches(self):
        if self.podman:
            self.podman.run("load", "-i", self.small_image())
            names = [f"p{n}" for n in range(40)]
            took = spread(lambda _, name: self.podman.run(
                "run", "-d", "--network", "none", "--name", name, "localhost/busybox", "sleep",
                "100000"), names)[0]
            gone = spread(lambda _, name: self.podman.run("rm", "-f", "-t", "0", name), names)[0]
            print(f"  podman                  {40 / took:8.1f}/s up, {40 / gone:.1f}/s down")

    def submit(self):
        """From the call until the command runs, one after the other: P11 without a master."""
        with self.agent() as daemon:
            caller = Caller(daemon.path)
            times = []
            for n in range(220):
                start = time.monotonic()
                caller.launch(f"s{n}", "busybox", ["sleep", "100000"])
                times.append(time.monotonic() - start)
            times = times[20:]
            print("\nsubmit: from a call until the command runs, one after the other"
                  f"\n  p50 {percentile(times, .5):.1f} ms, p99 {percentile(times, .99):.1f} ms"
                  "   goal 10 ms, 50 ms")
            self.down(self.callers(daemon), [f"s{n}" for n in range(220)])

    def idle(self):
        """All roles at rest with 100 containers, for 60 s: P10."""
        with self.agent() as daemon:
            callers = self.callers(daemon)
            self.up(callers, [f"i{n}" for n in range(100)])
            roles = [daemon.process.pid, daemon.api_pid()]
            time.sleep(5)

            def count(key, name):
                return sum(read_number(f"/proc/{pid}/{name}", key) for pid in roles)

            before = (count("voluntary_ctxt_switches:", "status"), count("write_bytes:", "io"))
            time.sleep(60)
            wakes = count("voluntary_ctxt_switches:", "status") - before[0]
            written = count("write_bytes:", "io") - before[1]
            print("\nidle: the agent at rest with 100 containers, 60 s"
                  f"\n  memory, PSS             {sum(map(pss, roles)) / 1024:8.1f} MB   goal 8 MB"
                  f"\n  wake-ups                {wakes:8}      goal 0"
                  f"\n  bytes written           {written:8}      goal 0")
            # The first ones were idle for too long.
            self.down(self.callers(daemon), [f"i{n}" for n in range(100)])
        for name in ("dockerd", "containerd"):
            pids = pids_of(name)
            if pids and have(name):
                print(f"  {name}, PSS         {sum(map(pss, pids)) / 1024:8.1f} MB")

    def recover(self):
        """kill -9 of the agent with 300 containers, until it serves again."""
        with self.agent() as daemon:
            names = [f"r{n}" for n in range(300)]
            self.up(self.callers(daemon), names)
            times = []
            for _ in range(5):
                daemon.process.kill()
                daemon.process.wait()
                start = time.monotonic()
                daemon.start()
                assert len(daemon.containers()) == 300
                times.append(time.monotonic() - start)
            print("\nrecover: from the start of an agent with 300 containers until it has listed "
                  f"them\n  per 100 containers      {statistics.median(times) / 3:8.3f} s   "
                  "goal 1 s")
            self.down(self.callers(daemon), names)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a host, played through with an agent: killed, stopped, replaced, rebooted,
with no disk left, no descriptors left, a flood of output, a bomb of processes. UCR_SCALE makes it
more and longer."""
import concurrent.futures
import contextlib
import glob
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time

import agent as agents
from agent import Agent
import cli
import tap

SCALE = int(os.environ.get("UCR_SCALE", "1"))
COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"


def shell(text):
    return {"value": text}


def launched(agent, names, command):
    """Of all at once; every one has to be launched."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for status, answer in pool.map(lambda name: agent.launch(name, shell(command(name))), names):
            assert status == 200, answer


def log_of(agent, name):
    return cli.good("logs", name, root=agent.root).out.split()


def assert_unbroken(agent, name):
    """A counter has missed nothing, and goes on."""
    lines = log_of(agent, name)
    assert lines == [str(n + 1) for n in range(len(lines))], lines[-5:]
    tap.eventually(lambda: len(log_of(agent, name)) > len(lines))


def remove_all(agent):
    for name in cli.good("ps", "-aq", root=agent.root).lines:
        cli.good("rm", "-f", name, root=agent.root)


@contextlib.contextmanager
def served(work):
    """An agent whose containers end with the test, however that ends."""
    with Agent(work) as agent:
        try:
            yield agent
        finally:
            remove_all(agent)


def figure(text):
    print(f"# {text}", flush=True)


# ---- the agent goes ---------------------------------------------------------------------------


class Ending:
    """A task that ends at some moment of an outage, with a status of its own, or killed."""

    def __init__(self, number):
        self.status = random.randrange(1, 120)
        self.is_killed = number % 3 == 0
        self.delay = 1000 if self.is_killed else random.uniform(0.05, 1.5)

    @property
    def command(self):
        return f"sleep {self.delay:.3f}; exit {self.status}"

    @property
    def expected(self):
        return {"exit_status": signal.SIGKILL if self.is_killed else self.status << 8}


def outage(agent, number, tasks):
    endings = {f"e{number}-{n}": Ending(n) for n in range(tasks)}
    counters = [f"c{number}-{n}" for n in range(tasks)]
    launched(agent, counters, lambda _: COUNT)
    launched(agent, endings, lambda name: endings[name].command)
    pids = [agent.containers()[name]["container_status"]["executor_pid"]
            for name, ending in endings.items() if ending.is_killed]
    agent.process.kill()
    agent.process.wait()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(random.uniform(0.2, 1))
    start = time.monotonic()
    agent.start()
    assert set(agent.containers()) >= set(counters)
    figure(f"{2 * tasks} tasks, attached again after {time.monotonic() - start:.3f} s")
    for name, ending in endings.items():
        assert agent.wait(name) == ending.expected, (name, ending.command, agent.wait(name))
    for name in counters:
        assert_unbroken(agent, name)
    remove_all(agent)


def test_killed(work):
    """every counter unbroken, every exit status and signal exact, also of those that ended while
    there was no agent"""
    with served(work) as agent:
        for number in range(2 * SCALE):
            outage(agent, number, 8 * SCALE)


def test_killed_while_launching(work):
    """what is answered is true, what is not answered is whole or not there"""
    with served(work) as agent:
        for number in range(3 * SCALE):
            names = [f"l{number}-{n}" for n in range(12)]
            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                def launch(name):
                    try:
                        return name, agent.launch(name, shell("sleep 1000"))[0]
                    except OSError:
                        return name, None

                answers = [pool.submit(launch, name) for name in names]
                time.sleep(random.uniform(0.01, 0.2))
                agent.process.kill()
                agent.process.wait()
                answers = dict(answer.result() for answer in answers)
            agent.start()
            time.sleep(0.3)
            live = agent.containers()
            for name, status in answers.items():
                assert status in (None, 200), answers
                if status == 200:
                    assert name in live, (name, live)
            # A launch that was not answered is asked for again, and never twice there.
            for name in names:
                assert agent.launch(name, shell("sleep 1000"))[0] in (200, 202), name
            assert len(cli.good("ps", "-aq", root=agent.root).lines) == len(names)
            remove_all(agent)


def test_stopped(work):
    """a stopped agent answers late, and its tasks know nothing of it"""
    with served(work) as agent:
        launched(agent, ["counter"], lambda _: COUNT)
        agent.process.send_signal(signal.SIGSTOP)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(agent.call, "GET_HEALTH")
            time.sleep(2 * SCALE)
            assert not answer.done() or answer.result()[0] == 200
            agent.process.send_signal(signal.SIGCONT)
            assert answer.result()[0] == 200
        assert set(agent.containers()) == {"counter"}
        assert_unbroken(agent, "counter")


def test_replaced(work):
    """another binary goes on where the first one stopped"""
    other = f"{work}/bin"
    shutil.copytree(os.path.dirname(agents.AGENTD), other)
    with served(work) as agent:
        names = [f"c{n}" for n in range(8 * SCALE)]
        launched(agent, names, lambda _: COUNT)
        launched(agent, ["ends"], lambda _: "sleep 0.5; exit 9")
        start = time.monotonic()
        assert agent.end() == 0
        time.sleep(0.6)
        before = agents.AGENTD
        try:
            agents.AGENTD = f"{other}/ucr-agentd"
            agent.start()
        finally:
            agents.AGENTD = before
        figure(f"{len(names)} tasks, a gap of {time.monotonic() - start - 0.6:.3f} s")
        assert agent.wait("ends") == {"exit_status": 9 << 8}
        for name in names:
            assert_unbroken(agent, name)


def test_rebooted(work):
    """after a reboot its tasks are lost, and a process that has the number of one is let alone"""
    with served(work) as agent, contextlib.ExitStack() as stack:
        stranger = stack.enter_context(subprocess.Popen(["sleep", "1000"]))
        stack.callback(stranger.kill)
        launched(agent, ["one"], lambda _: "sleep 1000")
        container, = glob.glob(f"{agent.root}/containers/*")
        with open(f"{container}/state.json", encoding="utf-8") as file:
            state = json.load(file)
        agent.end()
        with open(f"/proc/{state['pid']}/stat", encoding="ascii") as file:
            shim = int(file.read().rsplit(") ", 1)[1].split()[1])
        os.kill(shim, signal.SIGKILL)
        os.kill(state["pid"], signal.SIGKILL)
        state["bootId" if "bootId" in state else "boot_id"] = "0" * 36
        state["pid"] = stranger.pid
        with open(f"{container}/state.json", "w", encoding="utf-8") as file:
            json.dump(state, file)
        agent.start()
        ended = agent.wait("one")
        assert "exit_status" not in ended and "restarted" in ended["message"], ended
        assert agent.remove("one") == (200, None)
        assert stranger.poll() is None


# ---- the host has nothing left ----------------------------------------------------------------


@contextlib.contextmanager
def small_disk(path, size):
    os.makedirs(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", path],
                          check=False, capture_output=True, text=True)
    if done.returncode:
        raise tap.Skip("cannot mount a file system: " + done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_disk_full(work):
    """what runs goes on and ends with its own status; a launch is refused in words; with space
    again all is as before"""
    with small_disk(f"{work}/root", "8m"), served(work) as agent:
        launched(agent, ["runs"], lambda _: "sleep 1000")
        launched(agent, ["ends"], lambda _: "sleep 1; exit 5")
        with open(f"{agent.root}/ballast", "wb", 0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        status, answer = agent.launch("more", shell("true"))
        assert status == 507 and agent.root in answer["error"] + answer.get("hint", ""), answer
        assert agent.wait("ends") == {"exit_status": 5 << 8}
        assert set(agent.containers()) == {"runs"}
        os.unlink(f"{agent.root}/ballast")
        assert agent.launch("more", shell("exit 4")) == (200, None)
        assert agent.wait("more") == {"exit_status": 4 << 8}


def test_few_descriptors(work):
    """an agent that may open few files refuses what it cannot do, and serves on"""
    with served(work) as agent:
        names = [f"w{n}" for n in range(40)]
        launched(agent, names, lambda _: "sleep 1000")
        resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            answers = [pool.submit(agent.wait, name) for name in names]
            tap.eventually(lambda: any(answer.done() for answer in answers))
            used = cpu_of(agent)
            time.sleep(1)
            assert cpu_of(agent) - used < 0.5, "the agent turns without end"
            for name in names:
                assert agent.kill(name) == (200, None), name
            refused = 0
            for answer in answers:
                ended = answer.result()
                if ended != {"exit_status": signal.SIGKILL}:
                    assert ended[0] == 503 and "files" in ended[1]["error"], ended
                    refused += 1
        assert 0 < refused < len(names), refused
        assert agent.call("GET_HEALTH")[0] == 200
        for name in names:
            assert agent.wait(name) == {"exit_status": signal.SIGKILL}, name


def cpu_of(agent):
    with open(f"/proc/{agent.process.pid}/stat", encoding="ascii") as file:
        words = file.read().rsplit(") ", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


# ---- a task is the trouble --------------------------------------------------------------------


def test_bomb(work):
    """a task that makes processes without end has its limit, and goes at once"""
    with served(work) as agent:
        launched(agent, ["bomb"], lambda _: "f() { f | f & sleep 1000; }; f 2>/dev/null; sleep 1000")
        time.sleep(1)
        times = []
        for _ in range(20):
            start = time.monotonic()
            live = agent.containers()
            times.append(time.monotonic() - start)
            count = live["bomb"]["resource_statistics"].get("processes", 0)
            assert count <= 1024, count
        figure(f"GET_CONTAINERS beside it: at most {max(times):.3f} s")
        start = time.monotonic()
        assert agent.kill("bomb")[0] == 200
        assert agent.wait("bomb") == {"exit_status": signal.SIGKILL}
        figure(f"gone {time.monotonic() - start:.3f} s after it was killed")


def size_of(path):
    """Also of one that is rotated away meanwhile."""
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def test_flood(work):
    """output without end stays within the log's size, and makes the agent no larger"""
    with served(work) as agent:
        launched(agent, ["flood", "flood2"], lambda _: "yes 'a line of some length to fill the disk'")
        launched(agent, ["line"], lambda _: "head -c 50000000 /dev/zero; sleep 1000")
        launched(agent, ["beside"], lambda _: COUNT)
        before = rss_of(agent)
        time.sleep(3 * SCALE)
        assert_unbroken(agent, "beside")
        for path in glob.glob(f"{agent.root}/containers/*"):
            size = sum(size_of(name) for name in glob.glob(f"{path}/log*"))
            assert size <= 3 * (10 << 20) + (1 << 20), (path, size)
        assert grown(agent, before) < 16 << 20


def rss_of(agent):
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS"))


def grown(agent, before):
    return 0 if tap.is_sanitized("ucr-agentd") else rss_of(agent) - before


def test_stubborn(work):
    """one that ignores SIGTERM, one that is stopped, one whose shell has children, one that left
    its session: SIGKILL ends all of it"""
    commands = {"ignores": "trap '' TERM; sleep 1000 & while :; do sleep 1; done",
                "stopped": "sleep 1000 & kill -STOP $!; wait",
                "children": "sleep 1000 & sleep 1000 & sh -c 'sleep 1000 & wait' & wait",
                "session": "setsid sleep 1000 & exec sleep 1000"}
    with served(work) as agent:
        launched(agent, commands, commands.get)
        time.sleep(0.3)
        assert agent.kill("ignores", signal=signal.SIGTERM)[0] == 200
        assert "ignores" in agent.containers()
        for name in commands:
            assert agent.kill(name) == (200, None), name
            assert agent.wait(name) == {"exit_status": signal.SIGKILL}, name
        assert not agent.containers()


def test_orphans(work):
    """the first process's end is the task's, whatever it leaves; nobody is left as a zombie"""
    commands = {"leaves": ("sleep 1000 & sleep 1000 & exit 3", 3 << 8),
                "double": ("(sleep 1000 &) ; (sleep 0.05 &) ; sleep 0.2; exit 4", 4 << 8)}
    with served(work) as agent:
        launched(agent, commands, lambda name: commands[name][0])
        for name, (_, status) in commands.items():
            assert agent.wait(name) == {"exit_status": status}, name
        tap.eventually(lambda: not zombies_of(agent.process.pid))


def zombies_of(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
            words = file.read().rsplit(") ", 1)[1].split()
            if words[0] == "Z" and int(words[1]) == pid:
                found.append(path)
    return found


# ---- many tasks -------------------------------------------------------------------------------


def open_files(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(path).split(":")[0])
    return sorted(found)


def test_many_short(work):
    """many tasks that end at once: all statuses, and nothing left of any"""
    total = 120 * SCALE
    with served(work) as agent:
        launched(agent, ["first"], lambda _: "true")
        agent.wait("first")
        tap.eventually(lambda: not agent.workers())
        time.sleep(0.2)
        before, size = open_files(agent.process.pid), rss_of(agent)

        def once(number):
            name = f"t{number}"
            assert agent.launch(name, shell(f"exit {number % 100}"))[0] == 200
            assert agent.wait(name) == {"exit_status": (number % 100) << 8}
            assert agent.remove(name) == (200, None)

        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(once, range(total)))
        figure(f"{total} tasks, {total / (time.monotonic() - start):.0f} a second")
        tap.eventually(lambda: not agent.workers())
        tap.eventually(lambda: open_files(agent.process.pid) == before)
        assert grown(agent, size) < 4 << 20
        assert len(os.listdir(f"{agent.root}/containers")) == 1
        assert os.listdir(f"{agent.root}/names") == ["first"]


if __name__ == "__main__":
    tap.main(globals())

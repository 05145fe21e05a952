#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups of tasks: what they share, their order, and that they live and die together."""
import contextlib
import os
import shutil
import signal
import time

from agent import Agent
import cli
import tap

TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST")
FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.05; done"


def task(name, text, **fields):
    return {"name": name, "task_id": {"value": name}, "command": {"value": text}, **fields}


def running(found, state="TASK_RUNNING"):
    """When it was first so."""
    return next(s["timestamp"] for s in found["statuses"] if s["state"] == state)


def last(found):
    return found["statuses"][-1]


def until_gone(agent, count=0):
    """The container that holds what a group shares goes with its last task."""
    for _ in range(300):
        if len(agent.containers()) == count:
            return
        time.sleep(0.02)
    raise AssertionError(agent.containers())


def test_shared(work):
    """one network, one IPC namespace, one /dev/shm, one directory; not the files of the others"""
    with Agent(work) as agent:
        assert agent.launch_group(
            task("serves", "echo from-serves > /mnt/mesos/shared/file; echo x > /dev/shm/s; "
                           "readlink /proc/self/ns/net /proc/self/ns/ipc; "
                           "busybox nc -l -p 4711 > got; sleep 1000"),
            task("asks", "until [ -s /dev/shm/s ]; do sleep 0.05; done; "
                         "readlink /proc/self/ns/net /proc/self/ns/ipc; cat /mnt/mesos/shared/file; "
                         "until echo hello | busybox nc -w 1 127.0.0.1 4711; do sleep 0.1; done; "
                         "ls got; sleep 1000")) == (200, None)
        for name in ("serves", "asks"):
            agent.task_until(name, "TASK_RUNNING")
        for _ in range(200):
            said = cli.run("logs", "asks", root=agent.root)
            if "got" in said.out + said.err:
                break
            time.sleep(0.05)
        serves = cli.good("logs", "serves", root=agent.root).out.split()
        asks = said.out.split()
        assert serves == asks[:2] and asks[2] == "from-serves", (serves, said)
        assert os.readlink("/proc/self/ns/net") not in asks
        assert "No such file" in said.err, "its directory is its own"
        assert len(agent.containers()) == 3
        agent.kill_task("asks")
        agent.task_until("serves", "TASK_KILLED")
        until_gone(agent)


def test_together(work):
    """one that fails ends the others with their grace; one that succeeds does not"""
    with Agent(work) as agent:
        agent.launch_group(task("stays", FOREVER), task("good", "sleep 0.2"),
                           task("bad", "sleep 0.8; exit 3"))
        agent.task_until("good", "TASK_FINISHED")
        assert agent.tasks()["stays"]["state"] == "TASK_RUNNING"
        assert "status 3" in last(agent.task_until("bad", "TASK_FAILED"))["message"]
        stays = agent.task_until("stays", *TERMINAL, timeout=8)
        assert stays["state"] == "TASK_KILLED" and "bad" in last(stays)["message"], stays
        assert last(stays)["reason"] == "REASON_EXECUTOR_TERMINATED", stays
        until_gone(agent)
        agent.launch_group(task("one", FOREVER), task("two", FOREVER))
        for name in ("one", "two"):
            agent.task_until(name, "TASK_RUNNING")
        assert agent.kill_task("two")[0] == 200
        assert "two" in last(agent.task_until("one", "TASK_KILLED", timeout=8))["message"]
        agent.task_until("two", "TASK_KILLED", timeout=8)
        until_gone(agent)


def test_not_started(work):
    """one that cannot start ends those that did"""
    with Agent(work) as agent:
        agent.launch_group(task("stays", FOREVER), {
            "name": "none", "task_id": {"value": "none"},
            "command": {"shell": False, "value": "/no/such/program"}})
        assert agent.task_until("none", *TERMINAL)["state"] == "TASK_ERROR"
        assert agent.task_until("stays", *TERMINAL, timeout=8)["state"] == "TASK_KILLED"
        until_gone(agent)


def test_order(work):
    """init tasks first, one after the other; then who waits for nobody, then who waits"""
    with Agent(work) as agent:
        agent.launch_group(
            task("last", "true", depends_on=[{"task": "middle", "condition": "FINISHED"}]),
            task("middle", "sleep 0.3", depends_on=[{"task": "server"}]),
            task("server", "sleep 0.5"),
            task("first", "sleep 0.2", init=True), task("second", "sleep 0.2", init=True))
        found = {n: agent.task_until(n, *TERMINAL)
                 for n in ("first", "second", "server", "middle", "last")}
        assert {t["state"] for t in found.values()} == {"TASK_FINISHED"}, found
        assert running(found["second"]) >= running(found["first"], "TASK_FINISHED")
        assert running(found["server"]) >= running(found["second"], "TASK_FINISHED")
        assert running(found["middle"]) >= running(found["server"])
        assert running(found["last"]) >= running(found["middle"], "TASK_FINISHED")
        agent.launch_group(task("fails", "exit 4", init=True), task("never", "true"))
        agent.task_until("fails", "TASK_FAILED")
        never = agent.task_until("never", *TERMINAL)
        assert never["state"] == "TASK_KILLED" and len(never["statuses"]) == 2, never
        until_gone(agent)


def test_killed_agent(work):
    """kill -9 in between: order, ends and what is shared are as before"""
    agent = Agent(work).start()
    with contextlib.closing(agent):
        agent.launch_group(task("first", "sleep 1", init=True),
                           task("a", "readlink /proc/self/ns/net; sleep 1; exit 5"),
                           task("b", "readlink /proc/self/ns/net; " + FOREVER))
        agent.task_until("first", "TASK_RUNNING")
        agent.end(signal.SIGKILL)
        agent.start()
        agent.task_until("a", "TASK_RUNNING")
        agent.end(signal.SIGKILL)
        time.sleep(1.2)
        agent.start()
        assert "status 5" in last(agent.task_until("a", "TASK_FAILED"))["message"]
        assert agent.task_until("b", *TERMINAL, timeout=8)["state"] == "TASK_KILLED"
        assert cli.good("logs", "a", root=agent.root).out == cli.good("logs", "b", root=agent.root).out
        until_gone(agent)
        assert "a+group" not in os.listdir(f"{agent.root}/names")


def test_lost(work):
    """what they share has ended: so have they"""
    with Agent(work) as agent:
        agent.launch_group(task("one", FOREVER), task("two", FOREVER))
        for name in ("one", "two"):
            agent.task_until(name, "TASK_RUNNING")
        assert agent.kill("one+group")[0] == 200
        for name in ("one", "two"):
            ended = agent.task_until(name, *TERMINAL, timeout=8)
            assert ended["state"] == "TASK_FAILED", ended
            assert last(ended)["reason"] == "REASON_EXECUTOR_TERMINATED", ended


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups of tasks, and faults: of the agent, of a launch, and of what the tasks share."""
import contextlib
import glob
import os
import shutil
import signal

from agent import Agent
import cli
import tap
from test_agent_faults import LAUNCH, Broken, restart
from test_agent_groups import FOREVER, STUBBORN, WAIT, go, last, leased, pid_of, running, said, task, until_gone
from test_agent_tasks import TERMINAL, events, grace


def test_killed_agent(work):
    """kill -9 in between: order, ends and what is shared are as before"""
    agent = Agent(work).start()
    with contextlib.closing(agent):
        agent.launch_group(task("first", "sleep 1", init=True),
                           task("a", "readlink /proc/self/ns/net; " + WAIT + "exit 5"),
                           task("b", "readlink /proc/self/ns/net; " + FOREVER))
        agent.task_until("first", "TASK_RUNNING", "TASK_FINISHED")
        restart(agent)
        running(agent, "a", "b")
        agent.end(signal.SIGKILL)
        go(agent, "b")
        tap.eventually(lambda: "a" not in cli.good("ps", root=agent.root).out.split())
        agent.start()
        assert "status 5" in last(agent.task_until("a", "TASK_FAILED"))["message"]
        assert agent.task_until("b", *TERMINAL, timeout=30)["state"] == "TASK_KILLED"
        assert said(agent, "a")[0] == said(agent, "b")[0]
        until_gone(agent)
        started = len(events(agent, "start"))
        assert started == 4, "each once"
        restart(agent)
        assert {t["state"] for t in agent.tasks().values()} == {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED"}
        assert not agent.containers() and len(events(agent, "start")) == started


def stopped(pid):
    """The processes below it that have come to the step, and go no further."""
    found = []
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for child in file.read().split():
            with contextlib.suppress(OSError), open(f"/proc/{child}/stat", encoding="ascii") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "T":
                    found.append(int(child))
            found += stopped(child)
    return found


def kill_at(agent, step):
    """Who launches goes on once there is another agent, if he outlives the first one."""
    found = []

    def has_stopped():
        # The kernel may leave out children while others of them end.
        found.extend(stopped(agent.process.pid))
        return found

    tap.eventually(has_stopped, why=lambda: (step, agent.tasks(), agent.said()))
    restart(agent)
    with contextlib.suppress(ProcessLookupError):
        os.kill(found[0], signal.SIGCONT)
    for name in ("first", "then"):
        found = agent.task_until(name, *TERMINAL)
        assert found["state"] == "TASK_FINISHED", (step, found)
    assert len(events(agent, "start")) == 3, (step, events(agent, "start"))
    until_gone(agent)


SAME = [s for s in LAUNCH if s.startswith("launch-")]  # of a holder and of a task


def test_killed_at_each_step(work):
    """the agent is killed while what the tasks share is launched: it and each of them runs once all the same"""
    tap.need_fail_points()
    for step in [*SAME, "group-launch", "group-launched"]:
        with Broken(f"{work}/{step}", f"{step}:stop") as agent:
            agent.launch_group(task("first", "exit 0", init=True), task("then", "exit 0"))
            kill_at(agent, step)


def test_killed_at_each_step_of_a_task(work):
    """the same while a task is launched"""
    tap.need_fail_points()
    for step in [*SAME, "task-launch", "task-launched"]:
        with Broken(f"{work}/{step}", None) as agent:
            agent.launch_group(task("first", WAIT + "exit 0", init=True), task("then", "exit 0"))
            agent.task_until("first", "TASK_RUNNING")
            agent.end(signal.SIGKILL)
            agent.env = {"UCR_FAIL": f"{step}:stop"}
            agent.start()
            go(agent, "first")
            kill_at(agent, step)


def test_launch_fails(work):
    """the holder's launch fails after it was there: it is met, and the group goes on"""
    tap.need_fail_points()
    for action in ("kill", "eio"):
        with Broken(f"{work}/{action}", f"group-launched:{action}") as agent:
            agent.launch_group(task("one", "exit 0"))
            assert agent.task_until("one", *TERMINAL)["state"] == "TASK_FINISHED", action
            until_gone(agent)
        with Broken(f"{work}/{action}-before", f"group-launch:{action}") as agent:
            agent.launch_group(task("one", "exit 0"), task("two", "exit 0"))
            for name in ("one", "two"):
                assert agent.task_until(name, *TERMINAL)["state"] == "TASK_FAILED", action
            until_gone(agent)


def test_lost(work):
    """what they share has ended: so do they, and their ids stay taken until the last of them has"""
    with Agent(work) as agent:
        agent.launch_group(task("one", STUBBORN, kill_policy=grace(6)), task("two", FOREVER))
        running(agent, "one", "two")
        cli.good("rm", "-f", "one+group", root=agent.root)
        assert agent.task_until("two", *TERMINAL, timeout=30)["state"] == "TASK_FAILED"
        assert "one" in agent.containers() and len(leased(agent)) == 1, "it still runs with them"
        ended = agent.task_until("one", *TERMINAL, timeout=30)
        assert ended["state"] == "TASK_FAILED", ended
        assert last(ended)["reason"] == "REASON_EXECUTOR_TERMINATED", ended
        until_gone(agent)


def test_lost_meanwhile(work):
    """the same when no agent was there to see it"""
    with Agent(work) as agent:
        agent.launch_group(task("one", FOREVER, restart={"policy": "always"}), task("two", FOREVER))
        running(agent, "one", "two")
        agent.end(signal.SIGKILL)
        cli.good("rm", "-f", "one+group", root=agent.root)
        agent.start()
        for name in ("one", "two"):
            ended = agent.task_until(name, *TERMINAL, timeout=30)
            assert ended["state"] == "TASK_FAILED", ended
        until_gone(agent)


def test_lost_unwritten(work):
    """the same when the disk does not take how it ended: no second one is made, nothing goes on without"""
    for is_there in (True, False):
        with Agent(f"{work}/{is_there}") as agent:
            agent.launch_group(task("one", FOREVER), task("two", FOREVER), task(
                "waits", "true", depends_on=[{"task": "one", "condition": "FINISHED"}]))
            running(agent, "one", "two")
            for path in glob.glob(f"{agent.root}/containers/*"):
                os.mkdir(f"{path}/usage")  # so that no file of that name is written
            holder = pid_of(agent, "one+group")
            if not is_there:
                agent.end(signal.SIGKILL)
            os.kill(holder, signal.SIGKILL)
            if not is_there:
                tap.eventually(lambda: "one+group" not in cli.good("ps", root=agent.root).out)
                agent.start()
            for name in ("one", "two", "waits"):
                ended = agent.task_until(name, *TERMINAL, timeout=30)
                assert ended["state"] == "TASK_FAILED" and "has ended" in last(ended)["message"], ended
            until_gone(agent)
            assert len(events(agent, "start")) == 3, "one holder, and those that ran"


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

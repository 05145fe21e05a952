#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tasks of an agent that is broken at a step, or ended while one of its workers waits."""
import contextlib
import fcntl
import glob
import os
import shutil
import signal
import time

from agent import Agent
import cli
import tap
from test_agent_faults import LAUNCH, Broken, restart
from test_agent_tasks import TERMINAL, events, shell, stalled_registry, states


@contextlib.contextmanager
def open_locked(path):
    """As the process that supervises a container has its directory."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def stalled_image(host):
    return {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": f"{host}/x"}}}}


@contextlib.contextmanager
def stalled_agent(work):
    """An agent with a task, and with a worker that waits for a registry."""
    with stalled_registry(work) as (host, options):
        agent = Agent(work, *options).start()
        with contextlib.closing(agent):
            # The records have a writer before there is the worker.
            assert agent.launch_task("runs", shell("sleep 1000")) == (200, None)
            agent.task_until("runs", "TASK_RUNNING")
            yield agent, stalled_image(host)


def test_ended_while_launching(work):
    """SIGTERM while a launch of a task waits for a registry: the agent goes"""
    with stalled_agent(work) as (agent, image):
        agent.launch_task("waits", shell("true"), container=image)
        agent.task_until("waits", "TASK_STARTING")
        tap.eventually(agent.workers)
        start = time.monotonic()
        assert agent.end() == 0
        assert time.monotonic() - start < 10


def test_killed_while_pulling(work):
    """kill -9 while a worker of a call goes on: the next agent does not wait for that one"""
    with stalled_agent(work) as (agent, image):
        with contextlib.suppress(OSError):
            agent.launch("waits", shell("true"), timeout=0.5, container=image)
        agent.end(signal.SIGKILL)
        start = time.monotonic()
        agent.start()
        assert time.monotonic() - start < 10
        assert agent.tasks()["runs"]["state"] == "TASK_RUNNING"


def refused_first(work, fault, code):
    """The record of the first task is not written, which is said; the second one's is."""
    with Broken(work, fault) as agent:
        status, answer = agent.launch_task("one", shell("exit 3"))
        assert status == code and "record" in answer["error"], (fault, answer)
        assert "one" not in agent.tasks()
        assert not os.path.exists(f"{agent.root}/tasks/one.json")
        assert agent.launch_task("one", shell("exit 3")) == (200, None)
        assert agent.task_until("one", *TERMINAL)["state"] == "TASK_FAILED"


def test_record_refused(work):
    """a record that cannot be written is no task"""
    tap.need_fail_points()
    refused_first(f"{work}/eio", "task-record:eio", 500)
    refused_first(f"{work}/enospc", "task-record:enospc", 507)
    refused_first(f"{work}/flush", "task-flush:eio", 500)


def test_record_later(work):
    """what cannot be written of a task that was accepted is written again"""
    tap.need_fail_points()
    for action in ("record:2:kill", "record:2:eio", "record:2:enospc", "flush:2:eio", "flush:2:kill"):
        with Broken(f"{work}/{action}", f"task-{action}") as agent:
            assert agent.launch_task("one", shell("exit 3")) == (200, None), action
            one = agent.task_until("one", *TERMINAL)
            assert states(one) == ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"], one
            assert "status 3" in one["statuses"][-1]["message"], one
            restart(agent)
            again = agent.task_until("one", *TERMINAL)
            assert states(again) == states(one), (action, again)
            assert "status 3" in again["statuses"][-1]["message"], again


def test_record_killed(work):
    """whoever writes the records is killed each time: nothing is accepted, and nothing half there"""
    tap.need_fail_points()
    with Broken(work, "task-record:kill") as agent:
        with contextlib.suppress(OSError):
            assert agent.call("LAUNCH_TASK", 2, task_info={
                "task_id": {"value": "one"}, "command": shell("exit 3")})[0] != 200
        restart(agent)
        assert agent.launch_task("one", shell("exit 3")) == (200, None)
        assert "status 3" in agent.task_until("one", *TERMINAL)["statuses"][-1]["message"]


def test_launch_failed(work):
    """a launch that fails, or is killed, before there is a container: it is said"""
    tap.need_fail_points()
    for action, word in (("kill", "signal 9"), ("eio", "task-launch"), ("enospc", "task-launch")):
        with Broken(f"{work}/{action}", f"task-launch:{action}") as agent:
            assert agent.launch_task("one", shell("exit 3")) == (200, None), action
            one = agent.task_until("one", *TERMINAL)
            assert one["state"] == "TASK_FAILED", one
            assert one["statuses"][-1]["reason"] == "REASON_CONTAINER_LAUNCH_FAILED", one
            assert word in one["statuses"][-1]["message"], one
            assert not agent.containers(), action


def test_launched_all_the_same(work):
    """a launch that fails when the container runs already: the task is what that one does"""
    tap.need_fail_points()
    for action in ("kill", "eio", "enospc"):
        with Broken(f"{work}/{action}", f"task-launched:{action}") as agent:
            assert agent.launch_task("one", shell("sleep 0.5; exit 3")) == (200, None), action
            one = agent.task_until("one", *TERMINAL)
            assert states(one) == ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"], one
            assert "status 3" in one["statuses"][-1]["message"], one


def half_made(agent):
    """The directories of launches that have not come to a container.json yet."""
    return [path for path in glob.glob(f"{agent.root}/containers/*")
            if not os.path.exists(f"{path}/container.json")]


def killed_in_launch(agent, has_come):
    """The agent is, when the launch of its task has come so far; the next one is not broken."""
    assert agent.launch_task("one", shell("exit 3")) == (200, None)
    tap.eventually(has_come, why="the launch does not come so far")
    agent.end(signal.SIGKILL)
    agent.env = None


def assert_ran_once(agent):
    one = agent.task_until("one", *TERMINAL)
    assert states(one) == ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"], one
    assert "status 3" in one["statuses"][-1]["message"], one
    assert len(events(agent, "start")) == 1, "it ran once"
    assert len(cli.good("ps", "-aq", root=agent.root).lines) == 1


def test_killed_at_each_step(work):
    """the agent is killed while a launch of a task is at a step: it runs once all the same"""
    tap.need_fail_points()
    steps = [s for s in LAUNCH if s.startswith("launch-")]
    for step in steps + ["task-launch", "task-launched"]:
        with Broken(f"{work}/{step}", f"{step}:sleep500") as agent:
            agent.launch_task("one", shell("exit 3"))
            agent.task_until("one", "TASK_STARTING", "TASK_RUNNING")
            time.sleep(0.2)
            restart(agent)
            assert_ran_once(agent)


def test_killed_with_a_name(work):
    """what a launch that was killed left has the name, and is no container: the name is free"""
    tap.need_fail_points()
    with Broken(work, "launch-name:sleep60000") as agent:
        killed_in_launch(agent, lambda: os.path.lexists(f"{agent.root}/names/one"))
        assert len(half_made(agent)) == 1
        agent.start()
        assert_ran_once(agent)


def test_killed_but_not_gone(work):
    """whoever made it has not ended yet when the next agent is there: its end is waited for"""
    tap.need_fail_points()
    with Broken(work, "launch-name:sleep60000") as agent:
        killed_in_launch(agent, lambda: os.path.lexists(f"{agent.root}/names/one"))
        with open_locked(f"{half_made(agent)[0]}/rootfs"):
            agent.start()
            time.sleep(1)
            assert agent.tasks()["one"]["state"] == "TASK_STARTING", agent.tasks()
        assert_ran_once(agent)


def test_killed_before_worker(work):
    """a worker whose agent ended before it could ask to be told of that does nothing"""
    tap.need_fail_points()
    with Broken(work, "job-begun:sleep1000") as agent:
        assert agent.launch_task("one", shell("exit 3")) == (200, None)
        tap.eventually(agent.workers)
        workers = agent.workers()
        agent.end(signal.SIGKILL)
        agent.env = None
        tap.eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))
        assert not os.listdir(f"{agent.root}/containers")
        agent.start()
        assert_ran_once(agent)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

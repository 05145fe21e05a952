#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-agentd: the networks of its tasks."""
import contextlib
import os
import shutil
import signal
import subprocess
import threading

from agent import AGENTD, Agent
import cli
from networks import (HOST4, WORLD4, ask, become_host, elements, interfaces, leave, nothing_is_left,
                      server)
import networks
import tap

SLEEP = {"value": "sleep 10000"}


def infos(name="bridge", ports=(), **more):
    """The "container" of a launch."""
    mappings = [{"host_port": host, "container_port": inside, "protocol": protocol}
                for host, inside, protocol in ports]
    return {"type": "MESOS", "network_infos": [{"name": name, "port_mappings": mappings, **more}]}


def launch(agent, name, command=None, **kw):
    answer = agent.launch(name, command or SLEEP, container=infos(**kw))
    assert answer[0] == 200, (answer, agent.said())


def network_of(agent, name):
    return agent.containers()[name]["container_status"]["network_infos"][0]


def pid_of(agent, name):
    return agent.containers()[name]["container_status"]["executor_pid"]


def address_of(agent, name):
    return network_of(agent, name)["ip_addresses"][0]["ip_address"]


def end(agent, *names):
    for name in names:
        agent.kill(name)
        agent.wait(name)
        assert agent.remove(name)[0] == 200


def helper(agent):
    """The ucr-net that it keeps, or None."""
    for pid in agent.children(False, kept=("ucr-api", "ucr-agentd")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            if comm.read() == "ucr-net\n":
                return pid
    return None


@contextlib.contextmanager
def agents(work, *options, **kw):
    become_host()
    with Agent(work, *options, **kw) as agent:
        yield agent
    nothing_is_left(agent.root)


# ---- what a task gets -------------------------------------------------------------------


def test_bridge(work):
    """an address that GET_CONTAINERS tells, the outside, and published ports"""
    with agents(work) as agent:
        launch(agent, "web", ports=((31080, 80, "tcp"), (31053, 53, "udp")))
        launch(agent, "apart")
        pid, world = pid_of(agent, "web"), networks.WORLD.pid
        told = network_of(agent, "web")
        assert told["name"] == "bridge", told
        assert {"host_port": 31080, "container_port": 80, "protocol": "tcp"} in told["port_mappings"]
        address = address_of(agent, "web")
        assert address.startswith("10.99.") and address != address_of(agent, "apart")
        with server(pid, "tcp", 80, "web"), server(pid, "udp", 53, "dns"), \
                server(world, "tcp", 80, "world"), server(None, "tcp", 9, "host"):
            assert ask(world, "tcp", HOST4, 31080) == f"web {WORLD4}"
            assert ask(world, "udp", HOST4, 31053) == f"dns {WORLD4}"
            assert ask(pid, "tcp", WORLD4, 80) == f"world {HOST4}"
            assert not ask(pid_of(agent, "apart"), "tcp", address, 80).startswith("web")
            assert not ask(pid, "tcp", networks.GATEWAY4, 9).startswith("host")
        end(agent, "web", "apart")


def test_names(work):
    """none has only lo, a network without a name is the bridge, an unknown one is refused"""
    with agents(work) as agent:
        agent.launch("alone", SLEEP, container=infos("none"))
        assert "network_infos" not in agent.containers()["alone"]["container_status"]
        assert "eth0" not in os.listdir(f"/proc/{pid_of(agent, 'alone')}/root/sys/class/net")
        assert agent.launch("unnamed", SLEEP, container=infos(""))[0] == 200
        assert network_of(agent, "unnamed")["name"] == "bridge"
        status, answer = agent.launch("x", SLEEP, container=infos("no-such"))
        assert status == 400 and "no-such" in answer["error"], answer
        end(agent, "alone", "unnamed")


def test_refused(work):
    """what cannot be had is refused with the field's name, what is not allowed with 403"""
    path = "launch_container.container.network_infos[0]."
    with agents(work) as agent:
        for fields, word in (({"ip_addresses": [{"ip_address": "10.99.0.9"}]}, "ip_addresses"),
                             ({"ports": ((0, 80, "tcp"),)}, "port_mappings[0].host_port"),
                             ({"ports": ((80, 65536, "tcp"),)}, "port_mappings[0].container_port"),
                             ({"ports": ((80, 80, "sctp"),)}, "port_mappings[0].protocol")):
            status, answer = agent.launch("x", SLEEP, container=infos(**fields))
            assert status == 400 and path + word in answer["error"], answer
        for fields, word in (({"name": "host"}, "allow_host_network"),
                             ({"ports": ((30999, 80, "tcp"),)}, "allow_any_port")):
            status, answer = agent.launch("x", SLEEP, container=infos(**fields))
            assert status == 403 and word in answer["hint"], answer
        status, answer = agent.launch("x", SLEEP, container=infos("none", ((31000, 80, "tcp"),)))
        assert status == 400, answer
        assert not agent.containers()


def test_allowed(work):
    """settings give the host's network and all of its ports"""
    with agents(work, "--allow-host-network", "--allow-any-port") as agent:
        agent.launch("host", SLEEP, container=infos("host"))
        assert os.readlink(f"/proc/{pid_of(agent, 'host')}/ns/net") == os.readlink("/proc/self/ns/net")
        launch(agent, "any", ports=((8080, 80, "tcp"),))
        with server(pid_of(agent, "any"), "tcp", 80, "any"):
            assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"any {WORLD4}"
        end(agent, "host", "any")


def test_rates(work):
    """the agent's rates hold for every task on a bridge; none gets more"""
    with agents(work, "--network-rate-out", "256k", "--network-rate-in", "1m") as agent:
        status, answer = agent.launch("slow", SLEEP, container=infos())
        if status != 200 and "sch_tbf" in answer.get("hint", ""):
            raise tap.Skip("this kernel has no token bucket")
        assert status == 200, answer
        sent = networks.throughput(pid_of(agent, "slow"), networks.WORLD.pid, WORLD4)
        assert 1 << 17 < sent < 1 << 19, sent
        assert agent.launch("alone", {"value": "true"})[0] == 200
        agent.wait("alone")
        end(agent, "slow")
    done = subprocess.run([AGENTD, "--config-check", "--network-rate-in", "fast"], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 125 and "--network-rate-in fast" in done.stderr, done


# ---- the ucr-net that is kept -----------------------------------------------------------


def bin_without(work, *names):
    """A directory of our programs in which one can be missing."""
    where = os.path.join(work, "bin")
    os.mkdir(where)
    for name in os.listdir(os.path.join(cli.BUILD, "bin")):
        if name not in names:
            os.symlink(os.path.join(cli.BUILD, "bin", name), os.path.join(where, name))
    return where


def test_one_for_all(work):
    """launches and clean-ups, also by a shim, need no ucr-net but the one that is kept"""
    where = bin_without(work)
    with agents(work, env={"UCR_LIBEXECDIR": where}) as agent:
        tap.eventually(lambda: helper(agent))
        kept = helper(agent)
        os.unlink(os.path.join(where, "ucr-net"))
        for i in range(5):
            launch(agent, f"t{i}", {"value": "true"})
        launch(agent, "long", ports=((31080, 80, "tcp"),))
        tap.eventually(lambda: list(elements()["tasks4"]) == [address_of(agent, "long")])
        end(agent, "long")
        assert helper(agent) == kept
        nothing_is_left(agent.root)


def test_helper_dies(work):
    """a launch in the middle of which the kept one dies is done by another, and it comes back"""
    with agents(work) as agent:
        tap.eventually(lambda: helper(agent))
        first = helper(agent)
        os.kill(first, signal.SIGSTOP)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            agent.launch("t", SLEEP, container=infos(ports=((31080, 80, "tcp"),)))))
        thread.start()
        tap.eventually(lambda: os.listdir(os.path.join(agent.root, "containers")))
        thread.join(1)
        assert thread.is_alive(), answers
        os.kill(first, signal.SIGKILL)
        thread.join(60)
        assert answers[0][0] == 200, (answers, agent.said())
        tap.eventually(lambda: helper(agent) not in (None, first))
        assert "ucr-net ended; it is started again" in agent.said(), agent.said()
        with server(pid_of(agent, "t"), "tcp", 80, "t"):
            assert ask(networks.WORLD.pid, "tcp", HOST4, 31080) == f"t {WORLD4}"
        launch(agent, "next")
        end(agent, "t", "next")


def test_agent_killed(work):
    """what an agent that was killed left is cleaned up without it, and by the next"""
    with agents(work) as agent:
        launch(agent, "short", {"value": "sleep 1"})
        launch(agent, "long", ports=((31080, 80, "tcp"),))
        agent.end(signal.SIGKILL)
        tap.eventually(lambda: len(elements()["tasks4"]) == 1)
        agent.start()
        assert agent.wait("short")["exit_status"] == 0
        launch(agent, "next")
        assert address_of(agent, "next") != address_of(agent, "long")
        assert len([name for name in interfaces() if name.startswith("ucr-")]) == 2
        end(agent, "long", "next")
        agent.remove("short")


def test_no_helper(work):
    """without ucr-net the agent serves what needs none, and says what a bridge lacks"""
    with agents(work, env={"UCR_LIBEXECDIR": bin_without(work, "ucr-net")}) as agent:
        assert "ucr-net" in agent.said()
        status, answer = agent.launch("t", SLEEP, container=infos())
        assert status >= 400 and "ucr-net" in answer["error"], answer
        assert agent.launch("u", {"value": "true"})[0] == 200
        assert agent.wait("u")["exit_status"] == 0


if __name__ == "__main__":
    if not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        try:
            tap.main(globals())
        finally:
            leave()

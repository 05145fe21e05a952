#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups of tasks: what they share, their order, and that they live and die together."""
import contextlib
import glob
import os
import shutil
import subprocess
import time

from agent import AGENTD, Agent
import cli
from networks import WORLD4, ask, become_host, leave, leases, nothing_is_left, server
import nested
import networks
import tap
from test_agent_faults import cgroups_of
import test_agent_names as names
from test_agent_policy import allow
from test_agent_tasks import TERMINAL, events, grace, states
from test_agent_volumes import disk

FOREVER = "trap 'exit 0' TERM; echo set; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; echo set; while :; do sleep 0.05; done"
WAIT = "until [ -e /mnt/mesos/shared/go ]; do sleep 0.05; done; "
SPACES = "readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/user /proc/self/ns/pid"
IDS = "/run/ucr-ids"


def task(name, text, user=None, **fields):
    command = {"value": text, **({"user": user} if user else {})}
    return {"name": name, "task_id": {"value": name}, "command": command, **fields}


def executor(resources=(), **container):
    return {"type": "DEFAULT", "executor_id": {"value": "default"}, "resources": list(resources),
            "container": {"type": "MESOS", **container}}


def on_network(name, ports=()):
    return executor(network_infos=[{"name": name, "port_mappings": [
        {"host_port": host, "container_port": inside} for host, inside in ports]}])


def since(found, state="TASK_RUNNING"):
    """When it was first so."""
    return next(s["timestamp"] for s in found["statuses"] if s["state"] == state)


def last(found):
    return found["statuses"][-1]


def leased(agent):
    """The ranges of ids that are taken for this agent."""
    found = {}
    for path in glob.glob(f"{IDS}/[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(path).startswith(f"{agent.root}/"):
                found[path] = os.readlink(path)
    return found


def until_gone(agent):
    """With the last task all goes that the group had of the host."""
    tap.eventually(lambda: not agent.containers(), why=agent.containers)
    tap.eventually(lambda: not leased(agent), why=lambda: leased(agent))
    ids = {event["id"] for event in events(agent, "create")}
    tap.eventually(lambda: not cgroups_of(ids))
    assert not [n for n in os.listdir(f"{agent.root}/names") if n.endswith("+group")]
    assert not leases(agent.root)


def said(agent, name, lines=1):
    """What it wrote, once that are so many lines."""
    def text():
        return cli.run("logs", name, root=agent.root).out.splitlines()
    tap.eventually(lambda: len(text()) >= lines, why=lambda: (name, text(), agent.said()))
    return text()


def running(agent, *ids):
    """Those that trap their stop signal do so from now on."""
    for name in ids:
        agent.task_until(name, "TASK_RUNNING")
        said(agent, name)


def go(agent, name):
    """Those that wait for it do no more: it is said in one of the group."""
    cli.good("exec", name, "touch", "/mnt/mesos/shared/go", root=agent.root)


def end(agent, first, *others):
    """At once: what is there to see is how all of it goes."""
    assert agent.kill_task(first, kill_policy=grace(0))[0] == 200
    for name in (first, *others):
        agent.task_until(name, "TASK_KILLED")
    until_gone(agent)


def pid_of(agent, name):
    def pid():
        return agent.containers()[name]["container_status"].get("executor_pid")
    tap.eventually(pid)
    return pid()


# ---- what is shared ----------------------------------------------------------------------


def test_shared(work):
    """one network, IPC and user namespace, /dev/shm, directory and name; processes and files are each one's own"""
    with Agent(work) as agent:
        assert agent.launch_group(
            task("serves", f"{SPACES}; hostname; echo from-serves > /mnt/mesos/shared/file; touch /dev/mqueue/q; "
                           "echo x > /dev/shm/s; busybox nc -l -p 4711 > got; sleep 1000", user="0"),
            task("asks", f"until [ -s /dev/shm/s ]; do sleep 0.05; done; {SPACES}; hostname; "
                         "cat /mnt/mesos/shared/file; ls /dev/mqueue; stat -f -c %T /dev/shm; stat -c %u "
                         "/mnt/mesos/shared/file; echo mine > /mnt/mesos/shared/mine; "
                         "until echo hello | busybox nc -w 1 127.0.0.1 4711; do sleep 0.1; done; "
                         "ls got 2>&1; ps ax | grep -c '[n]c -l'; sleep 1000")) == (200, None)
        serves, asks = said(agent, "serves", 5), said(agent, "asks", 11)
        assert serves[:3] == asks[:3] and serves[3] != asks[3] and serves[4] == asks[4], (serves, asks)
        for kind, theirs in zip(("net", "ipc", "user"), asks):
            assert os.readlink(f"/proc/self/ns/{kind}") != theirs
        assert asks[5:9] == ["from-serves", "q", "tmpfs", "0"], asks
        assert "No such file" in asks[9] and asks[10] == "0", asks
        assert sorted(agent.containers()) == ["asks", "serves", "serves+group"]
        assert len(leased(agent)) == 1, "one range for all"
        end(agent, "asks", "serves")


def test_administered(work):
    """the network is of the user namespace of all: /sys shows it, and who may do so changes it for all"""
    with Agent(work, *allow(work, capabilities=["NET_ADMIN"])) as agent:
        root = {"user": "0", "container": {"type": "MESOS", "linux_info": {
            "effective_capabilities": {"capabilities": ["NET_ADMIN", "NET_BIND_SERVICE"]}}}}
        agent.launch_group(
            task("one", "ls /sys/class/net; cat /sys/class/net/lo/mtu; ip link set lo mtu 4321 && echo set; "
                        "echo low | busybox nc -l -p 80; sleep 1000", **root),
            task("two", "until [ $(cat /sys/class/net/lo/mtu) = 4321 ]; do sleep 0.05; done; "
                        "until busybox nc -w 5 127.0.0.1 80 2> /dev/null | grep low; do sleep 0.1; done; "
                        "ip link set lo mtu 1500 2>&1 || echo kept; sleep 1000",
                 user="0", depends_on=[{"task": "one"}]))
        assert said(agent, "one", 3) == ["lo", "65536", "set"]
        two = said(agent, "two", 3)
        assert two[0] == "low" and two[-1] == "kept", two
        end(agent, "one", "two")


def test_volumes(work):
    """those of the group are in each task, read-only where they are; no task has another at the same place"""
    os.makedirs(f"{work}/data", mode=0o755)
    with open(f"{work}/data/file", "w", encoding="ascii") as file:
        file.write("of the host\n")
    paths = [{"path": f"{work}/data", "mode": "ro"}]
    with Agent(work, *allow(work, host_paths=paths)) as agent:
        assert agent.call("CREATE_VOLUMES", volumes=[disk("kept")])[0] == 200
        what = executor([disk("kept", path="/kept")],
                        volumes=[{"host_path": f"{work}/data", "container_path": "/data", "mode": "RO"}])
        agent.launch_group(
            task("writes", "echo kept > /kept/file; cat /data/file; touch /data/x 2>&1; touch /kept/done", user="0",
                 init=True),
            task("reads", "cat /kept/file /data/file; stat -c %u /kept/file; sleep 1000"), executor=what)
        assert said(agent, "reads", 3) == ["kept", "of the host", "0"]
        writes = said(agent, "writes", 2)
        assert writes[0] == "of the host" and "Read-only" in writes[1], writes
        status, answer = agent.call("DESTROY_VOLUMES", volumes=[disk("kept")])
        assert status == 409, (status, answer)
        end(agent, "reads")
        twice = {"container": {"type": "MESOS", "volumes": [
            {"host_path": f"{work}/data", "container_path": "/data", "mode": "RO"}]}}
        agent.launch_group(task("twice", "true", **twice), executor=what)
        refused = agent.task_until("twice", *TERMINAL)
        assert refused["state"] == "TASK_ERROR" and "volume of the group" in last(refused)["message"], refused
        until_gone(agent)
        assert agent.call("DESTROY_VOLUMES", volumes=[disk("kept")])[0] == 200


def test_policy(work):
    """a volume of the group is held against the policy; a task of one can have the socket"""
    with Agent(work) as agent:
        agent.launch_group(task("volume", "true"), executor=executor(
            volumes=[{"host_path": "/etc", "container_path": "/v", "mode": "RO"}]))
        refused = agent.task_until("volume", *TERMINAL)
        assert refused["state"] == "TASK_ERROR" and "policy.host_paths" in last(refused)["message"], refused
        until_gone(agent)
        agent.launch_group(task("nests", "sleep 1000", nesting=True), task("other", "sleep 1000"))
        agent.task_until("nests", "TASK_RUNNING")
        inside = nested.inside(agent, "nests")
        assert inside.launch("kid", "exit 2")[0] == 200
        assert inside.wait("kid") == {"exit_status": 2 << 8}
        assert inside.launch("stays")[0] == 200
        assert inside.names() == {"stays"}, "none of the group"
        end(agent, "other", "nests")


def volume(path, place, **more):
    return {"host_path": path, "container_path": place, **more}


def test_places_of_volumes(work):
    """also where the host has files of its own; in no other volume; a task has none of its own below"""
    os.makedirs(f"{work}/data/sub", mode=0o755)
    os.chmod(work, 0o755)
    with open(f"{work}/data/file", "w", encoding="ascii") as file:
        file.write("of the host\n")
    with Agent(work, *allow(work, host_paths=[{"path": f"{work}/data", "mode": "ro"}])) as agent:
        agent.launch_group(
            task("reads", "cat /opt/file; ls /srv/x; sleep 1000"), executor=executor(volumes=[
                volume(f"{work}/data", "/srv/x/", mode="RO"), volume(f"{work}/data", "/opt", mode="RO")]))
        assert said(agent, "reads", 3) == ["of the host", "file", "sub"]
        end(agent, "reads")
        agent.launch_group(task("inner", "true"), executor=executor(volumes=[
            volume(f"{work}/data", "/srv", mode="RO"), volume(f"{work}/data", "/srv/sub", mode="RO")]))
        refused = agent.task_until("inner", *TERMINAL)
        assert "/srv/sub lies in /srv" in last(refused)["message"], refused
        until_gone(agent)
        below = {"container": {"type": "MESOS", "volumes": [volume(f"{work}/data", "/srv/sub", mode="RO")]}}
        agent.launch_group(task("below", "true", **below), executor=executor(volumes=[
            volume(f"{work}/data", "/srv", mode="RO")]))
        refused = agent.task_until("below", *TERMINAL)
        assert "/srv/sub is at or below /srv" in last(refused)["message"], refused
        until_gone(agent)


def test_bounded(work):
    """what tasks leave in what they share is bounded: it stays when they and their limits have gone"""
    with Agent(work) as agent:
        agent.launch_group(task("one", "cd /proc/sys/kernel; cat shmall msgmni shm_rmid_forced sem; sleep 1000"))
        found = said(agent, "one", 4)
        assert found[:3] == [str((64 << 20) // os.sysconf("SC_PAGESIZE")), "256", "1"], found
        assert found[3].split() == ["250", "32000", "100", "128"], found
        end(agent, "one")
        status, answer = agent.launch_group(task("big", "true"), executor=executor(
            linux_info={"shm_size": 2048}))
        if status == 200:
            refused = agent.task_until("big", *TERMINAL)
            answer = {"error": last(refused)["message"]}
        assert "policy.shm_size" in answer["error"], answer


def test_bridge(work):
    """an address and ports of the group, whichever of its tasks ends or is started anew"""
    become_host()
    with Agent(work, "--resources", "ports:[8080-8080]") as agent:
        agent.launch_group(
            task("first", WAIT + "exit 0"),
            task("again", "ls /sys/class/net; readlink /proc/self/ns/net; cat /etc/hosts; "
                 + WAIT + "[ -e /mnt/mesos/shared/stop ] && exec sleep 1000; touch /mnt/mesos/shared/stop; exit 3",
                 restart={"policy": "on-failure", "backoff_seconds": 0.1}),
            task("web", "sleep 1000", limits={"cpus": {"value": 1}}),
            executor=on_network("bridge", [(8080, 80)]))
        agent.task_until("web", "TASK_RUNNING")
        agent.task_until("again", "TASK_RUNNING")
        found = agent.containers()
        infos = found["first+group"]["container_status"]["network_infos"]
        assert infos[0]["port_mappings"][0]["host_port"] == 8080, infos
        for name in ("first+group", "again", "web"):
            assert found[name]["container_status"].get("network_infos") == infos, found
            assert found[name]["executor_id"] == {"value": "first"}, found
        go(agent, "web")
        agent.task_until("first", "TASK_FINISHED")
        tap.eventually(lambda: "again+1" in agent.containers())
        one, two = said(agent, "again", 4), said(agent, "again+1", 4)
        address = infos[0]["ip_addresses"][0]["ip_address"]
        assert one == two and {"eth0", "lo"} <= set(one), (one, two)
        assert any(line.startswith(f"{address}\t") for line in one), one
        with server(pid_of(agent, "again+1"), "tcp", 80, "again"):
            assert ask(networks.WORLD.pid, "tcp", networks.HOST4, 8080).startswith("again")
        assert ask(pid_of(agent, "web"), "tcp", WORLD4, 9) == "refused"
        end(agent, "web", "again")
        nothing_is_left(agent.root)
        agent.launch_group(task("port", "sleep 1000"), executor=on_network("bridge", [(8081, 80)]))
        port = agent.task_until("port", *TERMINAL)
        assert port["state"] == "TASK_ERROR" and "port 8081" in last(port)["message"], port
        until_gone(agent)


def test_names(work):
    """each task's name is the group's address, of a further attempt, too; backwards it is the group's"""
    become_host()
    with Agent(work) as agent:
        shared = "bridge:shared"
        agent.launch_group(task("web", "sleep 1000"), task("db", "sleep 0.5; [ -e /mnt/mesos/shared/x ] && sleep 1000; "
                                                                 "touch /mnt/mesos/shared/x; exit 1",
                                                           restart={"policy": "always", "backoff_seconds": 0.1}),
                           executor=on_network(shared))
        agent.launch("other", {"value": "sleep 1000"}, container={
            "type": "MESOS", "network_infos": [{"name": shared}]})
        agent.launch_task("single", {"value": "sleep 1; exit 1"},
                          container={"type": "MESOS", "network_infos": [{"name": shared}]},
                          restart={"policy": "always", "backoff_seconds": 0.1, "max_backoff_seconds": 0.1})
        tap.eventually(lambda: "db+1" in agent.containers())
        found = agent.containers()
        address = found["web"]["container_status"]["network_infos"][0]["ip_addresses"][0]["ip_address"]
        backwards = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
        other = pid_of(agent, "other")
        for pid in (other, pid_of(agent, "db+1")):
            for name in ("web.ucr", "db.ucr"):
                assert names.ask(pid, name) == (0, [address]), name
            assert names.ask(pid, backwards, names.PTR) == (0, ["web.ucr"])

        def attempt():
            return [n for n in agent.containers() if n.startswith("single+")]
        tap.eventually(attempt)
        tap.eventually(lambda: names.ask(other, "single.ucr")[1])
        for name in ("web", "single"):
            agent.kill_task(name, kill_policy=grace(0))
        agent.task_until("db", "TASK_KILLED")
        tap.eventually(lambda: names.ask(other, "db.ucr")[0] == names.NO_SUCH_NAME)
        agent.kill("other")
        agent.wait("other")
        agent.remove("other")
        agent.task_until("single", "TASK_KILLED", timeout=30)
        until_gone(agent)
        nothing_is_left(agent.root)


def test_host_ids(work):
    """without user namespaces of their own a group has none either"""
    with Agent(work, "--userns", "host", *allow(work, userns=["host"], users=["0-65535"])) as agent:
        agent.launch_group(task("one", f"{SPACES}; ls /sys/class/net; sleep 1000"),
                           task("two", f"{SPACES}; ls /sys/class/net; sleep 1000"))
        one, two = said(agent, "one", 5), said(agent, "two", 5)
        assert one[:3] == two[:3] and one[2] == os.readlink("/proc/self/ns/user"), (one, two)
        assert one[4:] == ["lo"] == two[4:] and not leased(agent), (one, two)
        end(agent, "one", "two")


class UsersAgent(Agent):
    """Of user 12345, who has subordinate ids."""

    def __init__(self, work):
        self.prefix = [*cli.rootless_prefix(work), "env", f"HOME={work}/home"]
        super().__init__(f"{work}/home")
        for path in (f"{work}/home", f"{work}/home/socket"):
            os.chown(path, 12345, 12345)

    def start(self):
        with open(self.log, "ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                [*self.prefix, AGENTD, "--work-dir", self.root, "--socket", self.path],
                stdin=subprocess.DEVNULL, stderr=log)
        tap.eventually(self.answers, why=self.said)
        return self

    def logged(self, name, lines):
        def text():
            return self.request("GET", f"/containers/{name}/logs")[1].splitlines()
        tap.eventually(lambda: len(text()) >= lines, why=self.said)
        return text()

    def answers(self):
        with contextlib.suppress(OSError):
            return self.request("GET", "/health")[0] == 200
        return False


def test_rootless(work):
    """a normal user's group shares the same"""
    with UsersAgent(work) as agent:
        agent.launch_group(task("one", f"{SPACES}; echo x > /dev/shm/s; echo y > /mnt/mesos/shared/f; sleep 1000"),
                           task("two", f"until [ -s /mnt/mesos/shared/f ]; do sleep 0.05; done; {SPACES}; "
                                       "cat /dev/shm/s; ls /sys/class/net; sleep 1000"))
        one, two = agent.logged("one", 4), agent.logged("two", 6)
        assert one[:3] == two[:3] and one[3] != two[3] and two[4:] == ["x", "lo"], (one, two)
        agent.kill_task("one", kill_policy=grace(0))
        agent.task_until("two", "TASK_KILLED", timeout=30)
        tap.eventually(lambda: not agent.containers(), why=agent.said)
        assert "denied" not in agent.said() and "one+group" not in os.listdir(f"{agent.root}/names")


# ---- living and dying together -----------------------------------------------------------


def test_together(work):
    """one that fails ends the others with their grace; one that succeeds does not"""
    with Agent(work) as agent:
        agent.launch_group(task("stays", FOREVER), task("good", "sleep 0.2"),
                           task("bad", WAIT + "exit 3"))
        running(agent, "stays")
        agent.task_until("good", "TASK_FINISHED")
        assert agent.tasks()["stays"]["state"] == "TASK_RUNNING"
        go(agent, "stays")
        assert "status 3" in last(agent.task_until("bad", "TASK_FAILED"))["message"]
        stays = agent.task_until("stays", *TERMINAL, timeout=30)
        assert stays["state"] == "TASK_KILLED" and "bad" in last(stays)["message"], stays
        assert last(stays)["reason"] == "REASON_EXECUTOR_TERMINATED", stays
        assert stays["executor_id"] == {"value": "stays"} == agent.tasks()["bad"]["executor_id"]
        until_gone(agent)


def test_killed(work):
    """who kills one kills all, each with the time that was said, also after the first is gone"""
    with Agent(work) as agent:
        agent.launch_group(task("one", STUBBORN, kill_policy=grace(0.2)), task("two", FOREVER))
        running(agent, "one", "two")
        start = time.monotonic()
        assert agent.kill_task("two", kill_policy=grace(4))[0] == 200
        one, two = (agent.task_until(name, "TASK_KILLED") for name in ("one", "two"))
        assert time.monotonic() - start > 3.8, "one had the four seconds that were said"
        assert "status 0" in last(two)["message"] and since(two, "TASK_KILLED") < since(one, "TASK_KILLED")
        assert "signal 9" in last(one)["message"], one
        assert "two" in last(one)["message"] and states(one)[-2] == "TASK_KILLING", one
        until_gone(agent)
        agent.launch_group(task("ended", "true", init=True), task("runs", FOREVER))
        running(agent, "runs")
        assert agent.kill_task("ended")[0] == 200
        agent.task_until("runs", "TASK_KILLED", timeout=30)
        assert agent.tasks()["ended"]["state"] == "TASK_FINISHED"
        until_gone(agent)


def test_times(work):
    """the longest run of one is the end of all"""
    with Agent(work) as agent:
        agent.launch_group(task("short", FOREVER, max_completion_time={"nanoseconds": 700000000}),
                           task("long", FOREVER))
        short = agent.task_until("short", *TERMINAL)
        assert last(short)["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED", short
        assert agent.task_until("long", *TERMINAL)["state"] == "TASK_KILLED"
        until_gone(agent)


def test_not_started(work):
    """one that cannot start ends those that did"""
    with Agent(work) as agent:
        agent.launch_group(task("stays", FOREVER), {
            "name": "none", "task_id": {"value": "none"},
            "command": {"shell": False, "value": "/no/such/program"}})
        assert agent.task_until("none", *TERMINAL)["state"] == "TASK_ERROR"
        assert agent.task_until("stays", *TERMINAL, timeout=30)["state"] == "TASK_KILLED"
        until_gone(agent)


def test_no_network(work):
    """what they would share cannot be made: all fail, and say why"""
    with Agent(work) as agent:
        agent.launch_group(task("one", "true"), task("two", "true", restart={"policy": "always"}),
                           executor=on_network("host"))
        for name in ("one", "two"):
            ended = agent.task_until(name, *TERMINAL)
            assert ended["state"] == "TASK_ERROR", ended
            assert "host's network" in last(ended)["message"], ended
            assert "allow_host_network" in last(ended)["message"], ended
        until_gone(agent)
        agent.launch_group(task("volume", "true"), executor=executor([disk("nowhere", path="/x")]))
        assert "nowhere" in last(agent.task_until("volume", *TERMINAL))["message"]
        until_gone(agent)
        agent.launch("taken+group", {"value": "sleep 1000"})
        agent.launch_group(task("taken", "true"))
        assert "ucrctl rm" in last(agent.task_until("taken", "TASK_FAILED"))["message"]
        assert list(agent.containers()) == ["taken+group"]
        cli.good("rm", "-f", "taken+group", root=agent.root)


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
        assert since(found["second"]) >= since(found["first"], "TASK_FINISHED")
        assert since(found["server"]) >= since(found["second"], "TASK_FINISHED")
        assert since(found["middle"]) >= since(found["server"])
        assert since(found["last"]) >= since(found["middle"], "TASK_FINISHED")
        assert found["first"]["init"] is True and found["last"]["depends_on"], found
        until_gone(agent)


def test_init_fails(work):
    """the group ends with an init task that fails, when it is not tried again"""
    with Agent(work) as agent:
        agent.launch_group(task("fails", "exit 4", init=True), task("never", "true"))
        agent.task_until("fails", "TASK_FAILED")
        never = agent.task_until("never", *TERMINAL)
        assert states(never) == ["TASK_STAGING", "TASK_KILLED"] and "fails" in last(never)["message"], never
        assert len(events(agent, "start")) == 2, "the holder and the init task"
        until_gone(agent)
        agent.launch_group(
            task("tries", "[ -e /mnt/mesos/shared/x ] && exit 0; touch /mnt/mesos/shared/x; exit 1", init=True,
                 restart={"policy": "on-failure", "backoff_seconds": 0.1}), task("then", "true"))
        assert agent.task_until("tries", *TERMINAL)["state"] == "TASK_FINISHED"
        assert agent.task_until("then", *TERMINAL)["state"] == "TASK_FINISHED"
        until_gone(agent)


# ---- what is asked for -------------------------------------------------------------------


def test_repeated(work):
    """all of a group, or none"""
    with Agent(work) as agent:
        both = task("a", "sleep 1000"), task("b", "sleep 1000")
        assert agent.launch_group(*both)[0] == 200
        assert agent.launch_group(*both)[0] == 202
        assert agent.launch_group(both[0], task("new", "true"))[0] == 409
        assert agent.launch_group(both[0])[0] == 409
        assert set(agent.tasks()) == {"a", "b"}
        c, single, alone = (task(name, "sleep 1000") for name in ("c", "single", "alone"))
        assert agent.launch_group(c, task("d", "sleep 1000"))[0] == 200
        assert agent.launch_task("single", {"value": "sleep 1000"})[0] == 200
        assert agent.launch_group(alone)[0] == 200
        assert agent.launch_group(alone)[0] == 202
        for other, words in (((both[0], c), "not with the same"), ((c, both[1]), "not with the same"),
                             ((single,), "not in a group"), ((both[1], single), "not with the same")):
            status, answer = agent.launch_group(*other)
            assert status == 409 and words in answer["error"], (other, status, answer)
        status, answer = agent.launch_task("alone", {"value": "sleep 1000"})
        assert status == 409 and "and in a group" in answer["error"], (status, answer)
        for name in ("c", "single", "alone"):
            assert agent.kill_task(name, kill_policy=grace(0))[0] == 200
        for name in ("c", "d", "single", "alone"):
            agent.task_until(name, "TASK_KILLED")
        for label in ("org.ucr.group=a", "org.ucr.task=b"):
            tap.eventually(lambda wanted=label: cli.good("ps", "-q", "--filter", f"label={wanted}",
                                                         root=agent.root).lines)
        end(agent, "a", "b")


def test_bad_input(work):
    """what makes no sense in a group is refused, by the member that is wrong"""
    with Agent(work) as agent:
        named = {"container": {"type": "MESOS", "hostname": "own"}}
        joined = {"container": {"type": "MESOS", "network_infos": [{"name": "bridge"}]}}
        image = {"mesos": {"image": {"type": "DOCKER", "docker": {"name": "x"}}}}
        secret = {"volumes": [{"container_path": "/s", "mode": "RO", "source": {
            "type": "SECRET", "secret": {"type": "VALUE", "value": {"data": "eA=="}}}}]}
        good = task("good", "true")
        for tasks, fields, word in (
                ((), {}, "1 to 64"), ([good] * 65, {}, "64"), ((good, good), {}, "task_id good"),
                ((task("a", "true", depends_on=[{"task": "b"}]),), {}, "no task b"),
                ((task("a", "true", depends_on=[{"task": "good"}]),
                  {**good, "depends_on": [{"task": "a"}]}), {}, "wait for each other"),
                ((task("a", "true", init=True, depends_on=[{"task": "good"}]), good), {}, "no init task"),
                ((task("a", "true", depends_on=[{"task": "good", "condition": "SOON"}]), good), {}, "condition"),
                ((task("a", "true", **named),), {}, "hostname"),
                ((task("a", "true", **joined),), {}, "executor.container"),
                ((good,), {"executor": executor(**image)}, "image"),
                ((good,), {"executor": {**executor(), "command": {"value": "x"}}}, "executor.command"),
                ((good,), {"executor": {**executor(), "shutdown_grace_period": {"nanoseconds": 1}}},
                 "kill_policy.grace_period"),
                ((good,), {"executor": executor(**secret)}, "secrets")):
            status, answer = agent.launch_group(*tasks, **fields)
            assert status == 400 and word in answer["error"], (word, status, answer)
        for fields, word in (({"init": True}, "init"), ({"depends_on": [{"task": "x"}]}, "depends_on")):
            status, answer = agent.launch_task("one", {"value": "true"}, **fields)
            assert status == 400 and word in answer["error"], (word, status, answer)
        assert not agent.tasks()


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        try:
            tap.main(globals())
        finally:
            leave()

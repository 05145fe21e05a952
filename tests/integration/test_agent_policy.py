#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tasks of the agent may ask for: refused unless its configuration allows it."""
import json
import os
import signal
import subprocess

from agent import AGENTD, Agent
import boxes
import cli
import tap


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("only root's agent gives out what is the host's")


def mesos(**members):
    return {"container": {"type": "MESOS", **members}}


def volume(host, path="/v", mode="RO"):
    return mesos(volumes=[{"host_path": host, "container_path": path, "mode": mode}])


def caps(*names):
    return mesos(linux_info={"effective_capabilities": {"capabilities": list(names)}})


def refused(agent, fields, member, rule):
    """403, with the member, the rule, and what an operator would write."""
    status, answer = agent.launch("no", {"value": "true"}, **fields)
    assert status == 403, (status, answer)
    assert answer["error"].startswith(member) and f"policy.{rule}" in answer["error"], answer
    assert f'"policy": {{"{rule}": ' in answer["hint"], answer
    assert "no" not in agent.containers(), answer


def output(agent, name, command, **fields):
    status, answer = agent.launch(name, {"value": command}, **fields)
    assert status == 200, (status, answer)
    ended = agent.wait(name)
    assert ended["exit_status"] == 0, (ended, cli.good("logs", name, root=agent.root))
    return cli.good("logs", name, root=agent.root).out


def pid_of(agent, name):
    return agent.containers()[name]["container_status"]["executor_pid"]


def allow(work, **policy):
    path = f"{work}/agentd.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"policy": policy}, file)
    return "--config", path


def test_configuration(work):
    """printed by --config-check with its defaults; what is wrong in it is told"""
    done = subprocess.run([AGENTD, "--config-check", "--work-dir", f"{work}/root"],
                          capture_output=True, check=True, encoding="utf-8")
    policy = json.loads(done.stdout)["policy"]
    assert policy["userns"] == ["auto"] and policy["pids"] == 32768, policy
    assert "capabilities" not in policy and "host_paths" not in policy, policy
    options = allow(work, capabilities=["NET_RAW"], pids=99)
    done = subprocess.run([AGENTD, "--config-check", "--work-dir", f"{work}/root", *options],
                          capture_output=True, check=True, encoding="utf-8")
    policy = json.loads(done.stdout)["policy"]
    assert policy["capabilities"] == ["NET_RAW"] and policy["pids"] == 99, policy
    for wrong, word in (({"capabilites": []}, "capabilites"), ({"pids": "many"}, "pids"),
                        ({"host_paths": [{"path": "srv"}]}, "srv")):
        done = subprocess.run(
            [AGENTD, "--config-check", "--work-dir", f"{work}/root", *allow(work, **wrong)],
            capture_output=True, check=False, encoding="utf-8")
        assert done.returncode == 125 and word in done.stderr and not done.stdout, done


def test_user_namespace(work):
    """a task has ids of its own, unless the operator says otherwise for all"""
    need_root()
    with Agent(work) as agent:
        words = output(agent, "own", "cat /proc/self/uid_map").split()
        assert words[0] == "0" and int(words[1]) >= 65536 and words[2] == "65536", words
    with Agent(work, "--userns", "host") as agent:
        words = output(agent, "hosts", "cat /proc/self/uid_map").split()
        assert words[:2] == ["0", "0"], words


def test_host_ids(work):
    """a task with the host's ids is whom the configuration says, and so is what is executed in it"""
    need_root()

    def launch(name, user, **run):
        return agent.call("RUN_CONTAINER", container_id={"value": name},
                          run={"command": ["sleep", "1000"], "user": user, **run})

    def execute(name, user):
        status, answer = agent.call("EXEC_CONTAINER", container_id={"value": name},
                                    run={"command": ["sleep", "1000"],
                                         **({"user": user} if user else {})})
        assert status == 200 or "user" in answer["error"], answer
        return status

    with Agent(work, *allow(work, userns=["auto", "host"], users=["1000-1999"])) as agent:
        for user in ("0", "0:0", "1000", "1000:0", "0:1000", "root:1000"):
            status, answer = launch("no", user, userns="host")
            assert status == 403 and answer["error"].startswith("user"), (user, status, answer)
        assert "no" not in agent.containers()
        for name, fields in (("hosts", {"userns": "host"}), ("own", {})):
            status, answer = launch(name, "1000:1001", **fields)
            assert status == 200, (status, answer)
        assert [execute("hosts", user) for user in ("0", "0:0", "1500:0")] == [403] * 3
        assert execute("hosts", "1500:1501") == execute("own", "0") == 200
        assert execute("hosts", None) == execute("own", None) == 200
        done = agent.call("LIST_PROCESSES", container_id={"value": "hosts"})[1]["list_processes"]
        pids = [process["pid"] for process in done["processes"]]
        assert len(pids) == 3, done
        assert {os.stat(f"/proc/{pid}").st_uid for pid in pids} == {1000, 1500}, done
        for name in ("hosts", "own"):
            agent.kill(name)
            agent.wait(name)


def test_ids_outlive_the_agent(work):
    """no two running tasks have the same ids, over kill -9 of the agent; ended ones give theirs back"""
    need_root()

    def first(name):
        with open(f"/proc/{pid_of(agent, name)}/uid_map", encoding="ascii") as file:
            return file.read().split()[1]

    def start(name):
        status, answer = agent.launch(name, {"value": "sleep 1000"})
        assert status == 200, answer

    options = ("--id-range", f"{65536 * 20}-{65536 * 23 - 1}")
    with Agent(work, *options) as agent:
        start("a")
        start("b")
        before = [first("a"), first("b")]
        agent.end(signal.SIGKILL)
        agent.start()
        start("c")
        assert [first("a"), first("b")] == before
        assert len({*before, first("c")}) == 3, (before, first("c"))
        status, answer = agent.launch("d", {"value": "true"})
        assert status >= 500 and "all 3 ranges" in answer["error"], (status, answer)
        freed = first("b")
        agent.end(signal.SIGKILL)
        cli.good("kill", "b", root=agent.root)
        agent.start()
        agent.wait("b")
        tap.eventually(lambda: not os.path.lexists(f"/run/ucr-ids/{freed}"))
        start("d")
        assert first("d") == freed
        for name in "acd":
            agent.kill(name)
            agent.wait(name)


def test_tight(work):
    """nothing of the host without a word of the operator"""
    need_root()
    with Agent(work) as agent:
        refused(agent, caps("NET_RAW"), "cap_add", "capabilities")
        refused(agent, caps("ALL"), "cap_add", "capabilities")
        refused(agent, volume("/etc"), "volumes", "host_paths")
        refused(agent, volume("/tmp/../etc/"), "volumes", "host_paths")
        refused(agent, mesos(linux_info={"seccomp": {"unconfined": True}}), "security_opts",
                "seccomp_unconfined")
        refused(agent, mesos(rlimit_info={"rlimits": [{"type": "RLMT_MEMLOCK"}]}), "ulimits",
                "ulimits")
        assert output(agent, "usual", "grep CapEff /proc/self/status",
                      **caps("CHOWN")).split()[1] in ("0000000000000000", "0000000000000001")
        assert agent.launch("nests", {"value": "true"}, nesting=True)[0] == 200
    with Agent(work, *allow(work, no_nesting=True)) as agent:
        refused(agent, {"nesting": True}, "has_nesting", "no_nesting")


def test_allowed(work):
    """what the configuration names, and no more"""
    need_root()
    os.makedirs(f"{work}/shown/sub")
    os.makedirs(f"{work}/other")
    os.chmod(work, 0o755)
    os.chmod(f"{work}/shown", 0o777)
    os.chmod(f"{work}/shown/sub", 0o777)
    with open(f"{work}/shown/sub/file", "w", encoding="ascii") as file:
        file.write("content\n")
    os.symlink("../other", f"{work}/shown/out")
    os.symlink("/etc", f"{work}/shown/etc")
    options = allow(work, capabilities=["NET_RAW"], seccomp_unconfined=True,
                    ulimits=["memlock=1048576"],
                    host_paths=[{"path": f"{work}/shown", "mode": "ro"},
                                {"path": f"{work}/shown/sub", "mode": "rw"}])
    with Agent(work, *options) as agent:
        text = output(agent, "caps", "grep -E 'CapBnd|Seccomp:' /proc/self/status; ulimit -l",
                      **mesos(linux_info={"bounding_capabilities": {"capabilities": ["NET_RAW"]},
                                          "seccomp": {"unconfined": True}},
                              rlimit_info={"rlimits": [
                                  {"type": "RLMT_MEMLOCK", "soft": 65536, "hard": 1048576}]}))
        assert text.split() == ["CapBnd:", "0000000000002000", "Seccomp:", "0", "64"], text
        assert output(agent, "read", "cat /v/sub/file; ! touch /v/new 2>/dev/null",
                      **volume(f"{work}/shown")).splitlines()[0] == "content"
        output(agent, "write", "touch /v/new", **volume(f"{work}/shown/sub", mode="RW"))
        assert os.stat(f"{work}/shown/sub/new").st_uid == 65534
        refused(agent, volume(f"{work}/shown", mode="RW"), "volumes", "host_paths")
        refused(agent, volume(f"{work}/other"), "volumes", "host_paths")
        refused(agent, volume(work), "volumes", "host_paths")
        refused(agent, caps("NET_ADMIN"), "cap_add", "capabilities")
        for options in ("remount,bind,rw", "bind", "rshared", "idmap"):
            status, answer = agent.call("RUN_CONTAINER", run={
                "command": ["true"], "tmpfs": [f"/etc:{options}"]})
            assert status == 400 and "no option of a tmpfs" in answer["error"], answer
        for link in ("out", "etc", "etc/ssl"):
            status, answer = agent.launch("no", {"value": "true"},
                                          **volume(f"{work}/shown/{link}"))
            assert status == 403 and "leads by a link out of" in answer["error"], answer


def test_exchanged(work):
    """what was checked is what is mounted, however often a path is exchanged meanwhile"""
    need_root()
    os.makedirs(f"{work}/open/real")
    os.chmod(work, 0o755)
    with open(f"{work}/open/real/mark", "w", encoding="ascii") as file:
        file.write("ours")
    os.symlink("/", f"{work}/open/trap")
    script = ("import ctypes, sys\n"
              "libc = ctypes.CDLL(None)\n"
              "a, b = (name.encode() for name in sys.argv[1:])\n"
              "while True: libc.renameat2(-100, a, -100, b, 2)\n")
    swapper = subprocess.Popen(["python3", "-c", script, f"{work}/open/real", f"{work}/open/trap"])
    try:
        with Agent(work, *allow(work, host_paths=[{"path": f"{work}/open"}])) as agent:
            seen = set()
            for number in range(30):
                name = f"t{number}"
                status, answer = agent.launch(name, {"value": "test -e /v/mark && ! test -e /v/etc"},
                                              **volume(f"{work}/open/real"))
                seen.add(status)
                assert status in (200, 403), (status, answer)
                if status == 200:
                    assert agent.wait(name)["exit_status"] == 0, name
            assert 200 in seen, seen
    finally:
        swapper.kill()
        swapper.wait()


def test_refused_by_name(work):
    """what Mesos has and a container of this agent cannot be given"""
    need_root()
    with Agent(work) as agent:
        for fields, word in (
                (mesos(linux_info={"share_pid_namespace": True}), "share_pid_namespace"),
                (mesos(linux_info={"ipc_mode": "SHARE_PARENT"}), "ipc_mode"),
                (mesos(linux_info={"seccomp": {"profile_name": "x"}}), "profile_name"),
                (mesos(rlimit_info={"rlimits": [{"type": "RLMT_NOFILE", "soft": 1}]}), "rlimit"),
                (mesos(volumes=[{"container_path": "/v", "host_path": "relative"}]), "host_path"),
                (mesos(volumes=[{"container_path": "/a:b", "host_path": "/x"}]), "container_path"),
                (mesos(volumes=[{"container_path": "/v", "image": {"type": "DOCKER"}}]), "image"),
                (mesos(volumes=[{"container_path": "/v", "source": {"type": "CSI_VOLUME"}}]),
                 "CSI_VOLUME"),
                (mesos(volumes={}), "volumes")):
            status, answer = agent.launch("no", {"value": "true"}, **fields)
            assert status == 400 and word in answer["error"], (status, answer)


if __name__ == "__main__":
    tap.main(globals())

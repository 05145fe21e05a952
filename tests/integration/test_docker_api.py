#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Docker's Engine API, spoken by hand: what it answers, and what it refuses in which words."""
import contextlib
import json
import signal
import socket
import time

from agent import Agent, Connection
from docker_api import HOST_CONFIG, DockerAgent, become_host, registries_of
import cli
import networks
import registry
import tap


def test_about_itself(work):
    """ping, version and info, with and without a version in the path"""
    with DockerAgent(work, "--hostname", "here") as agent:
        for path in ("/_ping", "/v1.41/_ping", "/v1.24/_ping"):
            status, text, headers = agent.request("GET", path)
            assert (status, text) == (200, "OK") and headers["Api-Version"] == "1.41", headers
            assert headers["Content-Type"].startswith("text/plain"), headers
        status, text, headers = agent.request("HEAD", "/_ping")
        assert (status, text) == (200, "") and headers["Api-Version"] == "1.41", headers
        version = agent.api("GET", "/v1.30/version")[1]
        assert version["ApiVersion"] == "1.41" and version["MinAPIVersion"] == "1.24", version
        assert version["Version"] in cli.good("version").out and version["Os"] == "linux", version
        info = agent.api("GET", "/info")[1]
        assert info["Name"] == "here" and info["Images"] == 1 and info["Containers"] == 0, info
        assert info["NCPU"] >= 1 and info["MemTotal"] > 1 << 20, info


def test_versions(work):
    """versions that are not spoken are refused as Docker refuses them"""
    with DockerAgent(work) as agent:
        status, answer = agent.api("GET", "/v1.99/version")
        assert status == 400 and "too new" in answer["message"] and "1.41" in answer["message"], answer
        status, answer = agent.api("GET", "/v1.12/info")
        assert status == 400 and "too old" in answer["message"], answer
        for path in ("/v2.0/info", "/v1./info", "/v1.x/info", "/v1.41"):
            assert agent.request("GET", path)[0] == 404, path


def test_list(work):
    """containers that run and have ended, by filters"""
    with DockerAgent(work) as agent:
        agent.launch("up", {"value": "exec sleep 1000"})
        agent.launch("over", {"value": "exit 3"})
        agent.wait("over")
        shown = agent.api("GET", "/containers/json")[1]
        assert [c["Names"] for c in shown] == [["/up"]] and shown[0]["State"] == "running", shown
        assert shown[0]["Status"].startswith("Up ") and "sleep" in shown[0]["Command"], shown
        assert abs(shown[0]["Created"] - time.time()) < 60, shown
        everything = agent.api("GET", "/v1.41/containers/json", all="1")[1]
        assert {c["Names"][0] for c in everything} == {"/up", "/over"}, everything
        over = next(c for c in everything if c["Names"] == ["/over"])
        assert over["State"] == "exited" and over["Status"].startswith("Exited (3) "), over
        for filters, names in (({"status": ["exited"]}, ["/over"]), ({"name": {"up": True}}, ["/up"]),
                               ({"exited": ["3"]}, ["/over"]), ({"name": {"up": False}}, ["/up"]),
                               ({"label": ["none"]}, [])):
            got = agent.api("GET", "/containers/json", filters=filters)[1]
            assert [c["Names"][0] for c in got] == names, (filters, got)
        assert len(agent.api("GET", "/containers/json", limit="1")[1]) == 1
        assert len(agent.api("GET", "/containers/json", limit="-1")[1]) == 1
        status, inspected = agent.api("GET", f"/containers/{shown[0]['Id'][:12]}/json")
        assert status == 200 and inspected["Name"] == "/up", inspected
        assert inspected["State"]["Status"] == "running" and inspected["State"]["Pid"] > 1, inspected
        assert agent.kill("up")[0] == 200


def test_top(work):
    """processes in the columns asked for"""
    with DockerAgent(work) as agent:
        agent.launch("up", {"value": "sleep 1000; true"})

        def rows():
            return [row[-1] for row in agent.api("GET", "/containers/up/top")[1]["Processes"]]

        tap.eventually(lambda: "sleep 1000" in rows(), why=rows)
        assert "PID" in agent.api("GET", "/containers/up/top")[1]["Titles"]
        top = agent.api("GET", "/containers/up/top", ps_args="-eo pid,comm")[1]
        assert top["Titles"] == ["PID", "COMMAND"], top
        assert {row[1] for row in top["Processes"]} == {"sh", "sleep"}, top
        status, answer = agent.api("GET", "/containers/up/top", ps_args="-eo pid,wrong")
        assert status == 400 and "wrong" in answer["message"], answer
        assert agent.kill("up")[0] == 200
        agent.wait("up")
        assert agent.api("GET", "/containers/up/top")[0] == 409


def test_stats(work):
    """one sample, the second of two, a stream until the end, and zeros of what is not running"""
    with DockerAgent(work) as agent:
        agent.create("a", "sleep", "1000")
        idle = agent.api("GET", "/containers/a/stats", stream="0")[1]
        assert idle["read"].startswith("0001") and "memory_stats" not in idle, idle
        agent.api("POST", "/containers/a/start")
        one = agent.api("GET", "/containers/a/stats", **{"stream": "false", "one-shot": "1"})[1]
        assert one["name"] == "/a" and one["preread"].startswith("0001"), one
        assert one["cpu_stats"]["system_cpu_usage"] > 0 and one["memory_stats"]["usage"] > 0, one
        assert one["memory_stats"]["limit"] > 1 << 20 and one["pids_stats"]["current"] == 1, one
        assert one["networks"]["eth0"]["rx_errors"] == 0, one
        two = agent.api("GET", "/containers/a/stats", stream="0")[1]
        assert two["preread"] > one["read"] and two["read"] > two["preread"], two
        assert two["precpu_stats"]["system_cpu_usage"] < two["cpu_stats"]["system_cpu_usage"], two
        with contextlib.closing(Connection(agent.path)) as connection:
            connection.request("GET", "/containers/a/stats")
            answer = connection.getresponse()
            first, second = json.loads(answer.readline()), json.loads(answer.readline())
            assert first["read"] == second["preread"], (first, second)
            assert agent.api("DELETE", "/containers/a", force="1")[0] == 204
            answer.read()
        assert agent.api("GET", "/containers/a/stats")[0] == 404
        status, answer = agent.api("GET", "/containers/a/stats", **{"one-shot": "1"})
        assert status == 400 and "one-shot" in answer["message"], answer


def test_end(work):
    """stop, kill and remove"""
    with DockerAgent(work) as agent:
        agent.launch("a", {"value": "trap 'exit 4' TERM; while :; do sleep 0.1; done"})
        time.sleep(0.5)
        assert agent.api("DELETE", "/containers/a")[0] == 409
        assert agent.api("POST", "/containers/a/stop", t="20") == (204, None)
        assert agent.api("GET", "/containers/a/json")[1]["State"]["ExitCode"] == 4
        assert agent.api("POST", "/containers/a/stop") == (304, None)
        status, answer = agent.api("POST", "/containers/a/kill")
        assert status == 409 and "not running" in answer["message"], answer
        assert agent.api("DELETE", "/containers/a") == (204, None)
        assert agent.api("DELETE", "/containers/a")[0] == 404
        agent.launch("b", {"value": "exec sleep 1000"})
        assert agent.api("POST", "/containers/b/kill", signal="SIGINT")[0] == 204
        agent.launch("c", {"value": "exec sleep 1000"})
        assert agent.api("POST", "/containers/c/kill", signal="NONE")[0] == 400
        assert agent.api("DELETE", "/containers/c", force="1")[0] == 204
        agent.launch("d", {"value": "exit 0"})
        agent.wait("d")
        pruned = agent.api("POST", "/containers/prune", filters={"name": ["d"]})[1]
        assert len(pruned["ContainersDeleted"]) == 1, pruned


def test_stop_signal(work):
    """a container ends by the signal it was made with, or by that of one call; a wrong one is refused"""
    with DockerAgent(work) as agent:
        script = "trap 'exit 5' INT; trap 'exit 6' USR1; while :; do sleep 0.1; done"
        for query, status in (({}, 5), ({"signal": "USR1"}, 6)):
            agent.create("a", "sh", "-c", script, StopSignal="SIGINT")
            assert agent.api("POST", "/containers/a/start")[0] == 204
            time.sleep(0.5)
            assert agent.api("POST", "/containers/a/stop", signal="NONE")[0] == 400
            assert agent.api("POST", "/containers/a/stop", t="20", **query) == (204, None)
            assert agent.api("GET", "/containers/a/json")[1]["State"]["ExitCode"] == status, query
            assert agent.api("DELETE", "/containers/a")[0] == 204


def test_platform(work):
    """an image of another platform is none, and a platform that is no such thing is refused"""
    with DockerAgent(work) as agent:
        body = {"Image": "busybox", "Cmd": ["true"]}
        image = agent.api("GET", "/images/busybox/json")[1]
        assert agent.api("POST", "/containers/create", body, platform="linux/s390x")[0] == 404
        status, answer = agent.api("POST", "/containers/create", body, platform="a/b/c/d")
        assert status == 400 and "OS/ARCH" in answer["message"], answer
        assert agent.request("POST", "/images/create?fromImage=x&platform=a/b/c/d")[0] == 400
        own = f"{image['Os']}/{image['Architecture']}"
        assert agent.api("POST", "/containers/create", body, platform=own)[0] == 201


def test_images(work):
    """images listed, inspected, named and removed"""
    with DockerAgent(work) as agent:
        image, = agent.api("GET", "/images/json")[1]
        assert image["RepoTags"] == ["busybox:latest"] and image["Size"] > 0, image
        for name in ("busybox", "busybox:latest", "docker.io/library/busybox:latest", image["Id"],
                     image["Id"][7:19]):
            status, found = agent.api("GET", f"/images/{name}/json")
            assert status == 200 and found["Id"] == image["Id"], (name, found)
        assert found["Config"]["Cmd"] and found["RootFS"]["Layers"], found
        assert agent.api("POST", "/images/busybox/tag", repo="other/box", tag="2") == (201, None)
        for filters, count in (({"reference": ["other/*"]}, 1), ({"reference": ["o*"]}, 0),
                               ({"dangling": ["true"]}, 0), ({"dangling": ["false"]}, 1)):
            assert len(agent.api("GET", "/images/json", filters=filters)[1]) == count, filters
        status, answer = agent.api("DELETE", "/images/other/box:2")
        assert status == 200 and answer[0]["Untagged"].endswith("other/box:2"), answer
        status, answer = agent.api("GET", "/images/none:1/json")
        assert status == 404 and "No such image: none:1" in answer["message"], answer
        assert agent.api("DELETE", "/images/none:1")[0] == 404


def test_create(work):
    """a container is made, takes its name, outlives the agent's death, is started and removed"""
    with DockerAgent(work) as agent:
        status, made = agent.create("a", "sh", "-c", "exit 7", HostConfig=HOST_CONFIG,
                                    Labels={"k": "v"}, Env=["A=b"], WorkingDir="/tmp")
        assert status == 201 and len(made["Id"]) == 64, made
        status, answer = agent.create("a", "true")
        assert status == 409 and "name a belongs" in answer["message"], answer
        agent.end(signal.SIGKILL)
        Agent.start(agent)
        shown = agent.api("GET", "/containers/json", all="1")[1]
        assert [(c["Id"], c["State"], c["Status"]) for c in shown] == [
            (made["Id"], "created", "Created")], shown
        assert agent.api("GET", "/containers/json")[1] == []
        inspected = agent.api("GET", "/containers/a/json")[1]
        assert inspected["State"]["Status"] == "created", inspected
        assert inspected["Config"]["Labels"] == {"k": "v"} and "A=b" in inspected["Config"]["Env"]
        assert cli.good("ps", "-a", "--format", "{{.Names}} {{.State}}", root=agent.root).lines == [
            "a created"]
        assert agent.api("POST", "/containers/a/kill")[0] == 409
        assert agent.api("POST", "/containers/a/stop")[0] == 304
        assert agent.api("POST", "/containers/a/start") == (204, None)
        assert agent.api("POST", "/containers/a/wait")[1]["StatusCode"] == 7
        assert agent.api("POST", "/containers/a/start") == (204, None)
        assert agent.api("POST", "/containers/a/wait")[1]["StatusCode"] == 7
        assert agent.api("DELETE", "/containers/a")[0] == 204
        assert agent.create("a", "true")[0] == 201
        assert agent.api("DELETE", "/containers/a")[0] == 204
        assert agent.api("GET", "/containers/json", all="1")[1] == []
        assert agent.create(None, "true", Image="none:1")[0] == 404


def test_start(work):
    """starting what runs, what cannot run, and again what has run, with its files"""
    with DockerAgent(work) as agent:
        agent.create("a", "sleep", "1000")
        assert agent.api("POST", "/containers/a/start")[0] == 204
        assert agent.api("POST", "/containers/a/start")[0] == 304
        agent.create("b", "no-such-program")
        status, answer = agent.api("POST", "/containers/b/start")
        assert status == 400 and "executable file not found" in answer["message"], answer
        assert agent.api("GET", "/containers/b/json")[1]["State"]["Status"] == "created"
        agent.create("c", "sh", "-c", "echo x >>/count; exec wc -l </count")
        for _ in range(3):
            assert agent.api("POST", "/containers/c/start")[0] == 204
            assert agent.api("POST", "/containers/c/wait")[1]["StatusCode"] == 0
        assert cli.good("logs", "c", root=agent.root).lines == ["1", "2", "3"]
        agent.launch("mesos", {"value": "true"})
        agent.wait("mesos")
        status, answer = agent.api("POST", "/containers/mesos/start")
        assert status == 409 and "run a new one" in answer["message"], answer
        assert agent.api("POST", "/containers/a/restart", t="0")[0] == 204
        assert agent.api("GET", "/containers/a/json")[1]["State"]["Running"] is True
        assert agent.api("DELETE", "/containers/a", force="1")[0] == 204


def test_wait(work):
    """the answer begins before the end, and tells of it whatever became of the container"""
    with DockerAgent(work) as agent:
        for remove, condition in ((False, "next-exit"), (True, "removed"), (True, "next-exit")):
            agent.create("a", "sh", "-c", "exit 9", HostConfig={"AutoRemove": remove})
            with contextlib.closing(Connection(agent.path)) as connection:
                connection.request("POST", f"/containers/a/wait?condition={condition}")
                answer = connection.getresponse()
                assert answer.status == 200
                assert agent.api("POST", "/containers/a/start")[0] == 204
                assert json.loads(answer.read())["StatusCode"] == 9, condition
            agent.api("DELETE", "/containers/a")
        agent.create("a", "true")
        status, answer = agent.api("POST", "/containers/a/wait", condition="dinner")
        assert status == 400 and "dinner" in answer["message"], answer
        assert agent.api("POST", "/containers/none/wait")[0] == 404


def test_wait_beside_others(work):
    """an end is told at once, also while other streams are followed"""
    with DockerAgent(work) as agent:
        agent.create("a", "sh", "-c", "exit 9")
        with contextlib.closing(Connection(agent.path, timeout=5)) as waits, \
                contextlib.closing(Connection(agent.path)) as follows:
            waits.request("POST", "/containers/a/wait?condition=next-exit")
            answer = waits.getresponse()
            follows.request("GET", "/events")
            assert follows.getresponse().status == 200
            assert agent.api("POST", "/containers/a/start")[0] == 204
            assert json.loads(answer.read())["StatusCode"] == 9


def test_exec(work):
    """a process asked for, started once, and how it ended, also when the agent died meanwhile"""
    with DockerAgent(work) as agent:
        agent.create("a", "sleep", "1000")
        assert agent.api("POST", "/containers/a/exec", {"Cmd": ["true"]})[0] == 409
        agent.api("POST", "/containers/a/start")
        status, made = agent.api("POST", "/containers/a/exec", {"Cmd": ["sh", "-c", "sleep 1; exit 6"]})
        assert status == 201, made
        about = agent.api("GET", f"/exec/{made['Id']}/json")[1]
        assert about["Running"] is False and about["ExitCode"] is None, about
        assert about["ProcessConfig"]["entrypoint"] == "sh", about
        assert agent.api("POST", f"/exec/{made['Id']}/start", {"Detach": True})[0] == 200
        assert agent.api("GET", f"/exec/{made['Id']}/json")[1]["Running"] is True
        assert agent.api("POST", f"/exec/{made['Id']}/start", {"Detach": True})[0] == 409
        agent.end(signal.SIGKILL)
        Agent.start(agent)
        for _ in range(100):
            about = agent.api("GET", f"/exec/{made['Id']}/json")[1]
            if not about["Running"]:
                break
            time.sleep(0.1)
        assert about["ExitCode"] == 6 and about["CanRemove"] is True, about
        for name in ("0" * 64, "x", made["Id"][:40], made["Id"][:-1] + "/"):
            assert agent.api("GET", f"/exec/{name}/json")[0] == 404, name
        assert agent.api("POST", "/containers/a/exec", {"Cmd": []})[0] == 400
        assert agent.api("DELETE", "/containers/a", force="1")[0] == 204


def upgraded(agent, path, body="", data=b""):
    """A connection that was given away, what came with the request, and what came with the answer."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(20)
    stream.connect(agent.path)
    stream.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode() + data)
    said = b""
    while b"\r\n\r\n" not in said:
        piece = stream.recv(4096)
        assert piece, said
        said += piece
    head, rest = said.split(b"\r\n\r\n", 1)
    assert b" 101 " in head, said
    return stream, rest


def exec_stream(agent, name, *command, data=b""):
    made = agent.api("POST", f"/containers/{name}/exec", {"Cmd": command, "AttachStdin": True,
                                                          "AttachStdout": True})[1]
    return upgraded(agent, f"/exec/{made['Id']}/start", "{}", data)


def rest_of(stream, said=b""):
    with contextlib.closing(stream):
        while piece := stream.recv(65536):
            said += piece
    return said


def test_end_of_input(work):
    """it arrives behind any amount of input, also where there is no room for it at once"""
    with DockerAgent(work) as agent:
        agent.create("a", "sleep", "1000")
        agent.api("POST", "/containers/a/start")
        streams = []
        for count in range(1, 25):
            stream, said = exec_stream(agent, "a", "sh", "-c", "sleep 1; wc -c")
            for _ in range(count):
                stream.sendall(b"x" * 32768)
                time.sleep(0.01)  # so that each is a message to the shim
            stream.shutdown(socket.SHUT_WR)
            streams.append((stream, said, count))
        for stream, said, count in streams:
            said = rest_of(stream, said)
            assert said.endswith(b"%d\n" % (count * 32768)), (count, said)
        assert agent.api("DELETE", "/containers/a", force="1")[0] == 204


def test_early_input(work):
    """what is sent together with the request is input"""
    with DockerAgent(work) as agent:
        agent.create("a", "sleep", "1000")
        agent.api("POST", "/containers/a/start")
        stream, said = exec_stream(agent, "a", "sh", "-c", "read x; echo got-$x", data=b"word\n")
        assert rest_of(stream, said).endswith(b"got-word\n"), said
        assert agent.api("DELETE", "/containers/a", force="1")[0] == 204


def test_attach_without_input(work):
    """without stdin=1 neither what a client sends nor its end is for the container"""
    with DockerAgent(work) as agent:
        agent.create("a", "cat", OpenStdin=True)
        agent.api("POST", "/containers/a/start")
        reader, said = upgraded(agent, "/containers/a/attach?stream=1&stdout=1", data=b"dropped\n")
        reader.sendall(b"dropped too\n")
        reader.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        writer, _ = upgraded(agent, "/containers/a/attach?stream=1&stdin=1", data=b"meant\n")
        writer.shutdown(socket.SHUT_WR)
        said = rest_of(reader, said)
        assert said.endswith(b"meant\n") and b"dropped" not in said, said
        writer.close()
        for option, value in (("logs", "1"), ("stream", "0")):
            status, answer = agent.api("POST", "/containers/a/attach", **{option: value, "stdout": "1"})
            assert status == 400 and option in answer["message"], answer


def test_unlimited_processes(work):
    """are given to nobody: already the making of such a container is refused"""
    with DockerAgent(work) as agent:
        status, answer = agent.create("a", "true", HostConfig={"PidsLimit": -1})
        assert status == 403 and "pids_limit: tasks have a limit" in answer["message"], answer
        assert agent.api("GET", "/containers/json", all="1") == (200, [])


def test_pull(work):
    """an image comes from a registry, with its progress; what cannot be had is told in the stream"""
    become_host()
    with registry.Registry() as server, DockerAgent(
            work, "--registries", registries_of(work, server)) as agent:
        server.put_image("t/app", "1")
        name = f"{server.host}/t/app:1"
        status, text, _ = agent.request("POST", f"/images/create?fromImage={name[:-2]}&tag=1")
        lines = [json.loads(line) for line in text.splitlines()]
        assert status == 200 and lines[-1]["status"].startswith("Status: Downloaded newer"), text
        assert any("progressDetail" in line for line in lines), lines
        assert agent.api("GET", f"/images/{name}/json")[0] == 200
        text = agent.request("POST", f"/images/create?fromImage={name[:-2]}&tag=1")[1]
        assert "Image is up to date" in text, text
        text = agent.request("POST", f"/images/create?fromImage={name[:-2]}&tag=none")[1]
        assert json.loads(text.splitlines()[-1])["errorDetail"]["message"], text
        assert agent.request("POST", "/images/create?fromSrc=-")[0] == 400
        assert agent.request("POST", "/images/create")[0] == 400


def test_refused(work):
    """what is malformed or not to be had: a status and a message that says what"""
    with DockerAgent(work) as agent:
        for method, path, status, word in (
                ("GET", "/containers/json?filters={", 400, "filters"),
                ("GET", "/containers/json?filters=[]", 400, "filters"),
                ("GET", "/containers/json?filters={\"x\":[\"y\"]}", 400, "x=y"),
                ("GET", "/containers/json?filters={\"label\":7}", 400, "label"),
                ("GET", "/containers/json?filters={\"label\":[7]}", 400, "label"),
                ("GET", "/containers/json?limit=x", 400, "limit"),
                ("GET", "/images/json?filters={\"label\":[\"y\"]}", 400, "label=y"),
                ("POST", "/containers/x/stop?t=soon", 400, "soon"),
                ("GET", "/containers/none/json", 404, "none"),
                ("POST", "/containers/none/stop", 404, "none"),
                ("POST", "/containers/none/kill", 404, "none"),
                ("GET", "/containers/a%2Fb/json", 404, "path"),
                ("GET", "/containers/..%2F..%2Fx/json", 404, "path"),
                ("POST", "/containers/json", 405, "method"),
                ("PUT", "/images/x/json", 405, "method"),
                ("POST", "/containers/x/rename?name=y", 404, "path"),
                ("POST", "/build", 501, "not built"),
                ("POST", "/v1.41/build?t=x", 501, "not built"),
                ("POST", "/commit", 501, "not made"),
                ("POST", "/auth", 501, "logins"),
                ("POST", "/images/h:5000/a/b/push?tag=x", 501, "pushes"),
                ("GET", "/images/get?names=a", 501, "ucrctl save"),
                ("GET", "/images/a/b/get", 501, "ucrctl save"),
                ("GET", "/images/a/history", 501, "inspect"),
                ("GET", "/images/search?term=a", 501, "searched"),
                ("POST", "/images/prune", 501, "ucrctl gc"),
                ("GET", "/networks/none", 404, "path"),
                ("GET", "/v1.41/nothing", 404, "path")):
            got, text, headers = agent.request(method, path.replace("\"", "%22"))
            assert got == status and word in json.loads(text)["message"], (method, path, got, text)
            assert headers["Content-Type"] == "application/json", headers
        assert agent.request("GET", "/_ping")[0] == 200


if __name__ == "__main__":
    try:
        tap.main(globals())
    finally:
        networks.leave()

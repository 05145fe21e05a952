#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-agentd: its settings, the calls of the Mesos agent API, and what it survives."""
import concurrent.futures
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from agent import AGENTD, JSON, Agent, Connection
import cli
import tap


def shell(text, **more):
    return {"value": text, **more}


def log_of(agent, name):
    return cli.good("logs", name, root=agent.root).out


def check(*options, env=None):
    return subprocess.run([AGENTD, "--config-check", *options], capture_output=True, check=False,
                          encoding="utf-8", env={**os.environ, **(env or {})})


def test_settings(work):
    """the command line goes before the environment, and that before the file"""
    path = f"{work}/agentd.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"work_dir": f"{work}/a", "hostname": "file", "resources": "cpus:3;mem:64",
                   "workers": 4}, file)
    done = check("--config", path, "--hostname", "flag", "--socket", f"{work}/s/x",
                 env={"UCR_AGENTD_WORKERS": "5", "UCR_AGENTD_HOSTNAME": "environment"})
    assert done.returncode == 0 and not done.stderr, done
    found = json.loads(done.stdout)
    assert found["work_dir"] == f"{work}/a" and found["hostname"] == "flag", found
    assert found["workers"] == 5 and found["socket"] == f"{work}/s/x", found
    named = {r["name"]: r for r in found["resources"]}
    assert named["cpus"]["scalar"]["value"] == 3 and named["mem"]["scalar"]["value"] == 64, named
    assert named["disk"]["scalar"]["value"] > 0, named
    assert named["ports"]["ranges"]["range"] == [{"begin": 31000, "end": 32000}], named
    assert not os.path.exists(f"{work}/s")


def test_wrong_settings(work):
    """each is refused in words that name the place and the setting"""
    path = f"{work}/agentd.json"
    for text, word in (('{"wrokers":3}', "workers"), ('{"workers":0}', "workers"), ("[", path),
                       ('{"resources":"cpus:x"}', "cpus:x"), ('{"attributes":":"}', "attributes"),
                       ('{"fetch_cache_size":"much"}', "much")):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        done = check("--work-dir", f"{work}/root", "--config", path)
        assert done.returncode == 125 and word in done.stderr and not done.stdout, (text, done)
    assert check("--config", f"{work}/none").returncode == 125
    done = check(env={"UCR_AGENTD_WORKRES": "3"})
    assert done.returncode == 125 and "UCR_AGENTD_WORKRES" in done.stderr, done


def test_about_itself(work):
    """health, version, resources, metrics"""
    with Agent(work, "--attributes", "rack:r7", "--hostname", "here") as agent:
        assert agent.call("GET_HEALTH") == (200, {"type": "GET_HEALTH",
                                                  "get_health": {"healthy": True}})
        version = agent.call("GET_VERSION")[1]["get_version"]["version_info"]["version"]
        assert version in cli.good("version").out, version
        info = agent.call("GET_AGENT")[1]["get_agent"]["agent_info"]
        assert info["hostname"] == "here", info
        assert {"name": "rack", "type": "TEXT", "text": {"value": "r7"}} in info["attributes"], info
        assert {r["name"] for r in info["resources"]} >= {"cpus", "mem", "disk", "ports"}, info
        status, text, headers = agent.request("GET", "/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain"), headers
        assert 'ucr_containers{state="running"} 0\n' in text, text
        assert agent.request("GET", "/slave(1)/health")[0] == 200


def test_container(work):
    """launch, list, wait, kill, remove; the statuses are wait(2)'s"""
    with Agent(work) as agent:
        assert agent.launch("one", shell("echo to-out; exit 3")) == (200, None)
        assert agent.wait("one") == {"exit_status": 3 << 8}
        assert agent.wait("one") == {"exit_status": 3 << 8}
        assert log_of(agent, "one") == "to-out\n"
        # Once launched an id stays so, whatever it has become.
        assert agent.launch("one", shell("echo again"))[0] == 202
        assert agent.launch("two", shell("sleep 1000"), resources=[
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": []}}])[0] == 200
        found = agent.containers()
        assert set(found) == {"two"}, found
        if os.geteuid() == 0:
            assert found["two"]["resource_statistics"]["mem_limit_bytes"] == 64 << 20, found
        assert agent.remove("two")[0] == 409
        assert agent.kill("two", signal=signal.SIGTERM) == (200, None)
        time.sleep(0.1)
        assert agent.kill("two")[0] in (200, 409)
        assert agent.wait("two")["exit_status"] in (signal.SIGKILL, signal.SIGTERM)
        assert agent.kill("two")[0] == 409
        for name in ("one", "two"):
            assert agent.remove(name) == (200, None)
            status, answer = agent.remove(name)
            assert status == 404 and name in answer["error"], answer
        assert agent.wait("one")[0] == 404 and not agent.containers()


def test_whole_names(work):
    """a call means the container of its id, never one whose own id begins so"""
    with Agent(work) as agent:
        assert agent.launch("one", shell("true"))[0] == 200
        assert agent.wait("one") == {"exit_status": 0}
        own_id, = cli.good("ps", "-aq", "--no-trunc", root=agent.root).lines
        for name in (own_id[:1], own_id[:12], own_id[:-1]):
            assert agent.wait(name)[0] == 404 and agent.kill(name)[0] == 404
            assert agent.remove(name)[0] == 404
        assert agent.wait(own_id) == {"exit_status": 0} and agent.remove(own_id)[0] == 200


def test_out_of_memory(work):
    """the reason is told with the end, not after it"""
    with Agent(work) as agent:
        limit = [{"name": "mem", "scalar": {"value": 16}}, {"name": "mem", "scalar": {"value": 8}}]
        for n in range(3):
            assert agent.launch(f"big{n}", shell("x=1234567890; while :; do x=$x$x; done"),
                                resources=limit)[0] == 200
            end = agent.wait(f"big{n}")
            assert end["reason"] == "REASON_CONTAINER_LIMITATION_MEMORY", end
            assert end["exit_status"] == signal.SIGKILL, end


def test_program(work):
    """without a shell: the argument vector and the environment as they are given"""
    with Agent(work) as agent:
        command = {"shell": False, "value": "/bin/echo", "arguments": ["called", "a b", "$X"]}
        assert agent.launch("args", command)[0] == 200
        assert agent.wait("args") == {"exit_status": 0} and log_of(agent, "args") == "a b $X\n"
        variables = {"variables": [{"name": "X", "value": "a=b c"}, {"name": "E", "type": "VALUE"}]}
        assert agent.launch("env", shell('echo "$X,$E,$PWD"', environment=variables))[0] == 200
        assert agent.wait("env") == {"exit_status": 0}
        assert log_of(agent, "env") == "a=b c,,/mnt/mesos/sandbox\n"
        status, answer = agent.launch("none", {"shell": False, "value": "/no/such"})
        assert status == 400 and "/no/such" in answer["error"], answer
        assert agent.remove("none")[0] == 404


def test_memory_is_short(work):
    """whom the kernel ends first then: containers count by themselves, not as their agent does"""
    def set_score(value):
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(value)
    set_score("300")  # less than 0 is not for everybody to set
    try:
        agent = Agent(work).start()
    finally:
        set_score("0")
    with contextlib.closing(agent):
        assert agent.launch("oom", shell("cat /proc/self/oom_score_adj"))[0] == 200
        assert agent.wait("oom") == {"exit_status": 0} and log_of(agent, "oom") == "0\n"


def test_image(work):
    """an image of the store by its name; never a file, whatever it is called"""
    image = cli.busybox_archive()
    with Agent(work) as agent:
        cli.good("load", "-qi", image, root=agent.root)
        name = cli.good("images", "--format", "{{.Repository}}:{{.Tag}}",
                        root=agent.root).lines[0]
        container = {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": name}}}}
        assert agent.launch("inside", shell("readlink /bin/cat"), container=container)[0] == 200
        assert agent.wait("inside") == {"exit_status": 0}
        assert "busybox" in log_of(agent, "inside")
        container["mesos"]["image"]["docker"]["name"] = image
        status, answer = agent.launch("file", shell("true"), container=container)
        assert status == 400 and "no image name" in answer["error"], answer
        container["mesos"]["image"]["docker"]["name"] = "127.0.0.1:9/x"
        status, answer = agent.launch("local", shell("true"), container=container)
        assert status == 403 and "not public" in answer["error"], answer


def test_uris(work):
    """what a task names may not lead to the host's own services, nor to its files"""
    with Agent(work) as agent:
        for uri, status, word in (("http://127.0.0.1:1/x", 403, "not public"),
                                  ("http://169.254.169.254/x", 403, "not public"),
                                  ("https://[::1]/x", 403, "not public"),
                                  ("/etc/hostname", 400, "uris[0]"), ("file:///etc/x", 400, "uris[0]"),
                                  ("http://a/b,extract=false", 400, "comma")):
            answer = agent.launch("fetch", shell("true", uris=[{"value": uri}]))
            assert answer[0] == status and word in answer[1]["error"], (uri, answer)
        assert agent.remove("fetch")[0] == 404


def test_allowed_uris(work):
    """what the configuration allows is fetched"""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"bytes")

        def log_message(self, *_args):
            pass

    with open(f"{work}/registries.json", "w", encoding="ascii") as file:
        json.dump({"allow_addresses": ["127.0.0.0/8"]}, file)
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server, \
            Agent(work, "--registries", f"{work}/registries.json") as agent:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = {"value": f"http://127.0.0.1:{server.server_port}/file", "output_file": "got"}
        assert agent.launch("fetch", shell("cat got", uris=[uri])) == (200, None)
        assert agent.wait("fetch") == {"exit_status": 0} and log_of(agent, "fetch") == "bytes"
        server.shutdown()


REFUSED = [
    ({"container_id": {"value": "../x"}, "command": {"value": "true"}}, "container_id"),
    ({"container_id": {}, "command": {"value": "true"}}, "container_id.value is missing"),
    ({"command": {"value": "true"}}, "container_id is missing"),
    ({"container_id": {"value": "a", "parent": {"value": 1}}, "command": {"value": "true"}}, "parent"),
    ({"container_id": {"value": "a"}}, "command"),
    ({"container_id": {"value": "a"}, "command": {"value": 3}}, "command.value"),
    ({"container_id": {"value": "a"}, "command": {"value": "true", "shell": "yes"}}, "command.shell"),
    ({"container_id": {"value": "a"}, "command": {"value": "t", "environment": {"variables": [
        {"name": "A=B", "value": ""}]}}}, "environment.variables"),
    ({"container_id": {"value": "a"}, "command": {"value": "t", "environment": {"variables": [
        {"name": "A", "type": "SECRET"}]}}}, "has a secret that is not"),
    ({"container_id": {"value": "a"}, "command": {"value": "t"}, "resources": [
        {"name": "mem", "scalar": {"value": -5}}]}, "resources"),
    ({"container_id": {"value": "a"}, "command": {"value": "t"}, "resources": [
        {"name": "cpus", "scalar": {"value": 1e300}}]}, "out of range"),
    ({"container_id": {"value": "a"}, "command": {"value": "t"}, "resources": [
        {"name": "mem", "scalar": {"value": 1e-9}}]}, "too little of mem"),
    ({"container_id": {"value": "a"}, "command": {"value": "t"}, "resources": [
        {"name": "gpus", "scalar": {"value": 1}}]}, "gpus"),
    ({"container_id": {"value": "a"}, "container": {"type": "DOCKER"}, "command": {"value": "t"}}, "MESOS"),
] + [({"container_id": {"value": "a"}, "command": {"value": "t"}, "container": {"type": "MESOS", key: value}},
      key) for key, value in (
          ("volumes", [{"host_path": "h", "container_path": "/h", "mode": "RW"}]),
          ("linux_info", {"share_pid_namespace": True}), ("docker", {"image": "x"}))]


def test_refusals(work):
    """what cannot be given is refused by its name, and nothing is left"""
    with Agent(work) as agent:
        for fields, word in REFUSED:
            status, answer = agent.call("LAUNCH_CONTAINER", **fields)
            assert status == 400 and word in answer["error"], (fields, status, answer)
        status, answer = agent.launch("a", shell("true"), container={
            "type": "MESOS", "network_infos": [{"name": "host"}]})
        assert status == 403 and "allow_host_network" in answer["hint"], answer
        # What asks for nothing is no demand.
        assert agent.launch("a", shell("true"), container={
            "type": "MESOS", "volumes": [], "network_infos": [], "linux_info": None})[0] == 200
        assert agent.wait("a") == {"exit_status": 0} and agent.remove("a")[0] == 200
        assert agent.kill("a b")[0] == 400 and agent.kill("a", signal=99)[0] == 404
        assert agent.call("LAUNCH_NESTED_CONTAINER")[0] == 400
        assert agent.call("NO_SUCH_CALL")[0] == 400
        assert cli.good("ps", "-aq", root=agent.root).out == ""


def test_requests(work):
    """each wrong request gets its 4xx and a JSON that says why; the agent goes on"""
    with Agent(work) as agent:
        def status(body, headers=None, method="POST", path="/api/v1"):
            code, text, answered = agent.request(method, path, body, JSON if headers is None else headers)
            assert answered["Content-Type"] == "application/json" and json.loads(text)["error"], text
            return code
        assert status("{}", {}) == 400 and status("{}", {"Content-Type": "text/html"}) == 415
        assert status("{}", {"Content-Type": "application/jsonx"}) == 415
        assert status(None, method="GET") == 405 and status("{}", path="/health") == 405
        assert status("{}", path="/none") == 404 and status("{}", path="/api/v1/../../etc") == 404
        for body in (b"", b"{", b"[]", b"null", b"{}", b'{"type":3}', b'{"type":"A","type":"B"}',
                     b'{"type":"GET_HEALTH"}x', b'\xff', b"[" * 40000, b'{"type":"\\ud800"}',
                     b'{"type":"KILL_CONTAINER"}', b'{"type":"KILL_CONTAINER","kill_container":[]}'):
            assert status(body) == 400, body
        assert status(b" " * 49153) == 413 and status(b" " * 600000) == 413
        assert agent.request("POST", "/api/v1", b'{"type":"GET_HEALTH"}' + b" " * 49000, JSON)[0] == 200
        for raw in (b"\0" * 200, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /api/v1 HTTP/1.1\r\n"
                    b"Host: a\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9000):
            with socket.socket(socket.AF_UNIX) as raw_socket:
                raw_socket.settimeout(20)
                raw_socket.connect(agent.path)
                with contextlib.suppress(OSError):
                    raw_socket.sendall(raw)
                    raw_socket.shutdown(socket.SHUT_WR)
                    assert not raw_socket.recv(4096).startswith(b"HTTP/1.1 2"), raw
        assert agent.call("GET_HEALTH")[0] == 200 and "ended" not in agent.said(), agent.said()


def open_files(agent):
    """What they are; some may be closed meanwhile."""
    path, found = f"/proc/{agent.process.pid}/fd", []
    for fd in os.listdir(path):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"{path}/{fd}").split(":")[0])
    return sorted(found)


def test_many_at_once(work):
    """more calls than workers; waiters who hang up leave nothing"""
    with Agent(work, "--workers", "3") as agent:
        for _ in range(100):  # an answer may still be on its way out
            before = open_files(agent)
            if "/memfd" not in before:
                break
            time.sleep(0.05)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            launched = pool.map(lambda n: agent.launch(f"c{n}", shell(f"exit {n}")), range(20))
            assert {status for status, _ in launched} == {200}
            ends = pool.map(lambda n: agent.wait(f"c{n}")["exit_status"], range(20))
            assert list(ends) == [n << 8 for n in range(20)]
            assert {agent.launch("same", shell("sleep 1000"))[0] for _ in range(1)} == {200}
            again = pool.map(lambda _: agent.launch("same", shell("true"))[0], range(5))
            assert set(again) == {202}
        for _ in range(10):
            connection = Connection(agent.path)
            body = json.dumps({"type": "WAIT_CONTAINER",
                               "wait_container": {"container_id": {"value": "same"}}})
            connection.request("POST", "/api/v1", body, JSON)
            time.sleep(0.02)
            connection.close()
        for _ in range(100):
            if open_files(agent) == before:
                break
            time.sleep(0.05)
        assert open_files(agent) == before, (before, open_files(agent))
        agent.kill("same")
        assert agent.wait("same") == {"exit_status": signal.SIGKILL}


def test_killed_agent(work):
    """kill -9: containers go on, and every end is known exactly, also of those in between"""
    agent = Agent(work).start()
    try:
        for name, text in (("long", "sleep 2; exit 7"), ("short", "sleep 0.5; exit 5"),
                           ("signalled", "sleep 1000"), ("stays", "sleep 1000")):
            assert agent.launch(name, shell(text))[0] == 200
        api = agent.api_pid()
        agent.end(signal.SIGKILL)
        for _ in range(100):
            if not os.path.exists(f"/proc/{api}"):
                break
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{api}"), "ucr-api outlived its engine"
        cli.good("kill", "signalled", root=agent.root)
        time.sleep(1)
        agent.start()
        assert agent.wait("short") == {"exit_status": 5 << 8}
        assert agent.wait("signalled") == {"exit_status": signal.SIGKILL}
        assert agent.wait("long") == {"exit_status": 7 << 8}
        assert set(agent.containers()) == {"stays"}
        assert agent.end() == 0
        agent.start()
        assert set(agent.containers()) == {"stays"} and agent.kill("stays")[0] == 200
        assert agent.wait("stays") == {"exit_status": signal.SIGKILL}
    finally:
        agent.close()


@contextlib.contextmanager
def stalled_registry(work):
    """Its host, which answers nobody, and the options that let an agent ask it."""
    path = f"{work}/registries.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"allow_addresses": ["127.0.0.0/8"], "stall_seconds": 600}, file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}", ("--registries", path)


def launch_stalled(agent, name, host):
    """In a thread, whose answer does not matter."""
    def launch():
        with contextlib.suppress(OSError, http.client.HTTPException):
            agent.launch(name, shell("true"), container={
                "type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": f"{host}/x"}}}})
    thread = threading.Thread(target=launch)
    thread.start()
    return thread


def test_killed_while_launching(work):
    """a worker that outlives its agent does not keep the next one from serving"""
    with stalled_registry(work) as (host, options):
        agent = Agent(work, *options).start()
        with contextlib.closing(agent):
            thread = launch_stalled(agent, "never", host)
            time.sleep(0.3)
            agent.end(signal.SIGKILL)
            agent.start()
            assert agent.launch("now", shell("exit 4"))[0] == 200
            assert agent.wait("now") == {"exit_status": 4 << 8}
            thread.join(60)
        subprocess.run(["pkill", "-KILL", "-f", f"^{AGENTD} --work-dir {agent.root} "], check=False)


def test_slow_launches(work):
    """launches that wait for a registry leave workers for everything else"""
    with stalled_registry(work) as (host, options):
        with Agent(work, "--workers", "4", *options) as agent:
            threads = [launch_stalled(agent, f"never{n}", host) for n in range(6)]
            time.sleep(0.3)
            assert agent.call("GET_CONTAINERS", timeout=20)[0] == 200
            assert agent.kill("none")[0] == 404
            for _ in range(200):  # whoever answered may be on its way out
                workers = agent.workers()
                if len(workers) == 3:
                    break
                time.sleep(0.05)
            assert len(workers) == 3, workers
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join(60)


def test_killed_api(work):
    """kill -9 of the role that speaks HTTP: another one, and no container noticed"""
    with Agent(work) as agent:
        assert agent.launch("stays", shell("sleep 1000"))[0] == 200
        for _ in range(3):
            os.kill(agent.api_pid(), signal.SIGKILL)
            for attempt in range(200):
                with contextlib.suppress(OSError, ConnectionError):
                    if agent.request("GET", "/health", timeout=5)[0] == 200:
                        break
                assert attempt < 199, agent.said()
                time.sleep(0.05)
        assert set(agent.containers()) == {"stays"}
        agent.kill("stays")
        assert agent.wait("stays") == {"exit_status": signal.SIGKILL}


def test_places(work):
    """one agent a socket, in a directory that is its own alone; no other user is let in"""
    with Agent(work) as agent:
        done = subprocess.run([AGENTD, "--work-dir", agent.root, "--socket", agent.path],
                              capture_output=True, encoding="utf-8", check=False, timeout=30)
        assert done.returncode == 125 and "another agent" in done.stderr, done
        assert agent.call("GET_HEALTH")[0] == 200
        os.chmod(os.path.dirname(agent.path), 0o711)
        os.chmod(work, 0o711)
        os.chmod(agent.path, 0o666)
        if os.geteuid() == 0 and shutil.which("setpriv") and shutil.which("curl"):
            done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "curl", "-s",
                                   "--unix-socket", agent.path, "http://a/health"],
                                  capture_output=True, encoding="utf-8", check=False)
            assert "only root" in done.stdout, done
    done = subprocess.run([AGENTD, "--work-dir", agent.root, "--socket", agent.path],
                          capture_output=True, encoding="utf-8", check=False, timeout=30)
    assert done.returncode == 125 and "others could reach" in done.stderr, done


def test_notify(work):
    """systemd is told when the agent serves, and when it stops"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind(f"{work}/notify")
        service.settimeout(20)
        with Agent(work, env={"NOTIFY_SOCKET": f"{work}/notify"}):
            assert service.recv(100).startswith(b"READY=1")
        assert service.recv(100) == b"STOPPING=1"


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())

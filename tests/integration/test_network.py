#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run --network bridge: what a container reaches, who reaches it, and what is left."""
import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import cli
from networks import (HOST4, HOST6, WORLD4, WORLD6, Container, ask, become_host, elements, forget,
                      frames, image, interfaces, ip, leases, leave, nothing_is_left, server)
import networks
import tap
import unpacker

GATEWAY4, GATEWAY6 = "10.99.0.1", "fd75:6372:99::1"


def eventually(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def bridged(*options, **kw):
    return cli.run("run", "--rm", "--network", "bridge", *options, image(), "true", **kw)


@contextlib.contextmanager
def bridged_frames_are_filtered(is_on):
    """br_netfilter, where it is: whether the rules for addresses see what is only bridged."""
    names = [f"/proc/sys/net/bridge/bridge-nf-call-{name}" for name in ("iptables", "ip6tables")]

    def put(value):
        for name in names:
            if os.path.exists(name):
                with open(name, "w", encoding="ascii") as f:
                    f.write(value)
    put("1" if is_on else "0")
    yield
    put("1")


# ---- the first one ----------------------------------------------------------------------


def test_first_use(_work):
    """the first container is told of what was turned on; the second hears nothing"""
    become_host()
    forget()
    result = bridged()
    assert result.status == 0, result
    assert "forwarding of IPv4 was turned on" in result.err, result
    assert "forwarding of IPv6 was turned on" in result.err, result
    result = bridged()
    assert (result.status, result.err) == (0, ""), result
    addresses = {a["local"] for a in json.loads(ip("-j", "addr", "show", "ucr0"))[0]["addr_info"]}
    assert {GATEWAY4, GATEWAY6} <= addresses, addresses
    nothing_is_left()


def test_inside(_work):
    """interface, addresses, routes, hosts; router advertisements are not listened to"""
    become_host()
    script = ("ip -4 -o addr show eth0; ip -6 -o addr show eth0; ip route; ip -6 route; "
              "cat /etc/hosts; ip -o link show lo; cat /proc/sys/net/ipv6/conf/eth0/accept_ra")
    out = cli.good("run", "--rm", "--network", "bridge", "--hostname", "me", image(), "sh", "-c",
                   script).out
    address = re.search(r"inet (10\.99\.\d+\.\d+)/16", out).group(1)
    address6 = re.search(r"inet6 (fd75:6372:99::[0-9a-f]+)/64", out).group(1)
    assert f"default via {GATEWAY4} dev eth0" in out, out
    assert f"default via {GATEWAY6} dev eth0" in out, out
    assert f"{address}\tme\n" in out and f"{address6}\tme\n" in out, out
    assert "LOOPBACK,UP" in out and out.endswith("\n0\n"), out


def test_outside(_work):
    """the world is reached by both families, and sees the host's address"""
    become_host()
    world = networks.WORLD.pid
    with Container("out") as c, server(world, "tcp", 80, "world"), server(world, "udp", 53, "world"):
        assert c.ask("tcp", WORLD4, 80) == f"world {HOST4}"
        assert c.ask("tcp", WORLD6, 80) == f"world {HOST6}"
        assert c.ask("udp", WORLD4, 53) == f"world {HOST4}"
        assert c.ask("udp", WORLD6, 53) == f"world {HOST6}"
    nothing_is_left()


def test_without_ipv6(_work):
    """where IPv6 is switched off for new interfaces, the rest works"""
    become_host()
    name = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
    forget()
    with open(name, "w", encoding="ascii") as f:
        f.write("1")
    try:
        result = bridged()
        assert result.status == 0 and "IPv6" not in result.err, result
        world = networks.WORLD.pid
        with Container("v4", "-p", "8080:80") as c, c.server("tcp", 80, "v4"), \
                server(world, "tcp", 80, "world"):
            assert c.ask("tcp", WORLD4, 80) == f"world {HOST4}"
            assert ask(world, "tcp", HOST4, 8080) == f"v4 {WORLD4}"
    finally:
        with open(name, "w", encoding="ascii") as f:
            f.write("0")
        forget()
        assert bridged().status == 0
    nothing_is_left()


# ---- published ports --------------------------------------------------------------------


def test_published(_work):
    """TCP and UDP ports from outside, from the host by any of its addresses, and at one only"""
    become_host()
    world = networks.WORLD.pid
    options = ("-p", "8080:80", "-p", "8053:53/udp", "-p", f"{HOST4}:81:80", "-p", "127.0.0.1:82:80")
    with Container("web", *options) as c, c.server("tcp", 80, "web"), c.server("udp", 53, "dns"):
        assert ask(world, "tcp", HOST4, 8080) == f"web {WORLD4}"
        assert ask(world, "tcp", HOST6, 8080) == f"web {WORLD6}"
        assert ask(world, "udp", HOST4, 8053) == f"dns {WORLD4}"
        assert ask(world, "udp", HOST6, 8053) == f"dns {WORLD6}"
        assert ask(world, "tcp", HOST4, 81) == f"web {WORLD4}"
        assert ask(world, "tcp", HOST6, 81) == "refused"
        assert ask(world, "tcp", HOST4, 82) == "refused"
        assert ask(None, "tcp", "127.0.0.1", 8080) == f"web {GATEWAY4}"
        assert ask(None, "tcp", "127.0.0.1", 82) == f"web {GATEWAY4}"
        assert ask(None, "udp", "127.0.0.1", 8053) == f"dns {GATEWAY4}"
        assert ask(None, "tcp", HOST4, 8080).startswith("web ")
        assert ask(None, "tcp", HOST6, 8080).startswith("web ")
        assert ask(None, "tcp", "::1", 8080) == "refused"
        # Another container, by an address of the host; the loopback's is not for it.
        with Container("guest") as guest, bridged_frames_are_filtered(False):
            assert guest.ask("tcp", HOST4, 8080).startswith("web ")
            assert guest.ask("tcp", GATEWAY6, 8080).startswith("web ")
            assert guest.ask("tcp", HOST4, 82) == "timeout"
    assert ask(world, "tcp", HOST4, 8080) == "refused"
    nothing_is_left()


def test_published_at_any(_work):
    """0.0.0.0 is every address of IPv4, and [::] of IPv6"""
    become_host()
    for option, reached, other in (("0.0.0.0:8080:80", HOST4, HOST6), ("[::]:8080:80", HOST6, HOST4)):
        with Container("web", "-p", option) as c, c.server("tcp", 80, "web"):
            assert ask(networks.WORLD.pid, "tcp", reached, 8080).startswith("web "), option
            assert not ask(networks.WORLD.pid, "tcp", other, 8080).startswith("web "), option
    nothing_is_left()


def test_published_ranges(_work):
    become_host()
    with Container("range", "-p", "9000-9003:100-103", "-p", "104") as c:
        ports = {(p["host_port"], p["port"]) for p in c.network["ports"]}
        assert {(9000 + i, 100 + i) for i in range(4)} < ports
        free = next(host for host, port in ports if port == 104)
        assert free > 1023
        for host, port in ((9002, 102), (free, 104)):
            with c.server("tcp", port, "r"):
                assert ask(networks.WORLD.pid, "tcp", HOST4, host) == f"r {WORLD4}"


def test_kernel_reads_back(_work):
    """what was sent for one container is what the kernel has, and nothing else"""
    become_host()
    with Container("one", "-p", "8080:80", "-p", "127.0.0.1:8053:53/udp",
                   network="bridge:shared") as c:
        name = "ucr-" + "".join(f"{int(part):02x}" for part in c.ip.split("."))
        mac = "02:63:" + ":".join(f"{int(part):02x}" for part in c.ip.split("."))
        found = elements()
        assert found["tasks4"] == found["shared4"] == [c.ip], found
        assert found["tasks6"] == found["shared6"] == [c.ip6], found
        assert found["shared"] == [name], found
        assert found["senders4"] == [{"concat": [name, mac, c.ip]}], found
        senders = {tuple(e["concat"]) for e in found["senders6"]}
        local = "fe80::63:" + "{:x}ff:fe{:02x}:{:x}".format(
            int(c.ip.split(".")[0]), int(c.ip.split(".")[1]),
            int(c.ip.split(".")[2]) << 8 | int(c.ip.split(".")[3]))
        assert senders == {(name, mac, c.ip6), (name, mac, local), (name, mac, "::")}, senders
        assert found["ports4"] == [[{"concat": ["tcp", 8080]}, {"concat": [c.ip, 80]}]], found
        assert found["ports6"] == [[{"concat": ["tcp", 8080]}, {"concat": [c.ip6, 80]}]], found
        assert found["bound4"] == [[{"concat": ["127.0.0.1", "udp", 8053]},
                                    {"concat": [c.ip, 53]}]], found
        assert "bound6" not in found, found
        assert name in interfaces()


def test_port_conflicts(_work):
    """a port that somebody has is refused before anything is started"""
    become_host()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 7000))
        other.listen()
        result = bridged("-p", "7000:80")
        assert result.status == 125 and "port 7000/tcp of the host is in use" in result.err, result
        assert bridged("-p", "7000:80/udp").status == 0
        assert bridged("-p", f"{HOST4}:7000:80").status == 0
    with Container("first", "-p", "7001:80", "-p", "127.0.0.1:7002:80"):
        for text in "7001:1", "127.0.0.1:7001:1", "[2001:db8::1]:7001:1", "7002:1":
            result = bridged("-p", text)
            assert result.status == 125 and "is in use" in result.err, (text, result)
        assert bridged("-p", f"{HOST4}:7002:80").status == 0
    result = bridged("-p", "203.0.113.9:80:80")
    assert result.status == 125 and "no address 203.0.113.9" in result.err, result
    assert bridged("-p", "7001:80").status == 0
    nothing_is_left()
    assert not os.listdir(os.path.join(cli.ROOT, "containers"))


def test_bad_words(_work):
    become_host()
    for text in ("80:80:80", "0:80", "80:", "80:65536", "80-70:80-90", "80-90:80", "80:80/sctp",
                 "::1:80:80", "[1.2.3.4]:80:80", "host:80:80", ""):
        result = bridged("-p", text)
        assert result.status == 125 and f"--publish {text}: want" in result.err, (text, result)
    assert "forwarded from ::1" in cli.refused("run", "--network", "bridge", "-p", "[::1]:80:80",
                                               image())
    assert "add --network bridge" in cli.refused("run", "-p", "80:80", image())
    assert "add --network bridge" in cli.refused("run", "--network", "host", "-P", image())
    assert "more than 256" in cli.refused("run", "--network", "bridge", "-p", "1000-1300:1-301",
                                          image())


def test_shown(_work):
    """inspect, ps and stats in docker's words"""
    become_host()
    with Container("web", "-p", "8080:80", "-p", f"{HOST4}:8053:53/udp") as c:
        settings = c.told["NetworkSettings"]
        assert settings["IPAddress"] == c.ip and settings["IPPrefixLen"] == 16, settings
        assert settings["GlobalIPv6Address"] == c.ip6, settings
        assert (settings["Gateway"], settings["IPv6Gateway"]) == (GATEWAY4, GATEWAY6), settings
        assert settings["MacAddress"].replace(":", "") == macs(c), settings
        assert settings["Ports"] == {
            "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                       {"HostIp": "::", "HostPort": "8080"}],
            "53/udp": [{"HostIp": HOST4, "HostPort": "8053"}]}, settings
        assert cli.good("ps", "--format", "{{.Ports}}").lines == [
            f"0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, {HOST4}:8053->53/udp"]
        assert "PORTS" in cli.good("ps").lines[0]
        with c.server("tcp", 80, "x" * 150):
            for _ in range(40):
                ask(None, "tcp", "127.0.0.1", 8080)
        shown = cli.good("stats", "--no-stream", "--format", "{{.NetIO}}", "web").out
        received, sent = (float(n) for n in re.findall(r"([0-9.]+) ?[kK]i?B", shown))
        assert received > 5 and sent > 10, shown
    assert cli.good("ps", "-a").lines[1:] == []


def test_exposed(work):
    """-P publishes what the image exposes, at free ports"""
    become_host()
    archive = os.path.join(work, "exposing.tar")
    cli.good("run", "--name", "base", image(), "true")
    cli.good("export", "-o", archive, "base")
    cli.good("import", "-q", "-c", "EXPOSE 80 53/udp", archive, "exposing")
    cli.good("rm", "base")
    cli.good("run", "-d", "--name", "e", "--network", "bridge", "-P", "exposing", "sleep", "1000")
    ports = json.loads(cli.good("inspect", "e").out)[0]["NetworkSettings"]["Ports"]
    assert set(ports) == {"80/tcp", "53/udp"}, ports
    assert all(int(at["HostPort"]) > 1023 for hosts in ports.values() for at in hosts), ports
    cli.good("rm", "-f", "e")
    nothing_is_left()


# ---- who reaches whom -------------------------------------------------------------------


def test_isolation(_work):
    """only containers that both are shared reach each other"""
    become_host()
    for is_on in True, False:
        with bridged_frames_are_filtered(is_on):
            isolation()


def isolation():
    with Container("a") as a, Container("b") as b, \
            Container("s", network="bridge:shared") as s, \
            Container("t", network="bridge:shared") as t, \
            b.server("tcp", 80, "b"), t.server("tcp", 80, "t"), t.server("udp", 80, "t"):
        for caller, target in (a, b), (s, b), (a, t):
            assert caller.ask("tcp", target.ip, 80) == "timeout", (caller.name, target.name)
            assert caller.ask("tcp", target.ip6, 80) == "timeout", (caller.name, target.name)
        assert s.ask("tcp", t.ip, 80) == f"t {s.ip}"
        assert s.ask("tcp", t.ip6, 80) == f"t {s.ip6}"
        assert s.ask("udp", t.ip, 80) == f"t {s.ip}"
        # Nor by way of the host: as if the other were behind the gateway.
        for c, other in (a, b), (a, t):
            ip("route", "add", other.ip + "/32", "via", GATEWAY4, pid=c.pid)
            assert c.ask("tcp", other.ip, 80) == "timeout"


def test_host_services(_work):
    """the host's own services are out of reach, but for name service and ICMP"""
    become_host()
    with Container("c") as c, server(None, "tcp", 9999, "host"), server(None, "udp", 53, "host"), \
            server(None, "tcp", 53, "host"):
        for address in GATEWAY4, GATEWAY6:
            assert c.ask("udp", address, 53).startswith("host"), address
        for address in GATEWAY4, GATEWAY6, HOST4, HOST6:
            assert c.ask("tcp", address, 9999) == "timeout", address
            assert c.ask("tcp", address, 53).startswith("host"), address
        # The host's loopback, by the gateway.
        ip("addr", "del", "127.0.0.1/8", "dev", "lo", pid=c.pid)
        ip("route", "add", "127.0.0.0/8", "via", GATEWAY4, "dev", "eth0", "src", c.ip, pid=c.pid)
        with open(f"/proc/{c.pid}/root/proc/sys/net/ipv4/conf/all/route_localnet",
                  encoding="ascii"):
            pass
        subprocess.run(["nsenter", "-t", str(c.pid), "-n", "sysctl", "-qw",
                        "net.ipv4.conf.all.route_localnet=1"], check=True)
        assert c.ask("tcp", "127.0.0.1", 9999) == "timeout"
        assert c.ask("udp", "127.0.0.1", 53) == "timeout"
        done = subprocess.run(["nsenter", "-t", str(c.pid), "-n", "busybox", "ping", "-c1", "-W2",
                               GATEWAY4], capture_output=True, check=False)
        assert done.returncode == 0, done


def test_routed_access(_work):
    """nobody outside gets to a container's own address by routing there"""
    become_host()
    world = networks.WORLD.pid
    with Container("c", "-p", "8080:80") as c, c.server("tcp", 80, "c"):
        ip("route", "add", "10.99.0.0/16", "via", HOST4, pid=world)
        try:
            assert ask(world, "tcp", c.ip, 80) == "timeout"
        finally:
            ip("route", "del", "10.99.0.0/16", pid=world)


def macs(c):
    return bytes([2, 0x63, *map(int, c.ip.split("."))]).hex()


def arp_reply(sender_mac, sender_ip, target_mac, target_ip, frame_mac=None):
    return (target_mac + (frame_mac or sender_mac) + "0806" + "0001080006040002" + sender_mac +
            socket.inet_aton(sender_ip).hex() + target_mac + socket.inet_aton(target_ip).hex())


def neighbours():
    return {n["dst"]: n.get("lladdr") for n in json.loads(ip("-j", "neigh", "show", "dev", "ucr0"))}


def test_spoofing(_work):
    """no frame goes out under another's address, and none takes it over"""
    become_host()
    with Container("victim", "-p", "8080:80") as victim, Container("thief") as thief, \
            victim.server("tcp", 80, "victim"):
        gateway = bytes([2, 0x63, 10, 99, 0, 1]).hex()
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080).startswith("victim")
        before = neighbours()[victim.ip]
        # ARP in the victim's name, from the thief's and from the victim's hardware address, and
        # frames that no bridge forwards but that a learning one would learn from.
        frames(thief.pid,
               arp_reply(macs(thief), victim.ip, gateway, GATEWAY4),
               arp_reply(macs(thief), victim.ip, gateway, GATEWAY4, macs(victim)),
               arp_reply(macs(victim), victim.ip, gateway, GATEWAY4),
               "0180c200000e" + macs(victim) + "88cc" + "00" * 50)
        # An address of the victim's, taken by the thief.
        ip("addr", "add", victim.ip + "/32", "dev", "eth0", pid=thief.pid)
        ip("addr", "add", victim.ip6 + "/128", "dev", "eth0", "nodad", pid=thief.pid)
        subprocess.run(["nsenter", "-t", str(thief.pid), "-n", "busybox", "ping", "-c1", "-W1",
                        "-I", victim.ip, GATEWAY4], capture_output=True, check=False)
        assert neighbours()[victim.ip] == before
        fdb = json.loads(subprocess.run(["bridge", "-j", "fdb", "show", "br", "ucr0"], check=True,
                                        capture_output=True, text=True).stdout)
        where = {e["ifname"] for e in fdb if e["mac"].replace(":", "") == macs(victim)}
        assert where == {"ucr-" + macs(victim)[4:]}, fdb
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080).startswith("victim")
        assert ask(networks.WORLD.pid, "tcp", HOST6, 8080).startswith("victim")


def test_router_advertisements(_work):
    """the host takes no route from a container's advertisement"""
    become_host()
    with Container("c") as c:
        source = bytes.fromhex("fe80" + "00" * 6 + "0063" + macs(c)[4:6] + "fffe" + macs(c)[6:])
        source = source[:8] + bytes([0x00, 0x63, int(c.ip.split(".")[0]), 0xff, 0xfe,
                                     *map(int, c.ip.split(".")[1:])])
        body = bytes.fromhex("86000000" "40000708" "0000000000000000")
        target = socket.inet_pton(socket.AF_INET6, "ff02::1")
        pseudo = source + target + len(body).to_bytes(4, "big") + bytes([0, 0, 0, 58])
        total = sum(int.from_bytes((pseudo + body)[i:i + 2], "big")
                    for i in range(0, len(pseudo + body), 2))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        body = body[:2] + (0xffff ^ total).to_bytes(2, "big") + body[4:]
        packet = bytes.fromhex("60000000") + len(body).to_bytes(2, "big") + bytes([58, 255])
        frames(c.pid, "333300000001" + macs(c) + "86dd" + (packet + source + target + body).hex())
        routes = ip("-6", "route", "show", "default")
        assert "ucr0" not in routes, routes


# ---- what is left -----------------------------------------------------------------------


def test_many(_work):
    """fifty containers, one after the other, leave nothing"""
    become_host()
    before = interfaces()
    for _ in range(50):
        result = bridged("-p", "8080:80")
        assert (result.status, result.err) == (0, ""), result
    assert interfaces() == before
    nothing_is_left()


def test_at_once(_work):
    """launches at once never share an address, nor a port"""
    become_host()
    command = [cli.UCRCTL, "--root", cli.ROOT, "run", "-d", "--network", "bridge"]
    started = [subprocess.Popen([*command, "-p", "6000:80", image(), "sleep", "1000"],  # pylint: disable=consider-using-with
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(4)]
    started += [subprocess.Popen([*command, image(), "sleep", "1000"],  # pylint: disable=consider-using-with
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(8)]
    results = [(p.communicate(timeout=120), p.returncode) for p in started]
    with_port = [r for r in results[:4] if r[1] == 0]
    assert len(with_port) == 1, results
    assert all("port 6000/tcp of the host is in use" in r[0][1] for r in results[:4] if r[1]), results
    assert all(r[1] == 0 for r in results[4:]), results
    ids = [r[0][0].strip() for r in results if r[1] == 0]
    assert len(set(elements()["tasks4"])) == len(leases()) == len(ids) == 9
    cli.good("rm", "-f", *ids)
    nothing_is_left()


def test_two_engines(_work):
    """engines with directories of their own share the bridge, and no address"""
    become_host()
    other = cli.path("other-root")
    cli.good("load", "-q", "-i", cli.busybox_archive(), root=other)
    with Container("a") as a:
        os.makedirs(os.path.join(other, "networks", "bridge"), mode=0o700)
        last = [int(part) for part in a.ip.split(".")[2:]]
        with open(os.path.join(other, "networks", "bridge", "next"), "w", encoding="ascii") as f:
            f.write(str(last[0] * 256 + last[1] - 2))
        with Container("b", root=other) as b:
            assert a.ip != b.ip
            hosts = cli.good("exec", "b", "cat", "/etc/hosts", root=other).out
            assert b.ip in hosts and a.ip not in hosts, hosts
    nothing_is_left(other)
    nothing_is_left()


def shim_of(c):
    with open(f"/proc/{c.pid}/stat", encoding="ascii") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def test_killed(_work):
    """a container whose shim was killed is found, and all that it had is given back"""
    become_host()
    c = Container("lost", "-p", "8080:80")
    os.kill(shim_of(c), signal.SIGKILL)
    os.kill(c.pid, signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{c.pid}"))
    assert elements()["ports4"]
    # The port is still in the tables: who wants it has it cleaned up.
    with Container("next", "-p", "8080:80") as n, n.server("tcp", 80, "next"):
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"next {WORLD4}"
        assert list(elements()["tasks4"]) == [n.ip]
    cli.good("rm", "lost")
    nothing_is_left()


def test_end_without_a_command(_work):
    """a container in the background that ends cleans up by itself"""
    become_host()
    cli.good("run", "-d", "--name", "short", "--network", "bridge", "-p", "8080:80", image(),
             "true")
    eventually(lambda: not elements() and not leases())
    nothing_is_left()
    assert json.loads(cli.good("inspect", "short").out)[0]["State"]["Status"] == "exited"
    cli.good("rm", "short")


def test_no_such_program(_work):
    become_host()
    result = cli.run("run", "--rm", "--network", "bridge", "-p", "8080:80", image(), "no-such")
    assert result.status == 127, result
    nothing_is_left()


def test_reboot(_work):
    """bridge and tables gone, as after a reboot: what was is cleaned up, what comes works"""
    become_host()
    c = Container("before", "-p", "8080:80")
    os.kill(shim_of(c), signal.SIGKILL)
    os.kill(c.pid, signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{c.pid}"))
    forget()
    cli.good("rm", "before")
    nothing_is_left()
    assert bridged().status == 0
    with Container("after", "-p", "8080:80") as a, a.server("tcp", 80, "a"):
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"a {WORLD4}"


def test_someone_elses(_work):
    """clean-up that comes late takes nothing from who has it now"""
    become_host()
    c = Container("late", "-p", "8080:80")
    os.kill(shim_of(c), signal.SIGKILL)
    os.kill(c.pid, signal.SIGKILL)
    eventually(lambda: not os.path.exists(f"/proc/{c.pid}"))
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    with Container("now", "-p", "8080:80", note=networks.CUT_OFF) as n:
        cli.good("rm", "late")
        assert elements()["ports4"] == [[{"concat": ["tcp", 8080]}, {"concat": [n.ip, 80]}]]
    nothing_is_left()


def forwarding_rules():
    return subprocess.run(["nft", "list", "chain", "inet", "ucr", "forward"], check=True,
                          capture_output=True, text=True).stdout.splitlines()


def test_repair(_work):
    """tables removed by somebody: the next container has them again, and who was there is told of;
    what the host did not forward before stays so"""
    for command in "delete table bridge ucr", "flush ruleset":
        become_host()
        forget()
        with Container("a", "-p", "8080:80", note="forwarding of IPv4 was turned on"):
            rules = forwarding_rules()
            assert rules[-4].strip() == "meta nfproto ipv4 drop", rules
            subprocess.run(["nft", *command.split()], check=True)
            with Container("b", note=networks.CUT_OFF):
                assert len(elements()["senders4"]) == 1
                assert forwarding_rules() == rules, (command, rules)
        nothing_is_left()


def test_half_set_up(_work):
    """a bridge that was left half made is finished by the next container"""
    become_host()
    forget()
    assert bridged().status == 0
    ip("link", "set", "ucr0", "down")
    ip("addr", "flush", "dev", "ucr0")
    with Container("a") as a:
        assert GATEWAY4 in ip("addr", "show", "dev", "ucr0"), ip("addr", "show", "dev", "ucr0")
        assert a.told["State"]["Running"]
    nothing_is_left()


def test_refused_options(_work):
    """what is no address, and what means nothing without a bridge"""
    for options, word in ((("--dns", "8.8.8.8\nnameserver 6.6.6.6"), "--dns"),
                          (("--network", "none", "--network-pool", "10.1.0.0/16"), "--network-pool"),
                          (("--network", "none", "-P"), "--publish-all"),
                          (("--network", "host", "-p", "80:80"), "--publish")):
        text = cli.refused("run", "--rm", *options, image(), "true")
        assert word in text, (options, text)


def test_pool_is_taken(_work):
    """a network of the host is not taken from it"""
    become_host()
    forget()
    ip("addr", "add", "10.99.7.1/16", "dev", "up0")
    result = bridged()
    assert result.status == 125 and "one that this host has already" in result.err, result
    assert "with --network-pool" in result.err, result
    result = bridged("--network-pool", "192.168.200.0/24")
    assert result.status == 0, result
    ip("addr", "del", "10.99.7.1/16", "dev", "up0")
    with Container("moved", "--network-pool", "192.168.200.0/24", "-p", "8080:80") as c, \
            c.server("tcp", 80, "moved"):
        assert c.ip.startswith("192.168.200."), c.ip
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080) == f"moved {WORLD4}"
        result = bridged()
        assert result.status == 125 and "made for another network" in result.err, result
    ip("link", "del", "ucr0")
    ip("route", "add", "10.0.0.0/8", "via", WORLD4)
    assert bridged().status == 0
    ip("route", "del", "10.0.0.0/8")
    nothing_is_left()


def test_first_at_once(_work):
    """two that are the first at once: forwarding is kept to containers all the same"""
    become_host()
    forget()
    command = [cli.UCRCTL, "--root", cli.ROOT, "run", "--rm", "--network", "bridge", image(),
               "true"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]  # pylint: disable=consider-using-with
    assert all(p.communicate(timeout=60) and p.returncode == 0 for p in started)
    rules = subprocess.run(["nft", "list", "chain", "inet", "ucr", "forward"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    assert rules[-4].strip() == "meta nfproto ipv4 drop", rules
    assert rules[-3].strip() == "meta nfproto ipv6 drop", rules
    nothing_is_left()


# ---- the program beside it --------------------------------------------------------------


def test_missing_helper(work):
    """without ucr-net a container that needs it is refused, and nothing of it stays"""
    become_host()
    for name in os.listdir(os.path.join(cli.BUILD, "bin")):
        if name != "ucr-net":
            os.symlink(os.path.join(cli.BUILD, "bin", name), os.path.join(work, name))
    result = bridged(env={"UCR_LIBEXECDIR": work})
    assert result.status == 125 and "ucr-net" in result.err, result


class Helper:
    """One run of ucr-net in the place of the engine: agentd/net-proto.h."""
    ATTACH, DETACH, DONE, ERROR = range(1, 5)

    def __init__(self):
        self.peer = unpacker.Unpacker(os.path.join(cli.BUILD, "bin", "ucr-net"))
        self.pid = self.peer.pid

    def ask(self, kind, payload, fds=()):
        """None, or (code, text) of the error."""
        self.peer.send(kind, payload, fds)
        data = self.peer.socket.recv(70000)
        answer, = struct.unpack("=I", data[:4])
        assert answer in (self.DONE, self.ERROR), data
        if answer == self.DONE:
            return None
        return struct.unpack("=i", data[4:8])[0], data[8:].split(b"\0", 1)[0].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.peer.close() == 0


def place(number, **more):
    return {"address": f"10.99.{number >> 8}.{number & 255}", "prefix": 16, "gateway": GATEWAY4,
            "address6": f"fd75:6372:99::{number:x}", "prefix6": 64, "gateway6": GATEWAY6, **more}


@contextlib.contextmanager
def namespaces(count):
    """Descriptors of network namespaces in which nothing runs."""
    fds, own = [], os.open("/proc/self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None)
    for _ in range(count):
        assert libc.unshare(networks.CLONE_NEWNET) == 0
        fds.append(os.open("/proc/self/ns/net", os.O_RDONLY))
    assert libc.setns(own, 0) == 0
    yield fds
    for fd in [own, *fds]:
        os.close(fd)


def test_confinement(_work):
    """two capabilities, a filter, no new rights, no host paths"""
    become_host()
    with Helper() as helper:
        assert helper.ask(Helper.DETACH, place(4000)) is None
        with open(f"/proc/{helper.pid}/status", encoding="ascii") as status:
            facts = dict(line.rstrip("\n").split(":\t", 1) for line in status)
        if facts["Seccomp"] != "2":
            raise tap.Skip("built with sanitizers, which cannot work confined")
        allowed = 1 << 12 | 1 << 21
        assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == allowed, facts
        assert int(facts["CapInh"], 16) == int(facts["CapAmb"], 16) == 0
        assert int(facts["CapBnd"], 16) & ~allowed == 0, facts
        assert facts["NoNewPrivs"] == "1"
        assert os.listdir(f"/proc/{helper.pid}/root") == []
        opened = [os.readlink(f"/proc/{helper.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{helper.pid}/fd")]
        known = r"/dev/null|socket:.*|net:.*|/proc/sys/net|/sys/net"
        assert all(re.fullmatch(known, name) for name in opened), opened


def test_bad_requests(_work):
    """what is no request is refused, and the next one is served"""
    become_host()
    with Helper() as helper, namespaces(1) as fds, open("/dev/null", "rb") as null:
        for kind, payload, given in (
                (Helper.ATTACH, {}, fds), (Helper.ATTACH, [], fds), (7, place(9), fds),
                (Helper.ATTACH, place(9), ()), (Helper.ATTACH, place(9), [*fds, *fds]),
                (Helper.ATTACH, place(9, address="fd00::1"), fds),
                (Helper.ATTACH, place(9, ports=[{"protocol": "tcp", "port": 80}]), fds),
                (Helper.ATTACH, place(9), [null.fileno()]), (Helper.DETACH, "x" * 1000, ())):
            assert helper.ask(kind, payload, given), (kind, payload)
            assert not elements(), (kind, payload)
        assert helper.ask(Helper.ATTACH, place(9), fds) is None
        code, text = helper.ask(Helper.ATTACH, place(9), fds)
        assert code == errno.EEXIST and "belongs to another container" in text
        assert helper.ask(Helper.DETACH, place(9)) is None
        assert helper.ask(Helper.DETACH, place(9)) is None
    nothing_is_left()


def test_not_root(_work):
    """without the right to configure the network it says so"""
    become_host()
    done = subprocess.run(
        ["capsh", "--drop=cap_net_admin", "--", "-c", 'exec "$@"', "sh", cli.UCRCTL, "--root",
         cli.ROOT, "run", "--rm", "--network", "bridge", image(), "true"],
        capture_output=True, text=True, check=False)
    assert done.returncode == 125 and "not permitted" in done.stderr, done
    nothing_is_left()


def test_same_cost(_work):
    """one more container takes as many messages and as long among many as alone"""
    become_host()
    count = 300
    with Helper() as helper, namespaces(count) as fds:
        times = []
        for number, fd in enumerate(fds):
            begin = time.monotonic()
            assert helper.ask(Helper.ATTACH, place(5000 + number), [fd]) is None
            times.append(time.monotonic() - begin)
        for number in range(count):
            assert helper.ask(Helper.DETACH, place(5000 + number)) is None
        first, last = (sorted(part)[len(part) // 2] for part in (times[:50], times[-50:]))
        print(f"# attach: {first * 1000:.2f} ms among few, {last * 1000:.2f} ms among {count}")
    nothing_is_left()


def test_killed_at_once(_work):
    """a launcher killed right after the container was attached leaves nothing for long"""
    become_host()
    result = bridged("-p", "8080:80", env={"UCR_FAIL": "network-attached:kill"})
    if result.status == 0:
        raise tap.Skip("built without --enable-fail-points")
    assert result.status == 125 and "the launcher was killed" in result.err, result
    cli.good("ps", "-a")
    nothing_is_left()
    result = bridged("-p", "8080:80", env={"UCR_FAIL": "network-attached:eio"})
    assert result.status == 125, result
    nothing_is_left()
    assert bridged("-p", "8080:80").status == 0


def test_name_servers(_work):
    become_host()
    def resolv(*options, text="nameserver 127.0.0.53\nnameserver 192.0.2.53\nsearch example\n"):
        path = cli.path("resolv.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        script = f'mount --bind {path} /etc/resolv.conf && exec "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", cli.UCRCTL, "--root", cli.ROOT, "run",
             "--rm", "--network", "bridge", *options, image(), "cat", "/etc/resolv.conf"],
            capture_output=True, text=True, check=True)
        return done.stdout, done.stderr
    assert resolv() == ("nameserver 192.0.2.53\nsearch example\n", "")
    assert resolv("--dns", "198.51.100.1", "--dns", "2001:db8::53") == (
        "nameserver 198.51.100.1\nnameserver 2001:db8::53\nsearch example\n", "")
    if not os.path.exists("/run/systemd/resolve/resolv.conf"):
        out, err = resolv(text="nameserver ::1\n")
        assert out == "" and "name one with --dns" in err, err


def test_rootless(work):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise tap.Skip("needs root and setpriv")
    archive = cli.busybox_archive()
    os.chmod(cli.WORK, 0o755)
    command = [*cli.rootless_prefix(work), cli.UCRCTL, "--root", "/tmp/ucr-network-rootless", "run",
               "--rm", "--network", "bridge", archive, "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree("/tmp/ucr-network-rootless", ignore_errors=True)
    assert done.returncode == 125 and "only root can make a bridge" in done.stderr, done
    assert "--network host" in done.stderr, done


if __name__ == "__main__":
    try:
        tap.main(dict(globals()))
    finally:
        leave()

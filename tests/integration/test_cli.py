#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl as a person meets it: help, errors, completions, and images of other tools' making."""
import json
import os
import re
import shutil
import subprocess

import cli
from cli import good, path, refused, run
from tap import Skip
import tap


def verbs():
    return re.findall(r"^  ([a-z]+) {2,}\S", good("help").out, re.M)


def long_options(verb):
    return re.findall(r"^ .*?--([a-z-]+)", good(verb, "--help").out, re.M)


def test_help_of_every_verb(_work):
    """every verb is explained, by help and by --help alike, in 80 columns"""
    assert {"ps", "images", "load", "help"} <= set(verbs()), verbs()
    for verb in verbs():
        text = good(verb, "--help").out
        assert text == good("help", verb).out
        assert text.startswith(f"Usage: ucrctl {verb}"), text
        assert len(text.splitlines()) >= 3, text
        assert max(map(len, text.splitlines())) <= 80, text
    assert good("--help").out == good("help").out == good().out == good("-h").out


def test_unknown_words(_work):
    """an unknown verb or option is refused with the nearest one, status 125"""
    assert 'there is no "imagse" (did you mean "images"?)' in refused("imagse")
    assert 'there is no "frobnicate"\n' in refused("frobnicate")
    assert 'did you mean "images"' in refused("help", "image")
    for verb in verbs():
        assert "unknown option --frobnicate" in refused(verb, "--frobnicate")
        assert f"ucrctl {verb}: " in refused(verb, "--frobnicate")
    assert "unknown option --formt (did you mean --format?)" in refused("ps", "--formt", "json")
    assert "unknown option --for" in refused("ps", "--for", "json")
    assert "unknown option -Z" in refused("ps", "-aZ")
    assert "unknown option --rot (did you mean --root?)" in refused("--rot", "/x", "ps")


BAD_VALUES = [
    (["ps", "--all=perhaps"], '--all: "perhaps" is neither true nor false'),
    (["ps", "--filter", "nonsense"], '--filter: "nonsense" is not understood'),
    (["ps", "--filter", "status=dead"], '"dead" is no status'),
    (["ps", "--filter", "exited=many"], '"many" is no exit status'),
    (["ps", "--format", "{{.Nmae}}"], "there is no field .Nmae"),
    (["ps", "--format", "{{.ID"], '"{{" without "}}"'),
    (["ps", "--format", "{{range .}}"], "{{range .}} is not understood"),
    (["ps", "--format"], "--format needs a value: --format FORMAT"),
    (["ps", "extra"], '"extra" is too much'),
    (["images", "--format", "{{.Names}}"], "there is no field .Names"),
    (["images", "a", "b"], '"b" is too much: give [NAME]'),
    (["inspect", "--type", "volume", "x"], '"volume" is not one of any, container, image'),
    (["inspect"], "nothing was named: give NAME..."),
    (["kill", "-s", "SIGNOTHING", "x"], '"SIGNOTHING" is not a signal'),
    (["kill", "-s", "0", "x"], '"0" is not a signal'),
    (["kill", "-s", "65", "x"], '"65" is not a signal'),
    (["stop", "-t", "soon", "x"], '--timeout: "soon" is not a time'),
    (["stop", "-t", "-1", "x"], '--timeout: "-1" is not a time'),
    (["logs", "--tail", "few", "x"], '"few" is neither a number of lines nor "all"'),
    (["logs", "--since", "yesterday", "x"], '"yesterday" is not a moment'),
    (["logs", "--until", "2026-13-01T00:00:00Z", "x"], "is not a moment"),
    (["events", "--filter", "kind=x"], '"kind=x" is not understood'),
    (["tag", "x"], "something is missing: give IMAGE NAME[:TAG]"),
    (["unpack", "x"], "something is missing: give IMAGE DIRECTORY"),
    (["completion", "tcsh"], 'there is no completion for "tcsh"'),
    (["load", "-i", "a", "b"], 'name the archive once: "a" or "b"'),
]


def test_bad_values(_work):
    """every kind of invalid value is refused in words, and nothing is printed"""
    for args, text in BAD_VALUES:
        result = run(*args)
        assert result.status == 125 and text in result.err, (args, result)
        assert result.out == "", (args, result)


def test_absent(_work):
    """what is not there is said, for each name, and does not stop the others"""
    for verb in ("stop", "kill", "rm", "wait"):
        error = refused(verb, "nobody", "noone")
        assert "nobody" in error and "noone" in error, error
    for verb in ("logs", "top"):
        assert "nobody" in refused(verb, "nobody")
    assert "nobody" in refused("stats", "--no-stream", "nobody")
    assert 'no container or image "nobody"' in refused("inspect", "nobody")
    assert "nobody" in refused("rmi", "nobody")
    assert "nobody" in refused("tag", "nobody", "x:1")
    assert run("inspect", "nobody").out == "[]\n"
    good("rm", "-f", "nobody")
    good("rmi", "-f", "nobody")


def test_hostile_text(_work):
    """control characters of an argument do not reach the terminal"""
    error = refused("inspect", "evil\033[2Jname\n")
    assert "\033" not in error and "evil\\x1b[2Jname\\x0a" in error, error
    assert "\033" not in refused("\033]0;x\a")


def test_no_colour(_work):
    """no colour where there is no terminal"""
    assert "\033" not in refused("nothing")


def test_full_disk(_work):
    """an answer that cannot be written is an error"""
    with open("/dev/full", "w", encoding="ascii") as full:
        result = run("help", stdout=full)
    assert result.status == 125, result
    assert "write standard output: No space left on device" in result.err, result


def test_completions_parse(_work):
    """the completion scripts are accepted by their shells"""
    skipped = []
    for shell in ("bash", "zsh", "fish"):
        text = good("completion", shell).out
        assert len(text) > 1000, text
        if not cli.have(shell):
            skipped.append(shell)
            continue
        with open(path("completion." + shell), "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run([shell, "-n", f.name], capture_output=True, check=False)
        assert done.returncode == 0 and not done.stderr, (shell, done)
    if skipped:
        raise Skip("not installed: " + ", ".join(skipped))


def complete_in_bash(line):
    """What bash would offer at the end of the line."""
    script = good("completion", "bash").out + """
COMP_LINE=$1 COMP_POINT=${#1}
read -r -a COMP_WORDS <<<"$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_WORDS[0]=ucrctl_here
COMPREPLY=()
_ucrctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
    wrapper = f'ucrctl_here() {{ "{cli.UCRCTL}" --root "{cli.ROOT}" "$@"; }}\n'
    done = subprocess.run(["bash", "-c", wrapper + script, "bash", line], capture_output=True,
                          encoding="utf-8", check=True)
    assert done.stderr == "", done
    return set(done.stdout.split())


def test_completion_in_bash(_work):
    """bash offers verbs, options, choices, files and images"""
    assert set(verbs()) == complete_in_bash("ucrctl ")
    assert complete_in_bash("ucrctl inf") == {"info"}
    assert complete_in_bash("ucrctl --root /x inf") == {"info"}
    assert complete_in_bash("ucrctl help vers") == {"version"}
    assert complete_in_bash("ucrctl completion ") == {"bash", "zsh", "fish"}
    assert complete_in_bash("ucrctl inspect --type=co") == {"container"}
    assert complete_in_bash("ucrctl inspect --type ") == {"any", "container", "image"}
    assert complete_in_bash("ucrctl run --network ") == {"none", "host", "bridge", "bridge:shared"}
    assert complete_in_bash("ucrctl kill -s SIGTE") == {"SIGTERM"}
    assert complete_in_bash("ucrctl load -i /etc/host") >= {"/etc/hosts"}
    for verb in verbs():
        assert complete_in_bash(f"ucrctl {verb} --") == \
            {"--" + o for o in [*long_options(verb), "help"]}
    good("load", "-i", cli.busybox_archive())
    assert "busybox:latest" in complete_in_bash("ucrctl rmi busy")
    # bash cuts words at the colon and wants what comes after it.
    assert complete_in_bash("ucrctl rmi busybox:la") == {"latest"}
    good("rmi", "busybox")


def test_images(_work):
    """load, images, inspect, tag, rmi and gc on an archive of tar"""
    assert good("load", "-i", cli.busybox_archive()).out == "Loaded image: busybox:latest\n"
    table = good("images").lines
    assert table[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert table[1].split()[:2] == ["busybox", "latest"], table
    short = good("images", "-q").out.strip()
    assert re.fullmatch("[0-9a-f]{12}", short), short
    whole = good("images", "-q", "--no-trunc").out.strip()
    assert whole.startswith("sha256:" + short), whole

    for name in ("busybox", "busybox:latest", short, short[:6], whole):
        document = json.loads(good("inspect", name).out)
        assert len(document) == 1 and document[0]["Id"] == whole, document
        assert document[0]["Config"]["Cmd"] == ["sh"]
        assert document[0]["RepoTags"] == ["busybox:latest"]
    assert good("inspect", "-f", "{{.Os}} {{index .Config.Env 0}}", "busybox").out == \
        "linux PATH=/bin\n"
    assert "beside it there are" in refused("inspect", "-f", "{{.Config.Comd}}", "busybox")

    good("tag", "busybox", "localhost:5000/mine/box:v1")
    rows = [json.loads(line) for line in good("images", "--format", "json").lines]
    assert sorted((r["Repository"], r["Tag"]) for r in rows) == \
        [("busybox", "latest"), ("localhost:5000/mine/box", "v1")], rows
    assert good("images", "-q").out.strip() == short
    assert len(good("images", "busybox").lines) == 2
    assert "several" in refused("rmi", short) or "force" in refused("rmi", short)
    assert "Untagged" in good("rmi", "busybox").out
    assert "Deleted" in good("rmi", "localhost:5000/mine/box:v1").out
    assert good("images", "-q").out == ""
    assert "1 layer" in good("gc").out
    assert "0 layers" in good("gc").out


def test_load_from_stdin(_work):
    """load reads standard input; an ended or empty one is an error"""
    with open(cli.busybox_archive(), "rb") as archive:
        assert "busybox:latest" in good("load", stdin=archive).out
    refused("load")
    with open(cli.busybox_archive(), "rb") as archive, open(path("half.tar"), "wb") as half:
        half.write(archive.read(700000))
    refused("load", "-i", path("half.tar"))
    assert "no such file" in refused("load", "-i", path("absent.tar"))
    good("rmi", "busybox")
    good("gc")


def sources():
    """(name, how) of the same image made by other tools."""
    archive = cli.busybox_archive()
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if cli.have("skopeo"):
        for form, name in (("oci", "oci-dir"), ("oci-archive", "oci.tar"),
                           ("docker-archive", "skopeo.tar")):
            subprocess.run(["skopeo", "--insecure-policy", "copy", "-q",
                            "docker-archive:" + archive,
                            f"{form}:{path(name)}:box:{form[0]}"], **quiet)
            yield "skopeo " + form, path(name)
    if cli.have("umoci") and os.geteuid() == 0:
        layout, bundle = path("umoci"), path("umoci-bundle")
        subprocess.run(["umoci", "init", "--layout", layout], **quiet)
        subprocess.run(["umoci", "new", "--image", layout + ":box"], **quiet)
        subprocess.run(["umoci", "unpack", "--image", layout + ":box", bundle], **quiet)
        os.makedirs(bundle + "/rootfs/bin")
        shutil.copy(shutil.which("busybox"), bundle + "/rootfs/bin/busybox")
        subprocess.run(["umoci", "repack", "--image", layout + ":box", bundle], **quiet)
        yield "umoci", layout
    if cli.have("buildah") and os.geteuid() == 0:
        store = ["buildah", "--root", path("buildah"), "--runroot", path("buildah-run"),
                 "--storage-driver", "vfs"]
        box = subprocess.run([*store, "from", "scratch"], check=True, capture_output=True,
                             encoding="utf-8").stdout.strip()
        subprocess.run([*store, "add", box, archive, "/data/"], **quiet)
        subprocess.run([*store, "commit", box, "oci-archive:" + path("buildah.tar")], **quiet)
        yield "buildah", path("buildah.tar")


def test_other_makers(_work):
    """images made by skopeo, umoci and buildah load, unpack and go again"""
    count = 0
    for maker, source in sources():
        good("load", "-q", "-i", source)
        image = json.loads(good("images", "--no-trunc", "--format", "json").lines[0])
        target = path("unpacked")
        good("unpack", image["ID"], target)
        found = {os.path.relpath(os.path.join(d, n), target)
                 for d, _, names in os.walk(target) for n in names}
        assert "bin/busybox" in found or any(n.startswith("data/") for n in found), (maker, found)
        subprocess.run(["rm", "-rf", target], check=True)
        good("rmi", "-f", image["ID"])
        assert good("images", "-q").out == "", maker
        count += 1
    good("gc")
    if not count:
        raise Skip("none of skopeo, umoci and buildah is installed")


def test_unpack_directory(_work):
    """unpack wants an empty directory, and takes away one that it made in vain"""
    target = path("target")
    assert "absent.tar" in refused("unpack", path("absent.tar"), target)
    assert not os.path.exists(target)
    os.makedirs(target)
    with open(target + "/mine", "w", encoding="ascii") as f:
        f.write("keep")
    # Said before the image is looked at, and with what to do.
    for image in cli.busybox_archive(), path("absent.tar"):
        said = refused("unpack", image, target)
        assert f"directory {target} is not empty" in said and "hint: " in said, said
    assert os.listdir(target) == ["mine"]
    refused("unpack", cli.busybox_archive(), target + "/mine")
    refused("unpack", cli.busybox_archive(), path("no/such/place"))


def test_events(_work):
    """what was done to images can be read back, whole and filtered"""
    good("load", "-i", cli.busybox_archive())
    good("tag", "busybox", "again:1")
    good("rmi", "again:1")
    events = [json.loads(line)
              for line in good("events", "--stream=false", "--format", "json").lines]
    assert [e["Type"] for e in events][-3:] == ["import", "tag", "untag"], events
    assert all(re.match(r"20\d\d-.*Z$", e["Time"]) for e in events), events
    only = good("events", "--stream=false", "--filter", "event=tag").lines
    assert only and all(" tag sha256:" in line for line in only), only
    assert good("events", "--stream=false", "--until", "2000-01-01").out == ""
    good("rmi", "busybox")


def test_info(_work):
    """info names what works and gives advice for the rest"""
    rows = {r["Check"]: r for r in map(json.loads, good("info", "--format", "json").lines)}
    assert {"kernel", "cgroups", "overlay", "seccomp", "store", "programs"} <= set(rows), rows
    assert cli.ROOT in rows["store"]["Found"], rows
    assert rows["programs"]["State"] == "ok", rows
    for row in rows.values():
        assert row["Found"], row
        assert row["State"] == "ok" or row["Advice"], row
    bare = run("info", "--format", "{{.Check}} {{.State}}", env={"UCR_LIBEXECDIR": "/nowhere"})
    assert "programs MISSING" in bare.out, bare


def test_info_of_a_user(work):
    """to a normal user, info tells of his own ids and cgroups, whatever $USER says"""
    if os.geteuid() != 0 or not shutil.which("newuidmap"):
        raise Skip("needs root and newuidmap")
    command = [*cli.rootless_prefix(work), "env", "USER=root", f"HOME={work}", cli.UCRCTL,
               "--root", "store", "info", "--format", "json"]
    home = os.path.join(work, "home")
    os.mkdir(home, 0o700)
    os.chown(home, 12345, 12345)
    os.chmod(work, 0o755)
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    rows = {r["Check"]: r for r in map(json.loads, done.stdout.splitlines())}
    assert rows["id maps"]["State"] == "ok", rows["id maps"]
    assert rows["cgroups"]["State"] == "limited", rows["cgroups"]
    assert "delegated" in rows["cgroups"]["Advice"], rows["cgroups"]


def test_top_without_a_cgroup(work):
    """top finds the processes of a user's container that has no cgroup of its own"""
    if os.geteuid() != 0 or not shutil.which("newuidmap"):
        raise Skip("needs root and newuidmap")
    home = os.path.join(work, "home")
    os.mkdir(home, 0o700)
    os.chown(home, 12345, 12345)
    shutil.copy(cli.busybox_archive(), f"{home}/image.tar")
    ucrctl = f"{cli.UCRCTL} --root store"
    script = f"""{ucrctl} run -d --name one ./image.tar sh -c 'sleep 70 & sleep 71'
        {ucrctl} exec -d one sleep 72
        for n in $(seq 100); do
            {ucrctl} top one --format '{{{{.Command}}}}' >top
            [ $(grep -cx 'sleep 7[012]' top) = 3 ] && break
            sleep 0.1
        done
        cat top
        {ucrctl} rm -f one"""
    done = subprocess.run([*cli.rootless_prefix(work), "sh", "-euc", script], cwd=home,
                          capture_output=True, text=True, check=False, timeout=60)
    commands = done.stdout.splitlines()[1:-1]
    assert {"sleep 70", "sleep 71", "sleep 72"} <= set(commands), done


def test_version(_work):
    """version, -v and --version agree"""
    text = good("version").out
    assert re.fullmatch(r"ucr \d+\.\d+\.\d+\n", text), text
    assert good("-v").out == good("--version").out == text
    assert json.loads(good("version", "--format", "json").out)["Version"] == text.split()[1]
    assert good("version", "--format", "{{.Name}}").out == "ucr\n"


def test_manual_page(_work):
    """the manual page has every verb and every option, and mandoc finds no error in it"""
    page = os.path.join(cli.BUILD, "man", "ucrctl.1")
    if not os.path.exists(page):
        raise Skip("built without scdoc")
    with open(page, encoding="utf-8") as f:
        text = f.read().replace("\\-", "-").replace("\\&", "")
    for verb in verbs():
        assert f"ucrctl {verb}" in text, verb
        for option in long_options(verb):
            assert option == "help" or "--" + option in text, (verb, option)
    if not cli.have("mandoc"):
        raise Skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", page], capture_output=True,
                          check=False)
    assert done.returncode == 0, done.stdout


if __name__ == "__main__":
    tap.main(globals())

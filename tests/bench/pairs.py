# SPDX-License-Identifier: Apache-2.0
"""Runs commands in turn, A B C A B C …, and compares them pair by pair, so that a machine whose
speed drifts slows all of them alike."""

import os
import statistics
import subprocess
import time


class Subject:
    """A command, and what each counted run of it cost. `spawn` is the compiled spawn.c."""

    spawn = None

    def __init__(self, name, command, env=None, before=None, after=None):
        self.name = name
        self.command = command
        self.env = dict(env or os.environ)
        self.before = before  # not timed
        self.after = after
        self.wall, self.cpu, self.rss = [], [], []

    def once(self, is_counted=True):
        if self.before:
            self.before()
        reader, writer = os.pipe()
        script = f'exec "$@" 3>&{writer}'
        subprocess.run(["sh", "-c", script, "sh", self.spawn, *self.command], env=self.env,
                       pass_fds=[writer], check=True)
        os.close(writer)
        with os.fdopen(reader) as f:
            code, wall, cpu, rss = map(int, f.read().split())
        if code != 0:
            raise SystemExit(f"{self.name} failed with {code}: {' '.join(self.command)}")
        if self.after:
            self.after()
        if is_counted:
            self.wall.append(wall / 1e9)
            self.cpu.append(cpu / 1e6)
            self.rss.append(rss)


def ratio(ours, theirs):
    """The median of the pairwise ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs) if b)


def compare(title, subjects, rounds, warmup=1, pause=0.0, goals=None):
    """Prints each subject and the first one's ratio to it, with the goal where there is one."""
    goals = goals or {}
    for number in range(warmup + rounds):
        order = subjects if number % 2 else subjects[::-1]
        for subject in order:
            if pause:
                time.sleep(pause)
            subject.once(number >= warmup)
    first = subjects[0]
    print(f"\n{title} ({rounds} rounds)")
    print(f"  {'':24}{'wall ms':>10}{'p99':>9}{'cpu ms':>9}{'peak MB':>9}"
          f"   {first.name} / it: wall, cpu")
    for s in subjects:
        wall = sorted(s.wall)
        line = (f"  {s.name:24}{statistics.median(wall) * 1e3:10.2f}"
                f"{wall[min(len(wall) - 1, int(len(wall) * .99))] * 1e3:9.2f}"
                f"{statistics.median(s.cpu) * 1e3:9.2f}{max(s.rss) / 1024:9.1f}")
        if s is not first:
            line += f"   {ratio(first.wall, s.wall):.3f}, {ratio(first.cpu, s.cpu):.3f}"
            if s.name in goals:
                line += f"   goal {goals[s.name]}"
        print(line, flush=True)

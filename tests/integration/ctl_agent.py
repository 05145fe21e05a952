# SPDX-License-Identifier: Apache-2.0
"""An agent, and the ucrctl of this build that speaks to it."""
import os
import subprocess

from agent import Agent
import cli


class Remote(Agent):
    """What ucrctl says through its socket."""

    def environment(self, more=None):
        return {**os.environ, "UCR_HOST": f"unix://{self.path}", **(more or {})}

    def ctl(self, *args, stdin=subprocess.DEVNULL, more=None, timeout=120):
        return cli.Result(subprocess.run(
            [cli.UCRCTL, *args], stdin=stdin, capture_output=True, encoding="utf-8",
            errors="surrogateescape", timeout=timeout, check=False,
            env=self.environment(more)))

    def good(self, *args, **kw):
        result = self.ctl(*args, **kw)
        assert result.status == 0 and result.err == "", result
        return result

    def refused(self, *args, **kw):
        result = self.ctl(*args, **kw)
        assert result.status == 125 and result.err.startswith("ucrctl"), result
        return result.err

    def start_task(self, name, text):
        assert self.launch(name, {"value": text})[0] == 200
        return name

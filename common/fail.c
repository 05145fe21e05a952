/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fail.h"

#ifdef ENABLE_FAIL_POINTS

#include "common/str.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NAME_ROOM 64

/* The rule of UCR_FAIL, read anew each time: tests set it per process, points are rare.
 */
struct rule {
	char name[NAME_ROOM];
	uint32_t passage;
	const char *action;
};

static int read_rule(struct rule *ret)
{
	const char *text = getenv("UCR_FAIL");
	const char *colon;
	char count[NAME_ROOM];
	size_t len;

	if (!text)
		return -ENOENT;
	len = strcspn(text, ":");
	if (len >= NAME_ROOM)
		return -EINVAL;
	(void)snprintf(ret->name, sizeof(ret->name), "%.*s", (int)len, text);
	ret->passage = 1;
	ret->action = text[len] ? text + len + 1 : "kill";
	colon = strchr(ret->action, ':');
	len = colon ? (size_t)(colon - ret->action) : strlen(ret->action);
	if (len < NAME_ROOM) {
		(void)snprintf(count, sizeof(count), "%.*s", (int)len, ret->action);
		if (str_to_u32(count, &ret->passage) == 0)
			ret->action = colon ? colon + 1 : "kill";
	}
	return 0;
}

static int act(const char *action)
{
	const char *ms = str_skip_prefix(action, "sleep");
	struct timespec wait = { 0 };
	uint32_t n;

	if (str_eq(action, "eio"))
		return -EIO;
	if (str_eq(action, "enospc"))
		return -ENOSPC;
	if (ms && str_to_u32(ms, &n) == 0) {
		wait.tv_sec = n / 1000;
		wait.tv_nsec = (long)(n % 1000) * 1000000;
		(void)nanosleep(&wait, NULL);
		return 0;
	}
	if (str_eq(action, "stop")) {
		(void)raise(SIGSTOP);
		return 0;
	}
	(void)kill(getpid(), SIGKILL);
	return -EIO;
}

int fail_point(const char *name)
{
	static uint32_t passages;
	struct rule rule;

	if (read_rule(&rule) < 0 || !str_eq(rule.name, name))
		return 0;
	return ++passages == rule.passage ? act(rule.action) : 0;
}

#endif

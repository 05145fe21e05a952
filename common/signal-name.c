/* SPDX-License-Identifier: Apache-2.0 */
#include "common/signal-name.h"

#include "common/str.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

/* The kernel's numbers (signal(7)). glibc keeps 32 and 33 to itself and so moves SIGRTMIN
 * to 34, which is also what docker and kill(1) count from. */
#define SIGNAL_LAST 64
#define SIGNAL_RTMIN 34

/* Names that sigabbrev_np() does not give: older words for the same numbers. */
static const struct {
	const char *name;
	int signal;
} other_names[] = {
	{ "CLD", SIGCHLD },
	{ "IOT", SIGABRT },
	{ "POLL", SIGPOLL },
	{ "RTMIN", SIGNAL_RTMIN },
	{ "RTMAX", SIGNAL_LAST },
};

static int parse_real_time(const char *text, int *ret)
{
	bool is_below = strncasecmp(text, "RTMAX-", 6) == 0;
	uint32_t n;

	if (!is_below && strncasecmp(text, "RTMIN+", 6) != 0)
		return -EINVAL;
	if (str_to_u32(text + 6, &n) < 0 || n > SIGNAL_LAST - SIGNAL_RTMIN)
		return -EINVAL;
	*ret = is_below ? SIGNAL_LAST - (int)n : SIGNAL_RTMIN + (int)n;
	return 0;
}

static int parse_word(const char *word, int *ret)
{
	for (int i = 1; i < SIGNAL_RTMIN; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, word) == 0) {
			*ret = i;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++) {
		if (strcasecmp(other_names[i].name, word) == 0) {
			*ret = other_names[i].signal;
			return 0;
		}
	}
	return parse_real_time(word, ret);
}

int signal_parse(const char *text, int *ret)
{
	uint32_t n;

	if (str_to_u32(text, &n) < 0)
		return parse_word(
			strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text, ret);
	if (n < 1 || n > SIGNAL_LAST)
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

const char *signal_name(int signal, char ret[SIGNAL_NAME_MAX])
{
	const char *name =
		signal > 0 && signal < SIGNAL_RTMIN ? sigabbrev_np(signal) : NULL;

	if (name)
		(void)snprintf(ret, SIGNAL_NAME_MAX, "SIG%s", name);
	else if (signal >= SIGNAL_RTMIN && signal <= SIGNAL_LAST)
		(void)snprintf(
			ret, SIGNAL_NAME_MAX, "SIGRTMIN+%d", signal - SIGNAL_RTMIN);
	else
		(void)snprintf(ret, SIGNAL_NAME_MAX, "%d", signal);
	return ret;
}

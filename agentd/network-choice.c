/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network.h"

#include <errno.h>

static const struct {
	const char *word;
	struct network_choice choice;
} choices[] = {
	{ "none", { NETWORK_NONE, false } },
	{ "host", { NETWORK_HOST, false } },
	{ "bridge", { NETWORK_BRIDGE, false } },
	{ "bridge:shared", { NETWORK_BRIDGE, true } },
};

int network_choice_parse(const char *text, struct network_choice *ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (!str_eq(choices[i].word, text ? text : "none"))
			continue;
		*ret = choices[i].choice;
		return 0;
	}
	return err_say(err, EINVAL,
		"--network %s: want none, host, bridge or bridge:shared", text);
}

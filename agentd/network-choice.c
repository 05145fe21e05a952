/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/network.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
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

#define RATE_MIN 1024
#define RATE_MAX (1ULL << 40)
#define PREFIX_MIN 8
#define PREFIX_MAX 28

static bool is_lowest(const struct network_pool *pool)
{
	uint32_t address;

	memcpy(&address, pool->address.bytes, sizeof(address));
	return (ntohl(address) & (UINT32_MAX >> pool->prefix)) == 0;
}

static int pool_parse(char *text, struct network_pool *ret)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return -EINVAL;
	*slash++ = '\0';
	if (network_address_parse(text, &ret->address) < 0 ||
		ret->address.family != AF_INET || str_to_u32(slash, &ret->prefix) < 0 ||
		ret->prefix < PREFIX_MIN || ret->prefix > PREFIX_MAX)
		return -EINVAL;
	return is_lowest(ret) ? 0 : -EINVAL;
}

int network_pool_parse(const char *text, struct network_pool *ret, struct err *err)
{
	cleanup_free char *copy = strdup(text ? text : NETWORK_POOL);
	struct network_pool pool;

	if (!copy)
		return err_oom(err);
	if (pool_parse(copy, &pool) < 0)
		return err_say(err, EINVAL,
			"--network-pool %s: want a network of IPv4 as " NETWORK_POOL
			", of %d to %d bits",
			text, PREFIX_MIN, PREFIX_MAX);
	*ret = pool;
	return 0;
}

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

int network_rate_parse(
	const char *option, const char *text, uint64_t *ret, struct err *err)
{
	uint64_t rate = 0;

	if (text && (str_to_bytes(text, &rate) < 0 || rate < RATE_MIN || rate > RATE_MAX))
		return err_say(err, EINVAL, "%s %s: want bytes a second, from 1k to 1t",
			option, text);
	*ret = rate;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <root>/networks/bridge/ADDRESS -> ID, each a symbolic link so that taking one is atomic, and
 * <root>/networks/bridge/next, the number to begin with: an address is not given out again soon,
 * and to find a free one does not take longer the more there are.
 */
#include "agentd/network.h"

#include "agentd/container-private.h"
#include "agentd/engine-private.h"
#include "common/cleanup.h"
#include "common/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#define FIRST_NUMBER 2 /* 1 is the gateway */

/* The one above is the broadcast address. */
static uint32_t last_number(const struct network_pool *pool)
{
	return (UINT32_MAX >> pool->prefix) - 1;
}

static void add_number(struct network_address *address, uint32_t number)
{
	size_t last = network_address_len(address) - 1;

	for (; number; number >>= 8)
		address->bytes[last--] |= (unsigned char)number;
}

void network_number(const struct network_pool *pool, uint32_t number, struct network *ret)
{
	ret->address = pool->address;
	(void)!network_address_parse(NETWORK_POOL6, &ret->address6);
	ret->gateway = ret->address;
	ret->gateway6 = ret->address6;
	ret->prefix = pool->prefix;
	ret->prefix6 = NETWORK_POOL6_PREFIX;
	add_number(&ret->gateway, 1);
	add_number(&ret->gateway6, 1);
	add_number(&ret->address, number);
	add_number(&ret->address6, number);
}

/* Opened and locked. */
static int open_leases(const struct engine *engine, struct err *err)
{
	cleanup_close int networks = -1, fd = -1;
	int r;

	networks = fd_mkdir_open(engine->root_dirfd, "networks", 0700);
	fd = networks < 0 ? networks : fd_mkdir_open(networks, "bridge", 0700);
	r = fd < 0 ? fd : fd_lock(fd, true, true);
	return r < 0 ? err_set(err, -r, "open %s/networks/bridge", engine->root_path)
		     : take_fd(&fd);
}

/* Without a `next` anywhere: engines with other directories then seldom meet. */
static uint32_t read_next(int dirfd, const struct network_pool *pool)
{
	cleanup_free char *text = NULL;
	uint32_t number = 0;
	size_t len;

	if (fd_read_file(dirfd, "next", 16, &text, &len) < 0 ||
		str_to_u32(text, &number) < 0)
		(void)!getrandom(&number, sizeof(number), 0);
	return FIRST_NUMBER + number % (last_number(pool) - FIRST_NUMBER + 1);
}

static void write_next(int dirfd, uint32_t number)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", number - FIRST_NUMBER + 1);

	(void)!fd_replace_file(dirfd, "next", text, (size_t)n, 0600, FD_NO_SYNC);
}

static bool holder_is(int dirfd, const char *name, const char *id)
{
	char holder[CONTAINER_ID_MAX + 1];
	ssize_t n = readlinkat(dirfd, name, holder, sizeof(holder));

	return n == CONTAINER_ID_MAX - 1 && memcmp(holder, id, (size_t)n) == 0;
}

/* A container gives its address back before it goes; one that is gone was removed by hand. */
static bool holder_is_gone(const struct engine *engine, int dirfd, const char *name)
{
	char holder[CONTAINER_ID_MAX + 1];
	ssize_t n = readlinkat(dirfd, name, holder, CONTAINER_ID_MAX);
	struct stat st;

	if (n < 0)
		return false;
	holder[n] = '\0';
	return n != CONTAINER_ID_MAX - 1 ||
	       (fstatat(engine->containers_dirfd, holder, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
		       errno == ENOENT);
}

/* 0, -EEXIST when somebody has it. */
static int take_number(const struct engine *engine, int dirfd,
	const struct network_pool *pool, uint32_t number, const char *id,
	struct network *ret)
{
	char name[INET6_ADDRSTRLEN];
	struct network network = { 0 };

	network_number(pool, number, &network);
	network_address_text(&network.address, name);
	if (symlinkat(id, dirfd, name) < 0) {
		if (errno != EEXIST || !holder_is_gone(engine, dirfd, name))
			return -errno;
		if (unlinkat(dirfd, name, 0) < 0 || symlinkat(id, dirfd, name) < 0)
			return -errno;
	}
	network_number(pool, number, ret);
	return 0;
}

static int take_next(const struct engine *engine, int dirfd,
	const struct network_pool *pool, const char *id, struct network *ret)
{
	uint32_t number = read_next(dirfd, pool), first = number;
	int r;

	do {
		r = take_number(engine, dirfd, pool, number, id, ret);
		if (r == 0)
			write_next(dirfd, number);
		number = number == last_number(pool) ? FIRST_NUMBER : number + 1;
	} while (r == -EEXIST && number != first);
	return r;
}

int network_lease_take(struct engine *engine, const char *id,
	const struct network_pool *pool, struct network *ret, struct err *err)
{
	cleanup_close int dirfd = open_leases(engine, err);
	char text[INET6_ADDRSTRLEN];
	int r;

	if (dirfd < 0)
		return dirfd;
	r = take_next(engine, dirfd, pool, id, ret);
	if (r == -EEXIST) {
		(void)err_say(err, ENOSPC, "all addresses of %s/%u are taken",
			network_address_text(&pool->address, text), pool->prefix);
		return err_hint(err, "end containers; `ucrctl ps` lists them");
	}
	return r < 0 ? err_set(err, -r, "take an address") : 0;
}

/* By what both families have of the number. */
static uint32_t number_of(
	const struct network_pool *pool, const struct network_address *address)
{
	uint32_t number;

	memcpy(&number, address->bytes + network_address_len(address) - sizeof(number),
		sizeof(number));
	number = ntohl(number);
	return address->family == AF_INET ? number & (UINT32_MAX >> pool->prefix)
					  : number;
}

int network_lease_holder(const struct engine *engine, const struct network_pool *pool,
	const struct network_address *address, char *ret)
{
	uint32_t number = number_of(pool, address);
	char name[sizeof("networks/bridge/") + INET6_ADDRSTRLEN] = "networks/bridge/";
	struct network network = { 0 };
	ssize_t n;

	if (number > last_number(pool))
		return -ENOENT;
	network_number(pool, number, &network);
	if (memcmp(address,
		    address->family == AF_INET ? &network.address : &network.address6,
		    sizeof(*address)) != 0)
		return -ENOENT;
	network_address_text(&network.address, name + strlen(name));
	n = readlinkat(engine->root_dirfd, name, ret, CONTAINER_ID_MAX);
	if (n != CONTAINER_ID_MAX - 1)
		return n < 0 ? -errno : -ENOENT;
	ret[n] = '\0';
	return 0;
}

void network_lease_release(
	struct engine *engine, const struct network *network, const char *id)
{
	char name[INET6_ADDRSTRLEN];
	struct err ignored;
	cleanup_close int dirfd = open_leases(engine, &ignored);

	network_address_text(&network->address, name);
	if (dirfd >= 0 && holder_is(dirfd, name, id))
		(void)unlinkat(dirfd, name, 0);
}

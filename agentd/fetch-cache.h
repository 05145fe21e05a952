/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads that several tasks share: <root>/fetch-cache/HEX, HEX being the sha256 of user and
 * URI, so that no user is given what another one's rights fetched. Whoever comes while one
 * downloads waits for HEX.lock and finds the file; a file is there whole or not at all, whatever
 * is killed. The least recently used go when the limit is passed.
 */
#ifndef UCR_AGENTD_FETCH_CACHE_H
#define UCR_AGENTD_FETCH_CACHE_H

#include "agentd/engine.h"

#define FETCH_CACHE_BYTES (2ULL << 30) /* unless --fetch-cache-size says otherwise */

struct fetch_cache_request {
	struct engine *engine;
	uint32_t uid;
	const char *uri;
	uint64_t limit; /* bytes of all files together */
	int (*download)(void *arg, int fd, struct err *err); /* into an empty file */
	void *arg;
};

/* The file, opened for reading. It stays readable though it is evicted. */
int fetch_cache_get(const struct fetch_cache_request *request, int *ret_fd,
	struct err *err) __attribute__((warn_unused_result));

/* Lets go of what passes the limit, and of what a killed download left. */
int fetch_cache_trim(struct engine *engine, uint64_t limit, uint64_t *ret_freed,
	struct err *err) __attribute__((warn_unused_result));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a tree: an array, and a table of hashes beside it. */
#include "images/erofs-tree-private.h"

#include "common/array.h"
#include "common/str.h"

#include <errno.h>
#include <sys/random.h>

#define ROOM_MIN 64
#define HASH_PRIME 0x100000001b3ULL

int erofs_grow(void **array, size_t count, size_t *room, size_t size)
{
	bool is_first = !*room;

	if (count >= INT32_MAX || array_grow(array, count, room, size) < 0)
		return -ENOMEM;
	if (is_first)
		memset(*array, 0, size);
	return 0;
}

/* Names are a stranger's: which of them share a slot is not to be known in advance. */
void erofs_names_init(struct erofs_names *names)
{
	names->count = 1;
	while (getrandom(&names->seed, sizeof(names->seed), 0) !=
		(ssize_t)sizeof(names->seed))
		;
}

void erofs_names_done(struct erofs_names *names)
{
	free(names->entries);
	free(names->table);
	buf_done(&names->texts);
}

static size_t slot_of(const struct erofs_names *names, uint32_t dir, const char *name)
{
	uint64_t hash = names->seed ^ dir;

	hash *= HASH_PRIME;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * HASH_PRIME;
	hash ^= hash >> 32;
	return (size_t)(hash * HASH_PRIME >> 20) & (names->table_size - 1);
}

/* The slot that has the name, or the free one where it would go. */
static uint32_t *find_slot(
	const struct erofs_names *names, uint32_t dir, const char *name)
{
	size_t slot = slot_of(names, dir, name);

	while (names->table[slot]) {
		const struct erofs_entry *e = &names->entries[names->table[slot]];

		if (e->dir == dir && str_eq(erofs_name(names, e), name))
			break;
		slot = (slot + 1) & (names->table_size - 1);
	}
	return &names->table[slot];
}

uint32_t erofs_names_find(const struct erofs_names *names, uint32_t dir, const char *name)
{
	return names->table ? *find_slot(names, dir, name) : 0;
}

/* At most two of three slots are taken. */
static int grow_table(struct erofs_names *names)
{
	size_t size = names->table_size ? names->table_size * 2 : 2 * ROOM_MIN;
	uint32_t *old = names->table;

	if (names->count * 3 < names->table_size * 2)
		return 0;
	names->table = calloc(size, sizeof(*names->table));
	if (!names->table) {
		names->table = old;
		return -ENOMEM;
	}
	free(old);
	names->table_size = size;
	for (uint32_t i = 1; i < names->count; i++) {
		const struct erofs_entry *e = &names->entries[i];

		*find_slot(names, e->dir, erofs_name(names, e)) = i;
	}
	return 0;
}

uint32_t erofs_names_add(struct erofs_names *names, uint32_t dir, const char *name)
{
	uint32_t number = (uint32_t)names->count;
	size_t at = names->texts.len;

	if (at > UINT32_MAX - PATH_MAX || grow_table(names) < 0 ||
		erofs_grow((void **)&names->entries, names->count, &names->room,
			sizeof(*names->entries)) < 0)
		return 0;
	buf_put(&names->texts, name, strlen(name) + 1);
	if (names->texts.failed)
		return 0;
	names->entries[number] = (struct erofs_entry){ .dir = dir, .name = (uint32_t)at };
	*find_slot(names, dir, name) = number;
	names->count++;
	return number;
}

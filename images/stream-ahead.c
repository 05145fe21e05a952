/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream read ahead by a thread of its own, so that reading, inflating and hashing go on while
 * what came before is written. What lies between is a ring of buffers; who finds it full or empty
 * waits for the other.
 */
#include "images/stream.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 8
#define SLOT_BYTES (256U << 10)
#define STACK_BYTES (256U << 10)

struct slot {
	size_t len;
	uint8_t bytes[SLOT_BYTES];
};

struct ahead_stream {
	struct stream stream;
	struct stream *lower;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under `lock`; a slot itself belongs to one side at a time. */
	uint64_t filled, emptied; /* slots since the beginning */
	bool is_over;		  /* no more will be filled */
	bool is_stopped;	  /* nobody wants more */
	int result;
	struct err err;
	/* The reader's. */
	bool has_slot;
	struct slot slots[SLOTS];
};

/* ---- the thread ---- */

/* A slot to fill, or NULL: nobody wants it. */
static struct slot *wait_for_room(struct ahead_stream *as)
{
	struct slot *slot = NULL;

	(void)pthread_mutex_lock(&as->lock);
	while (!as->is_stopped && as->filled - as->emptied == SLOTS)
		(void)pthread_cond_wait(&as->changed, &as->lock);
	if (!as->is_stopped)
		slot = &as->slots[as->filled % SLOTS];
	(void)pthread_mutex_unlock(&as->lock);
	return slot;
}

static void hand_over(struct ahead_stream *as)
{
	(void)pthread_mutex_lock(&as->lock);
	as->filled++;
	(void)pthread_cond_signal(&as->changed);
	(void)pthread_mutex_unlock(&as->lock);
}

static bool put_piece(struct ahead_stream *as, const uint8_t *piece, size_t len)
{
	while (len) {
		struct slot *slot = wait_for_room(as);

		if (!slot)
			return false;
		slot->len = len < SLOT_BYTES ? len : SLOT_BYTES;
		memcpy(slot->bytes, piece, slot->len);
		piece += slot->len;
		len -= slot->len;
		hand_over(as);
	}
	return true;
}

static void *read_ahead(void *arg)
{
	struct ahead_stream *as = arg;
	const uint8_t *piece = NULL;
	struct err err = { 0 };
	size_t len = 0;
	int r;

	do {
		r = stream_next(as->lower, &piece, &len, &err);
	} while (r > 0 && put_piece(as, piece, len));
	(void)pthread_mutex_lock(&as->lock);
	as->is_over = true;
	as->result = r < 0 ? r : 0;
	as->err = err;
	(void)pthread_cond_signal(&as->changed);
	(void)pthread_mutex_unlock(&as->lock);
	return NULL;
}

/* ---- the reader ---- */

static int ahead_next(
	struct stream *s, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	struct ahead_stream *as = (struct ahead_stream *)s;
	const struct slot *slot = NULL;
	int r = 0;

	(void)pthread_mutex_lock(&as->lock);
	if (as->has_slot) {
		as->emptied++;
		as->has_slot = false;
		(void)pthread_cond_signal(&as->changed);
	}
	while (!as->is_over && as->filled == as->emptied)
		(void)pthread_cond_wait(&as->changed, &as->lock);
	if (as->filled != as->emptied)
		slot = &as->slots[as->emptied % SLOTS];
	else
		r = as->result;
	(void)pthread_mutex_unlock(&as->lock);
	if (!slot) {
		if (r < 0 && err)
			*err = as->err;
		return r;
	}
	as->has_slot = true;
	*ret = slot->bytes;
	*ret_len = slot->len;
	return 1;
}

static void ahead_done(struct stream *s)
{
	struct ahead_stream *as = (struct ahead_stream *)s;

	(void)pthread_mutex_lock(&as->lock);
	as->is_stopped = true;
	(void)pthread_cond_signal(&as->changed);
	(void)pthread_mutex_unlock(&as->lock);
	(void)pthread_join(as->thread, NULL);
	(void)pthread_mutex_destroy(&as->lock);
	(void)pthread_cond_destroy(&as->changed);
	stream_free(as->lower);
}

static bool has_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static int start(struct ahead_stream *as)
{
	pthread_attr_t attr;
	int code;

	if (pthread_attr_init(&attr) != 0)
		return -ENOMEM;
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)pthread_mutex_init(&as->lock, NULL);
	(void)pthread_cond_init(&as->changed, NULL);
	code = pthread_create(&as->thread, &attr, read_ahead, as);
	(void)pthread_attr_destroy(&attr);
	return -code;
}

int stream_ahead(struct stream *lower, struct stream **ret, struct err *err)
{
	struct ahead_stream *as;

	/* One processor has nothing to gain from taking turns with itself. */
	if (!has_processors()) {
		*ret = lower;
		return 0;
	}
	as = calloc(1, sizeof(*as));
	if (!as) {
		stream_free(lower);
		return err_oom(err);
	}
	as->stream = (struct stream){ .next = ahead_next, .done = ahead_done };
	as->lower = lower;
	if (start(as) < 0) {
		free(as);
		*ret = lower;
		return 0;
	}
	*ret = &as->stream;
	return 0;
}

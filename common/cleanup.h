/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables that release themselves when they leave scope, and the two functions that
 * hand their value over instead. `cleanup_close int fd = -1;`, `cleanup_free char *s =
 * NULL;`.
 */
#ifndef UCR_COMMON_CLEANUP_H
#define UCR_COMMON_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_fn(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_closedir_fn(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))
#define cleanup_closedir __attribute__((cleanup(cleanup_closedir_fn)))

/* For a type with its own `void x_done(struct x *)`. */
#define cleanup_with(fn) __attribute__((cleanup(fn)))

/* The value of a variable, which becomes NULL or -1: ownership moves to the caller. */
#define take_ptr(p)                                                                      \
	({                                                                               \
		__typeof__(p) taken_ = (p);                                              \
		(p) = NULL;                                                              \
		taken_;                                                                  \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif

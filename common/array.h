/* SPDX-License-Identifier: Apache-2.0 */
/* An array that grows by one item at a time. */
#ifndef UCR_COMMON_ARRAY_H
#define UCR_COMMON_ARRAY_H

#include <stddef.h>

/* Room for one more item of `size` bytes behind the `count` there are: *array, a heap pointer of
 * whatever type, moves when there is none, and *room counts what it holds. 0, or -ENOMEM and
 * nothing changed. */
int array_grow(void *array, size_t count, size_t *room, size_t size)
	__attribute__((warn_unused_result));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "common/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64

int array_grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : ROOM_MIN;
	void *items, *grown;

	if (count < *room)
		return 0;
	/* Whatever the type of the pointer, it is one. */
	memcpy(&items, array, sizeof(items));
	if (more > SIZE_MAX / size)
		return -ENOMEM;
	grown = realloc(items, more * size);
	if (!grown)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	return 0;
}

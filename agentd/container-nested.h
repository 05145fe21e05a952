/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers in containers. All have a directory side by side; container.json says in which ones a
 * container is nested, and each of these has, in its own directory:
 *
 *   children/ID      an empty file for each container directly in it; locked, shared, by a launch
 *                    while it makes the processes of one, and exclusively by the end
 *   names/NAME       -> ID, as in the engine's own directory: names are those of siblings
 *
 * A nested container ends with the one that it is in, and its directory goes with that one's clean-up.
 */
#ifndef UCR_AGENTD_CONTAINER_NESTED_H
#define UCR_AGENTD_CONTAINER_NESTED_H

#include "agentd/container.h"

#define CONTAINER_DEPTH_MAX 16
#define CONTAINER_BELOW_MAX 256 /* all that are in one that is in none */

/* The full id of the container that it is directly in; NULL: none. */
const char *container_parent(const struct container *container);
/* Whether it is in `id`, directly or not. `id` NULL: all are. */
bool container_is_in(const struct container *container, const char *id);

/* By name among those directly in `id` (NULL: in none), or by the full id of one anywhere in it.
 * -ENOENT: there is none. */
int container_find_in(struct engine *engine, const char *id, const char *name,
	struct container **ret, struct err *err) __attribute__((warn_unused_result));
/* Those directly in `id`, or with `is_deep` all. */
int container_list_in(struct engine *engine, const char *id, bool is_deep,
	struct container_list *ret, struct err *err) __attribute__((warn_unused_result));

/* The directory of names that a container's own is in; an open descriptor or -errno. */
int container_names(struct engine *engine, const char *parent)
	__attribute__((warn_unused_result));

/* Says that `container` will be in its parent: before it has a directory. -EACCES: too many are in
 * the outermost one. */
int container_adopt(struct engine *engine, const struct container *container,
	struct err *err) __attribute__((warn_unused_result));
void container_disown(struct engine *engine, const char *parent, const char *id);

/*
 * A descriptor that, until it is closed or the lock given back by container_let_end(), keeps the end
 * of `parent` waiting. -ESRCH: it has ended already.
 */
int container_keep(struct engine *engine, const char *parent, struct err *err)
	__attribute__((warn_unused_result));
void container_let_end(int *keep_fd);

/* Whether the clean-up of an ended container has those to end that were in it. */
bool container_has_children(const struct container *container);
/* Waits for launches that are at it, then ends and removes all that is in it. */
int container_await_launches(const struct container *container, struct err *err)
	__attribute__((warn_unused_result));
int container_remove_children(struct engine *engine, const struct container *container,
	struct err *err) __attribute__((warn_unused_result));

#endif

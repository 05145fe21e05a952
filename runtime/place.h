/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container stands among the control groups. */
#ifndef UCR_RUNTIME_PLACE_H
#define UCR_RUNTIME_PLACE_H

#include "isolators/isolator.h"
#include "runtime/runtime.h"

struct cgroup_host;

struct place {
	struct cgroup_host *host;
	struct cgroup *cgroup; /* of the host; NULL: the container has none */
	struct cgroup *leaf;   /* below it, for its own processes; NULL: they are in it */
};

#define PLACE_LEAF "own" /* no name of a container's cgroup */

#define cleanup_place cleanup_with(place_done)

/* Makes the container's cgroup with its limits, and writes down before that it does. There is none, and a note, where the caller
 * may make none and the configuration asks for no limit. */
int place_make(const struct isolation *isolation, const struct runtime_request *request,
	struct place *ret, struct err *err) __attribute__((warn_unused_result));

/* Where processes of its own go. */
static inline struct cgroup *place_inside(const struct place *place)
{
	return place->leaf ? place->leaf : place->cgroup;
}

/* Opens the cgroup of a container, if it has one that is still there. */
int place_open(const char *cgroup_path, struct place *ret, struct err *err)
	__attribute__((warn_unused_result));

void place_done(struct place *place);

#endif

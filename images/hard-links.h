/* SPDX-License-Identifier: Apache-2.0 */
/* Files with several names, each with the first of them that was met: what is copied or archived
 * once is a link to that from then on. */
#ifndef UCR_IMAGES_HARD_LINKS_H
#define UCR_IMAGES_HARD_LINKS_H

#include <sys/stat.h>

struct hard_links {
	void *tree; /* of tsearch(3) */
};

/* The name that the file was remembered by; NULL: it was not. */
const char *hard_links_find(const struct hard_links *links, const struct stat *st);
/* `path` is taken over; NULL counts as out of memory. 0 or -ENOMEM. */
int hard_links_add(struct hard_links *links, const struct stat *st, char *path)
	__attribute__((warn_unused_result));
/* Forgets all of them. */
void hard_links_done(struct hard_links *links);

#endif

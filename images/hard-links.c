/* SPDX-License-Identifier: Apache-2.0 */
#include "images/hard-links.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

struct link {
	dev_t dev;
	ino_t ino;
	char *path;
};

static int compare(const void *a, const void *b)
{
	const struct link *la = a, *lb = b;

	if (la->dev != lb->dev)
		return la->dev < lb->dev ? -1 : 1;
	return (la->ino > lb->ino) - (la->ino < lb->ino);
}

static void free_link(void *p)
{
	free(((struct link *)p)->path);
	free(p);
}

const char *hard_links_find(const struct hard_links *links, const struct stat *st)
{
	const struct link key = { .dev = st->st_dev, .ino = st->st_ino };
	struct link **found = tfind(&key, &links->tree, compare);

	return found ? (*found)->path : NULL;
}

int hard_links_add(struct hard_links *links, const struct stat *st, char *path)
{
	struct link *link = malloc(sizeof(*link));

	if (!link || !path) {
		free(link);
		free(path);
		return -ENOMEM;
	}
	*link = (struct link){ st->st_dev, st->st_ino, path };
	if (tsearch(link, &links->tree, compare))
		return 0;
	free_link(link);
	return -ENOMEM;
}

void hard_links_done(struct hard_links *links)
{
	tdestroy(links->tree, free_link);
	links->tree = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "images/image.h"

#include <stdio.h>

void image_free(struct image *image)
{
	if (!image)
		return;
	free(image->format);
	free(image->artifact_type);
	strv_free(image->names);
	image_config_done(&image->config);
	free(image->layers);
	for (size_t i = 0; i < image->blob_count; i++)
		free(image->blobs[i].media_type);
	free(image->blobs);
	if (image->lease_fd >= 0)
		(void)close(image->lease_fd);
	free(image);
}

void image_list_done(struct image_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		image_free(list->items[i]);
	free(list->items);
}

/* The image-spec's ChainID: of the first layer its DiffID, then sha256(below + " " +
 * DiffID). */
void image_chain_id(const char *below, const char *diff_id, char ret[DIGEST_MAX])
{
	char both[2 * DIGEST_MAX];
	int n;

	if (!below) {
		(void)snprintf(ret, DIGEST_MAX, "%s", diff_id);
		return;
	}
	n = snprintf(both, sizeof(both), "%s %s", below, diff_id);
	hash_of(both, (size_t)n, ret);
}

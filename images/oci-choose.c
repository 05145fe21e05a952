/* SPDX-License-Identifier: Apache-2.0 */
#include "images/oci-choose.h"

#include "common/buf.h"
#include "images/unpack-limits.h"

#include <errno.h>

#define REFERENCE_TYPE "vnd.docker.reference.type" /* BuildKit's, of attestations */

bool oci_is_image(const struct oci_descriptor *d)
{
	enum oci_kind kind;

	return (!d->media_type || oci_media_kind(d->media_type, &kind)) &&
	       !strv_env_get(d->annotations, REFERENCE_TYPE);
}

static struct platform platform_of(const struct oci_descriptor *d)
{
	return (struct platform){ .os = d->platform.os,
		.architecture = d->platform.architecture,
		.variant = d->platform.variant };
}

/* How well a descriptor suits; one that names no platform suits everybody, last. */
static int distance(const struct oci_descriptor *d, const struct platform *want)
{
	struct platform offer = platform_of(d);

	return offer.os ? platform_distance(want, &offer) : INT32_MAX;
}

/* Artifacts that an index lists beside images are attached to those; only alone are they meant. */
static bool lists_images(
	const struct oci_document *index, oci_wanted_fn is_wanted, const void *arg)
{
	for (size_t i = 0; i < index->manifests.count; i++) {
		const struct oci_descriptor *d = &index->manifests.items[i];

		if (oci_is_image(d) && !d->artifact_type &&
			(!is_wanted || is_wanted(d, arg)))
			return true;
	}
	return false;
}

static int artifact_error(const struct oci_document *index, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT;
	char show[SHOWN_MAX], show_type[SHOWN_MAX];

	for (size_t i = 0; i < index->manifests.count && list.len < 400; i++) {
		const struct oci_descriptor *d = &index->manifests.items[i];

		if (oci_is_image(d))
			buf_printf(&list, "%s%s (%s)", list.len ? ", " : "",
				shown(d->digest, show),
				shown(d->artifact_type, show_type));
	}
	if (buf_finish(&list) < 0)
		return err_oom(err);
	(void)err_say(err, EINVAL,
		"the index lists no image, and which of its artifacts is meant is not clear: %s",
		list.data);
	return err_hint(err, "choose one by its digest: NAME@DIGEST");
}

int oci_platform_error(
	const struct oci_document *index, const struct platform *want, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT;
	char text[PLATFORM_TEXT_MAX];

	for (size_t i = 0; i < index->manifests.count && list.len < 400; i++) {
		const struct oci_descriptor *d = &index->manifests.items[i];
		struct platform offer = platform_of(d);

		if (oci_is_image(d))
			buf_printf(&list, "%s%s", list.len ? ", " : "",
				platform_text(&offer, text));
	}
	if (buf_finish(&list) < 0)
		return err_oom(err);
	if (!list.len)
		return err_say(err, ENOENT, "the index lists no image");
	if (!lists_images(index, NULL, NULL))
		return artifact_error(index, err);
	(void)err_say(err, ENOENT, "there is no image for %s; there is: %s",
		platform_text(want, text), list.data);
	return err_hint(err, "choose another with --platform OS/ARCH[/VARIANT]");
}

const struct oci_descriptor *oci_choose(const struct oci_document *index,
	const struct platform *want, oci_wanted_fn is_wanted, const void *arg)
{
	bool has_images = lists_images(index, is_wanted, arg);
	const struct oci_descriptor *best = NULL;
	bool is_ambiguous = false;
	int best_distance = -1;

	for (size_t i = 0; i < index->manifests.count; i++) {
		const struct oci_descriptor *d = &index->manifests.items[i];
		bool fits = oci_is_image(d) && (!is_wanted || is_wanted(d, arg)) &&
			    !(has_images && d->artifact_type);
		int n = fits ? distance(d, want) : -1;

		if (n < 0 || (best && n > best_distance))
			continue;
		is_ambiguous = !has_images && best && n == best_distance &&
			       (is_ambiguous || !str_eq(d->digest, best->digest));
		if (best && n == best_distance)
			continue;
		best = d;
		best_distance = n;
	}
	return is_ambiguous ? NULL : best;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An App Container Image: one layer, which aci-render.c made of it and what it depends on; the
 * configuration is made of its manifest. */
#include "images/aci-config.h"
#include "images/format.h"
#include "images/unpack-limits.h"

#include <errno.h>

static bool aci_probe(const struct bundle *b)
{
	return b && !bundle_is_dir(b) && bundle_has(b, ACI_MANIFEST_NAME);
}

/* NAME:VERSION, as far as that is a name at all. */
static int set_names(
	const struct aci_manifest *m, struct found_image *ret, struct err *err)
{
	const char *version = aci_pairs_get(&m->labels, "version");

	return strv_take(&ret->names, version ? str_printf("%s:%s", m->name, version)
					      : strdup(m->name)) < 0
		       ? err_oom(err)
		       : 0;
}

static int check_platform(const struct aci_manifest *m, struct err *err)
{
	const char *os = aci_pairs_get(&m->labels, "os");
	char show[SHOWN_MAX];

	if (!os || str_eq(os, "linux"))
		return 0;
	return err_say(
		err, ENOTSUP, "the image is for %s, not for linux", shown(os, show));
}

static int take_manifest(
	const struct aci_manifest *m, struct found_image *ret, struct err *err)
{
	int r;

	r = check_platform(m, err);
	if (r == 0)
		r = set_names(m, ret, err);
	return r < 0 ? r : found_image_add_archive(ret, err);
}

static int aci_find(const struct bundle *b, const struct find_request *request,
	struct found_image *ret, struct err *err)
{
	struct aci_manifest m = { 0 };
	int r;

	if (request->tag)
		return err_say(err, EINVAL,
			"an App Container Image is one image, and %s was asked for",
			request->tag);
	r = bundle_read(b, ACI_MANIFEST_NAME, MANIFEST_MAX, &ret->manifest,
		&ret->manifest_len, err);
	if (r == 0)
		r = aci_manifest_parse(ret->manifest, ret->manifest_len, &m, err);
	if (r < 0)
		return r;
	hash_of(ret->manifest, ret->manifest_len, ret->manifest_digest);
	r = take_manifest(&m, ret, err);
	aci_manifest_done(&m);
	return r;
}

static int aci_make_config(const struct found_image *image,
	const struct platform *platform, struct buf *ret, struct err *err)
{
	struct aci_manifest m = { 0 };
	int r;

	r = aci_manifest_parse(image->manifest, image->manifest_len, &m, err);
	if (r == 0)
		r = aci_config_write(&m, image, platform, ret, err);
	aci_manifest_done(&m);
	return r;
}

const struct image_format format_aci = {
	.name = "aci",
	.archive_name = "aci",
	.probe = aci_probe,
	.find = aci_find,
	.make_config = aci_make_config,
};

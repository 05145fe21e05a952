/* SPDX-License-Identifier: Apache-2.0 */
#include "common/timestamp.h"
#include "images/reference.h"
#include "ucrctl/backend.h"
#include "ucrctl/container-columns.h"
#include "ucrctl/human.h"
#include "ucrctl/verbs.h"

#define NONE "<none>"

struct images_options {
	bool is_all, has_digests;
	struct format_options list;
};

static const struct option_spec options[] = {
	{ "all", 'a', .set = option_bool,
		.offset = offsetof(struct images_options, is_all),
		.help = "Accepted for the habit of it: nothing is hidden without it",
		.is_hidden = true },
	{ "digests", .set = option_bool,
		.offset = offsetof(struct images_options, has_digests),
		.help = "Show the digests of the manifests" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ format_list_options, offsetof(struct images_options, list) },
	{ 0 },
};

/* One row for each name of an image, or one without a name. */
struct row {
	const struct image *image;
	const char *name; /* familiar; NULL: none */
};

static void put_repository(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	if (r->name)
		buf_printf(
			out, "%.*s", (int)(reference_tag_of(r->name) - r->name), r->name);
	else
		buf_puts(out, NONE);
}

static void put_tag(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;
	const char *mark = r->name ? reference_tag_of(r->name) : "";

	buf_puts(out, *mark == ':' ? mark + 1 : NONE);
}

static void put_digest(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->image->manifest_digest[0] ? r->image->manifest_digest : NONE);
}

static void put_id(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	put_short_id(r->image->id, style->is_full, out);
}

static void put_created(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->image->config.created ? r->image->config.created : "");
}

static void put_since(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;
	int64_t created;

	if (!r->image->config.created ||
		timestamp_parse(r->image->config.created, &created) < 0) {
		buf_puts(out, "N/A");
		return;
	}
	human_duration(out, style->now - created);
	buf_puts(out, " ago");
}

static void put_imported(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;
	char text[TIMESTAMP_MAX];

	buf_puts(out, timestamp_format(r->image->imported * TIMESTAMP_SECOND, text));
}

static void put_size(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	human_bytes(out, r->image->size);
}

static void put_bytes(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_printf(out, "%llu", (unsigned long long)r->image->size);
}

static void put_format(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->image->format ? r->image->format : "");
}

static void put_artifact_type(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->image->artifact_type ? r->image->artifact_type : "");
}

static const struct format_column columns[] = {
	{ "Repository", "REPOSITORY", put_repository },
	{ "Tag", "TAG", put_tag },
	{ "Digest", "DIGEST", put_digest },
	{ "ID", "IMAGE ID", put_id },
	{ "CreatedAt", "CREATED AT", put_created },
	{ "CreatedSince", "CREATED", put_since },
	{ "ImportedAt", "IMPORTED AT", put_imported },
	{ "Size", "SIZE", put_size },
	{ "Bytes", "BYTES", put_bytes, .is_number = true },
	{ "Format", "FORMAT", put_format },
	{ "ArtifactType", "ARTIFACT TYPE", put_artifact_type },
	{ 0 },
};

/* `wanted`: a whole name, or one without its tag; NULL: every name. */
static bool is_wanted(const char *name, const char *wanted)
{
	const char *familiar = reference_familiar(name);
	size_t repository = (size_t)(reference_tag_of(familiar) - familiar);

	if (!wanted || str_eq(familiar, wanted) || str_eq(name, wanted))
		return true;
	return strlen(wanted) == repository && strncmp(familiar, wanted, repository) == 0;
}

static int put_image(struct format *format, const struct image *image, const char *wanted,
	bool is_quiet, struct buf *out, struct err *err)
{
	struct row row = { image, NULL };
	int r;

	if (!image->names)
		return wanted ? 0 : format_row(format, &row, out, err);
	strv_each (name, image->names) {
		if (!is_wanted(*name, wanted))
			continue;
		row.name = reference_familiar(*name);
		r = format_row(format, &row, out, err);
		/* With -q an image of several names is one line. */
		if (r < 0 || is_quiet)
			return r;
	}
	return 0;
}

#define TABLE "table {{.Repository}}\t{{.Tag}}\t"
#define TABLE_DIGEST "{{.Digest}}\t"
#define TABLE_REST "{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
#define TABLE_TYPE "\t{{.ArtifactType}}"

/* The column for artifacts is there when there are any. */
static const char *choose_table(const struct image_list *images, bool has_digests)
{
	for (size_t i = 0; i < images->count; i++) {
		if (images->items[i]->artifact_type)
			return has_digests ? TABLE TABLE_DIGEST TABLE_REST TABLE_TYPE
					   : TABLE TABLE_REST TABLE_TYPE;
	}
	return has_digests ? TABLE TABLE_DIGEST TABLE_REST : TABLE TABLE_REST;
}

static int put_images(struct ctl *ctl, const struct images_options *o, const char *wanted,
	const struct image_list *images, struct err *err)
{
	bool is_quiet = o->list.is_quiet && !o->list.format;
	cleanup_format struct format format = { 0 };
	int r;

	r = format_init(&format, columns, &o->list, choose_table(images, o->has_digests),
		"{{.ID}}", err);
	for (size_t i = 0; r == 0 && i < images->count; i++)
		r = put_image(
			&format, images->items[i], wanted, is_quiet, &ctl->out, err);
	return r < 0 ? r : format_finish(&format, &ctl->out, err);
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_image_list struct image_list images = { 0 };
	const struct backend *backend;
	int r = ctl_backend(context, &backend, err);

	if (r == 0)
		r = backend->list_images(context, &images, err);
	return r < 0 ? r : put_images(context, opts, args[0], &images, err);
}

const struct verb_spec verb_images = {
	.name = "images",
	.section = SECTION_IMAGES,
	.summary = "List the images of the store",
	.args = "[NAME]",
	.args_max = 1,
	.complete = COMPLETE_IMAGE,
	.groups = groups,
	.options_size = sizeof(struct images_options),
	.run = run,
};

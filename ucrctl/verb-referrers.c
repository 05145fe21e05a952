/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json-writer.h"
#include "images/pull.h"
#include "images/reference.h"
#include "images/referrers.h"
#include "ucrctl/ctl.h"
#include "ucrctl/format.h"
#include "ucrctl/human.h"
#include "ucrctl/print.h"
#include "ucrctl/registry-options.h"
#include "ucrctl/verbs.h"

#include <errno.h>

struct referrers_options {
	const char *artifact_type;
	struct format_options list;
	struct registry_options registry;
};

static const struct option_spec options[] = {
	{ "artifact-type", .arg = "TYPE", .set = option_string,
		.offset = offsetof(struct referrers_options, artifact_type),
		.help = "List only those of this type" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ options },
	{ format_list_options, offsetof(struct referrers_options, list) },
	{ registry_option_table, offsetof(struct referrers_options, registry),
		"Registries" },
	{ 0 },
};

struct row {
	const struct referrer *referrer;
	const char *repository; /* "host/path", as people write it */
};

static void put_digest(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->referrer->digest);
}

static void put_type(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->referrer->artifact_type ? r->referrer->artifact_type : "");
}

static void put_media_type(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_puts(out, r->referrer->media_type ? r->referrer->media_type : "");
}

static void put_size(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	human_bytes(out, r->referrer->size);
}

static void put_bytes(const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_printf(out, "%llu", (unsigned long long)r->referrer->size);
}

static void put_reference(
	const void *row, const struct format_style *style, struct buf *out)
{
	const struct row *r = row;

	buf_printf(out, "%s@%s", r->repository, r->referrer->digest);
}

static void put_annotations(
	const void *row, const struct format_style *style, struct buf *out)
{
	struct json_writer w = JSON_WRITER(out);
	const struct row *r = row;

	jw_string_map(&w, NULL, r->referrer->annotations);
}

static const struct format_column columns[] = {
	{ "Digest", "DIGEST", put_digest },
	{ "ArtifactType", "ARTIFACT TYPE", put_type },
	{ "Size", "SIZE", put_size },
	{ "Bytes", "BYTES", put_bytes, .is_number = true },
	{ "MediaType", "MEDIA TYPE", put_media_type },
	{ "Reference", "REFERENCE", put_reference },
	{ "Annotations", "ANNOTATIONS", put_annotations, .is_json = true },
	{ 0 },
};

static int put_list(struct ctl *ctl, struct format *format, const char *repository,
	const struct referrers *referrers, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < referrers->list.count; i++)
		r = format_row(format,
			&(struct row){ &referrers->list.items[i], repository }, &ctl->out,
			err);
	return r < 0 ? r : format_finish(format, &ctl->out, err);
}

static int full_name_of(const char *name, char ret[REFERENCE_NAME_MAX], struct err *err)
{
	const char *rest = str_skip_prefix(name, "docker://");
	int r;

	r = reference_normalize(rest ? rest : name, ret, err);
	if (r < 0 || pull_is_possible(ret))
		return r;
	return err_say(
		err, EINVAL, "%s is a name of this host alone: no registry has it", ret);
}

static int fetch(struct ctl *ctl, const struct referrers_options *o,
	const char *full_name, struct referrers *ret, struct err *err)
{
	cleanup_registry_setup struct registry_setup setup = { 0 };
	struct engine *engine;
	int r;

	r = ctl_engine(ctl, &engine, err);
	if (r == 0)
		r = registry_setup_make(&o->registry, &setup, err);
	if (r == 0)
		r = referrers_fetch(engine_libexec_path(engine), &setup.pull, full_name,
			o->artifact_type, ret, err);
	strv_each (note, r == 0 ? ret->notes : NULL)
		print_note(*note);
	return r < 0 ? err_wrap(err, "%s", reference_familiar(full_name)) : 0;
}

static int run(void *context, const void *opts, char **args, struct err *err)
{
	cleanup_referrers struct referrers referrers = { 0 };
	cleanup_format struct format format = { 0 };
	const struct referrers_options *o = opts;
	char name[REFERENCE_NAME_MAX];
	int r;

	r = format_init(&format, columns, &o->list,
		"table {{.Digest}}\t{{.ArtifactType}}\t{{.Size}}", "{{.Digest}}", err);
	if (r == 0)
		r = full_name_of(args[0], name, err);
	if (r == 0)
		r = fetch(context, o, name, &referrers, err);
	if (r < 0)
		return r;
	name[reference_tag_of(name) - name] = '\0';
	return put_list(context, &format, reference_familiar(name), &referrers, err);
}

const struct verb_spec verb_referrers = {
	.name = "referrers",
	.section = SECTION_IMAGES,
	.summary = "List what refers to an image of a registry",
	.text = "Signatures, lists of parts and other artifacts that were attached to the image, or to "
		"any other manifest, as its registry lists them, or as those who push keep the list "
		"under a tag where the registry does not. A tag that names an index stands for the "
		"index. Each can be pulled: `ucrctl pull` takes what {{.Reference}} prints. "
		"--format json shows the annotations, too.",
	.args = "NAME[:TAG|@DIGEST]",
	.args_min = 1,
	.args_max = 1,
	.groups = groups,
	.options_size = sizeof(struct referrers_options),
	.run = run,
};

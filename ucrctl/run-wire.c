/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/run-wire.h"

#include "agentd/run-fields.h"
#include "common/cleanup.h"
#include "common/str.h"

#include <errno.h>

/* ---- what cannot be asked for ---- */

#define RUN_AT(member) offsetof(struct run_options, member)

/* Settled before, or told in another place. */
static const struct {
	size_t offset, size;
} own_members[] = {
	{ RUN_AT(name), sizeof(char *) },
	{ RUN_AT(env_files), sizeof(strv) },
	{ RUN_AT(is_detached), sizeof(bool) },
	{ RUN_AT(terminal_size), sizeof(((struct run_options *)NULL)->terminal_size) },
};

static size_t size_of(const struct json_field *field)
{
	if (field->decode == json_bool)
		return sizeof(bool);
	if (field->decode == json_u32 || field->decode == json_i32)
		return sizeof(uint32_t);
	return sizeof(uint64_t); /* a pointer, or a large number */
}

static void clear(struct run_options *rest, size_t offset, size_t size)
{
	memset((char *)rest + offset, 0, size);
}

/* What is left when everything is taken away that an agent is told. */
static void take_away(struct run_options *rest)
{
	for (const struct json_field *f = run_fields; f->key; f++)
		clear(rest, f->offset, size_of(f));
	for (size_t i = 0; i < sizeof(own_members) / sizeof(own_members[0]); i++)
		clear(rest, own_members[i].offset, own_members[i].size);
}

/* Options whose values are elsewhere in struct run_verb are none of the container's. */
static bool is_given(const struct option_spec *option, const struct run_options *rest)
{
	static const struct run_options nothing;
	size_t size = option->set == option_bool     ? sizeof(bool)
		      : option->set == option_choice ? sizeof(unsigned int)
						     : sizeof(void *);

	_Static_assert(
		offsetof(struct run_verb, run) == 0, "offsets are of both structs");
	return option->offset + size <= sizeof(nothing) &&
	       memcmp((const char *)rest + option->offset,
		       (const char *)&nothing + option->offset, size) != 0;
}

static int refuse(const char *name, struct err *err)
{
	(void)err_say(
		err, ENOTSUP, "--%s is not something that an agent is asked for", name);
	return err_hint(err, "what a container may have is settled where the agent runs");
}

static int check_options(const struct run_options *run, struct err *err)
{
	struct run_options rest = *run;

	take_away(&rest);
	for (const struct option_group *group = run_groups; group->options; group++) {
		for (const struct option_spec *o = group->options; o->name; o++) {
			if (is_given(o, &rest))
				return refuse(o->name, err);
		}
	}
	return rest.may_gain_privileges ? refuse("no-new-privileges=false", err) : 0;
}

static int check_uris(const struct run_options *run, struct err *err)
{
	strv_each (uri, run->uris) {
		if (str_skip_prefix(*uri, "http://") || str_skip_prefix(*uri, "https://"))
			continue;
		(void)err_say(err, ENOTSUP,
			"%.200s is a file of this host, which the agent does not see",
			*uri);
		return err_hint(err, "give an address with http:// or https://");
	}
	return 0;
}

int run_wire_check(const struct run_verb *options, struct err *err)
{
	int r = check_options(&options->run, err);

	return r == 0 ? check_uris(&options->run, err) : r;
}

/* ---- what is asked for ---- */

int run_wire_write(
	struct json_writer *w, const struct run_options *options, struct err *err)
{
	struct run_options told = *options;
	cleanup_strv strv env = NULL;
	int r = bundle_env(options->env_files, options->env, &env, err);

	if (r < 0)
		return r;
	told.env = env;
	jw_object(w, "run");
	json_encode(w, run_fields, &told);
	jw_object_end(w);
	return 0;
}

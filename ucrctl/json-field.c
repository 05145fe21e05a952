/* SPDX-License-Identifier: Apache-2.0 */
#include "ucrctl/json-field.h"

#include "common/json-writer.h"
#include "ucrctl/print.h"

#include <errno.h>

/* A member by its name, an element by its number. */
static const struct json *child_of(const struct json *v, const char *key)
{
	uint64_t n;

	if (v->type != JSON_ARRAY)
		return json_get(v, key);
	if (str_to_u64(key, &n) < 0)
		return NULL;
	json_each (child, v) {
		if (n-- == 0)
			return child;
	}
	return NULL;
}

static int say_absent(
	const struct template_part *part, const struct json *parent, struct err *err)
{
	cleanup_free char *path = template_path(part);
	cleanup_buf struct buf names = BUF_INIT;

	json_each (child, parent)
		if (child->key)
			buf_printf(&names, "%s.%s", names.len ? " " : "", child->key);
	if (!path || buf_finish(&names) < 0)
		return err_oom(err);
	(void)err_say(err, EINVAL, "there is no field %.200s", path);
	return names.len ? err_hint(err, "beside it there are %s", names.data)
			 : -err->code;
}

static void put_plain(const struct json *v, struct buf *out)
{
	struct json_writer w = JSON_WRITER(out);

	if (v->type == JSON_STRING || v->type == JSON_NUMBER)
		print_text(out, v->string);
	else
		jw_json(&w, NULL, v);
}

int json_field_put(
	const struct template_part *part, void *arg, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out);
	const struct json *v = arg;

	strv_each (key, part->path) {
		const struct json *child = child_of(v, *key);

		if (!child)
			return say_absent(part, v, err);
		v = child;
	}
	if (part->is_json)
		jw_json(&w, NULL, v);
	else
		put_plain(v, out);
	return 0;
}

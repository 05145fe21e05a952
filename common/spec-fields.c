/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spec-fields.h"

#include "common/spec-resources.h"

int spec_read_opt_u64(const struct json *v, void *out, const void *arg, struct err *err)
{
	struct spec_u64 *number = out;

	number->is_set = true;
	return json_u64(v, &number->value, NULL, err);
}

int spec_read_opt_i64(const struct json *v, void *out, const void *arg, struct err *err)
{
	struct spec_i64 *number = out;

	number->is_set = true;
	return json_i64(v, &number->value, NULL, err);
}

int spec_read_flagged(const struct json *v, void *out, const void *arg, struct err *err)
{
	const struct spec_flagged *flagged = arg;

	*((bool *)out + flagged->to_flag) = true;
	return flagged->number.decode(v, out, NULL, err);
}

void spec_write_opt_u64(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const struct spec_u64 *number = in;

	if (number->is_set)
		jw_u64(w, key, number->value);
}

void spec_write_opt_i64(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const struct spec_i64 *number = in;

	if (number->is_set)
		jw_i64(w, key, number->value);
}

void spec_write_flagged(struct json_writer *w, const char *key, const void *in,
	const void *arg, bool required)
{
	const struct spec_flagged *flagged = arg;
	const struct json_field one[] = { { key, flagged->number.decode, 0, true },
		{ 0 } };

	if (*((const bool *)in + flagged->to_flag))
		json_encode(w, one, in);
}

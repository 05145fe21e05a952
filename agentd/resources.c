/* SPDX-License-Identifier: Apache-2.0 */
#include "agentd/resources.h"

#include "common/array.h"
#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

#define COUNT_MAX 256
#define WHOLE_MAX 1000000000000LL

static void resource_done(struct resource *resource)
{
	free(resource->name);
	free(resource->role);
	free(resource->ranges.items);
	strv_free(resource->words);
}

void resources_done(struct resources *resources)
{
	for (size_t i = 0; i < resources->count; i++)
		resource_done(&resources->items[i]);
	free(resources->items);
	*resources = (struct resources){ 0 };
}

const struct resource *resources_find(const struct resources *resources, const char *name)
{
	for (size_t i = 0; i < resources->count; i++) {
		if (str_eq(resources->items[i].name, name))
			return &resources->items[i];
	}
	return NULL;
}

/* ---- values ---- */

/* "4", "0.25"; what has more than three decimals is refused, not rounded. */
static int parse_scalar(const char *text, int64_t *ret)
{
	size_t whole_len = strspn(text, "0123456789"), len;
	int64_t whole = 0, part = 0;

	for (size_t i = 0; i < whole_len; i++) {
		whole = 10 * whole + (text[i] - '0');
		if (whole > WHOLE_MAX)
			return -ERANGE;
	}
	text += whole_len;
	if (*text == '.') {
		len = strspn(++text, "0123456789");
		if (!len || len > 3)
			return -EINVAL;
		for (size_t i = 0; i < 3; i++)
			part = 10 * part + (i < len ? text[i] - '0' : 0);
		text += len;
	}
	if (!whole_len || *text)
		return -EINVAL;
	*ret = 1000 * whole + part;
	return 0;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct resource_range *one = a, *other = b;

	return (one->begin > other->begin) - (one->begin < other->begin);
}

static void join_ranges(struct resource *resource)
{
	struct resource_range *items = resource->ranges.items;
	size_t kept = 0;

	if (!resource->ranges.count)
		return;
	qsort(items, resource->ranges.count, sizeof(*items), compare_ranges);
	for (size_t i = 1; i < resource->ranges.count; i++) {
		if (items[i].begin > items[kept].end &&
			items[i].begin - items[kept].end > 1)
			items[++kept] = items[i];
		else if (items[i].end > items[kept].end)
			items[kept].end = items[i].end;
	}
	resource->ranges.count = kept + 1;
}

static int parse_range(char *text, struct resource_range *ret)
{
	char *end = strchr(text, '-');

	if (!end)
		return -EINVAL;
	*end++ = '\0';
	if (str_to_u64(text, &ret->begin) < 0 || str_to_u64(end, &ret->end) < 0)
		return -EINVAL;
	return ret->begin <= ret->end ? 0 : -ERANGE;
}

#define SPACES " \t\n"

static char *trim(char *text)
{
	text += strspn(text, SPACES);
	for (size_t len = strlen(text); len && strchr(SPACES, text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* The next of "a, b, c"; NULL at the end. */
static char *next_word(char **rest)
{
	char *word = strsep(rest, ",");

	return word ? trim(word) : NULL;
}

static int parse_ranges(char *text, struct resource *ret)
{
	struct resource_range range;
	size_t room = 0;
	char *word;

	while ((word = next_word(&text))) {
		int r = parse_range(word, &range);

		if (r < 0)
			return r;
		if (array_grow(&ret->ranges.items, ret->ranges.count, &room,
			    sizeof(range)) < 0)
			return -ENOMEM;
		ret->ranges.items[ret->ranges.count++] = range;
	}
	join_ranges(ret);
	return 0;
}

static int parse_set(char *text, struct resource *ret)
{
	char *word;

	while ((word = next_word(&text))) {
		if (!*word)
			return -EINVAL;
		if (strv_add(&ret->words, word) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What stands between the brackets, or NULL. */
static char *between(char *text, char open, char close)
{
	size_t len = strlen(text);

	if (len < 2 || text[0] != open || text[len - 1] != close)
		return NULL;
	text[len - 1] = '\0';
	return text + 1;
}

static int parse_value(char *text, bool may_be_text, struct resource *ret)
{
	char *inner;

	if ((inner = between(text, '[', ']'))) {
		ret->kind = RESOURCE_RANGES;
		return parse_ranges(inner, ret);
	}
	if ((inner = between(text, '{', '}'))) {
		ret->kind = RESOURCE_SET;
		return parse_set(inner, ret);
	}
	ret->kind = RESOURCE_SCALAR;
	if (parse_scalar(text, &ret->milli) == 0)
		return 0;
	if (!may_be_text || !*text || strpbrk(text, "[]{}"))
		return -EINVAL;
	ret->kind = RESOURCE_TEXT;
	return strv_add(&ret->words, text);
}

/* "name" or "name(role)", which a role "*" may be, too. */
static int parse_name(char *text, struct resource *ret)
{
	char *role = strchr(text, '(');
	size_t len = strlen(text);

	if (role) {
		if (text[len - 1] != ')')
			return -EINVAL;
		text[len - 1] = '\0';
		*role++ = '\0';
	}
	if (!str_is_name(text) || (role && !str_eq(role, "*") && !str_is_name(role)))
		return -EINVAL;
	ret->name = strdup(text);
	ret->role = strdup(role ? role : "*");
	return ret->name && ret->role ? 0 : -ENOMEM;
}

static int parse_item(char *text, bool is_attribute, struct resource *ret)
{
	char *value = strchr(text, ':');
	int r;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	r = parse_name(trim(text), ret);
	if (r == 0 && is_attribute && !str_eq(ret->role, "*"))
		r = -EINVAL;
	return r < 0 ? r : parse_value(trim(value), is_attribute, ret);
}

/* ---- a list of them ---- */

static const struct resource *find_same(
	const struct resources *resources, const struct resource *resource)
{
	for (size_t i = 0; i < resources->count; i++) {
		if (str_eq(resources->items[i].name, resource->name) &&
			str_eq(resources->items[i].role, resource->role))
			return &resources->items[i];
	}
	return NULL;
}

int resources_add(struct resources *resources, struct resource *resource)
{
	struct resource *grown;

	if (find_same(resources, resource))
		return -EEXIST;
	if (resources->count >= COUNT_MAX)
		return -E2BIG;
	grown = reallocarray(resources->items, resources->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	resources->items = grown;
	grown[resources->count++] = *resource;
	*resource = (struct resource){ 0 };
	return 0;
}

static int say_wrong(int r, const char *item, bool is_attribute, struct err *err)
{
	char shown[128];

	str_printable(item, shown, sizeof(shown));
	if (r == -ENOMEM)
		return err_oom(err);
	if (r == -E2BIG)
		return err_say(err, E2BIG, "there are more than %d", COUNT_MAX);
	if (r == -EEXIST)
		return err_say(err, EINVAL, "%s: it is there twice", shown);
	(void)err_say(err, EINVAL, "%s: not understood", shown);
	return err_hint(err, "%s",
		is_attribute
			? "write NAME:VALUE;…, as rack:r7;level:3"
			: "write NAME:VALUE;…, as cpus:8;mem:16384;ports:[31000-32000]");
}

static int parse_list(
	const char *text, bool is_attribute, struct resources *ret, struct err *err)
{
	cleanup_resources struct resources resources = { 0 };
	cleanup_free char *copy = strdup(text ? text : "");
	char *rest = copy, *item;
	int r = 0;

	if (!copy)
		return err_oom(err);
	while (r == 0 && (item = strsep(&rest, ";"))) {
		struct resource resource = { 0 };
		cleanup_free char *shown = strdup(item);

		if (!item[strspn(item, SPACES)])
			continue;
		r = shown ? parse_item(item, is_attribute, &resource) : -ENOMEM;
		if (r == 0)
			r = resources_add(&resources, &resource);
		resource_done(&resource);
		if (r < 0)
			return say_wrong(r, shown ? shown : "", is_attribute, err);
	}
	*ret = resources;
	resources = (struct resources){ 0 };
	return 0;
}

int resources_parse(const char *text, struct resources *ret, struct err *err)
{
	return parse_list(text, false, ret, err);
}

int attributes_parse(const char *text, struct resources *ret, struct err *err)
{
	return parse_list(text, true, ret, err);
}

/* ---- out ---- */

static void write_ranges(struct json_writer *w, const struct resource *resource)
{
	jw_object(w, "ranges");
	jw_array(w, "range");
	for (size_t i = 0; i < resource->ranges.count; i++) {
		jw_object(w, NULL);
		jw_u64(w, "begin", resource->ranges.items[i].begin);
		jw_u64(w, "end", resource->ranges.items[i].end);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

static void write_value(struct json_writer *w, const struct resource *resource)
{
	static const char *const types[] = { [RESOURCE_SCALAR] = "SCALAR",
		[RESOURCE_RANGES] = "RANGES",
		[RESOURCE_SET] = "SET",
		[RESOURCE_TEXT] = "TEXT" };

	jw_string(w, "name", resource->name);
	jw_string(w, "type", types[resource->kind]);
	switch (resource->kind) {
	case RESOURCE_SCALAR:
		jw_object(w, "scalar");
		jw_milli(w, "value", resource->milli);
		jw_object_end(w);
		return;
	case RESOURCE_RANGES: write_ranges(w, resource); return;
	case RESOURCE_SET:
		jw_object(w, "set");
		jw_strv(w, "item", resource->words);
		jw_object_end(w);
		return;
	case RESOURCE_TEXT:
		jw_object(w, "text");
		jw_string(w, "value", resource->words[0]);
		jw_object_end(w);
		return;
	}
}

static void write_list(struct json_writer *w, const char *key,
	const struct resources *resources, bool has_roles)
{
	jw_array(w, key);
	for (size_t i = 0; i < resources->count; i++) {
		jw_object(w, NULL);
		write_value(w, &resources->items[i]);
		if (has_roles)
			jw_string(w, "role", resources->items[i].role);
		jw_object_end(w);
	}
	jw_array_end(w);
}

void resources_write(
	struct json_writer *w, const char *key, const struct resources *resources)
{
	write_list(w, key, resources, true);
}

void attributes_write(
	struct json_writer *w, const char *key, const struct resources *attributes)
{
	write_list(w, key, attributes, false);
}

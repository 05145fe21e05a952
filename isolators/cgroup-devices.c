/* SPDX-License-Identifier: Apache-2.0 */
#include "isolators/cgroup-devices.h"

#include "common/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define ANY (-1)
/* The kernel's dev_t has 12 bits of major and 20 of minor. */
#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

/* Making a node gives no access to its device, so any may be made. */
static const struct device_rule defaults[] = {
	{ true, true, 'c', ANY, ANY, BPF_DEVCG_ACC_MKNOD },
	{ true, true, 'b', ANY, ANY, BPF_DEVCG_ACC_MKNOD },
	{ true, true, 'c', 1, 3, ACCESS_ALL },	   /* null */
	{ true, true, 'c', 1, 5, ACCESS_ALL },	   /* zero */
	{ true, true, 'c', 1, 7, ACCESS_ALL },	   /* full */
	{ true, true, 'c', 1, 8, ACCESS_ALL },	   /* random */
	{ true, true, 'c', 1, 9, ACCESS_ALL },	   /* urandom */
	{ true, true, 'c', 5, 0, ACCESS_ALL },	   /* tty */
	{ true, true, 'c', 5, 2, ACCESS_ALL },	   /* ptmx */
	{ true, true, 'c', 136, ANY, ACCESS_ALL }, /* pts */
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int read_access(const char *text, unsigned int *ret)
{
	unsigned int access = 0;

	if (!text || !*text)
		text = "rwm";
	for (; *text; text++) {
		if (*text == 'r')
			access |= BPF_DEVCG_ACC_READ;
		else if (*text == 'w')
			access |= BPF_DEVCG_ACC_WRITE;
		else if (*text == 'm')
			access |= BPF_DEVCG_ACC_MKNOD;
		else
			return -EINVAL;
	}
	*ret = access;
	return 0;
}

static int read_number(const struct spec_i64 *number, int64_t max, int64_t *ret)
{
	int64_t value = number->is_set ? number->value : ANY;

	if (value < ANY || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int read_rule(const struct spec_device_rule *spec, size_t index,
	struct device_rule *ret, struct err *err)
{
	const char *type = str_empty(spec->type) ? "a" : spec->type;

	*ret = (struct device_rule){ .allow = spec->allow, .type = type[0] };
	if (type[1] || !strchr("abcup", type[0]))
		return err_say(err, EINVAL,
			"resources.devices[%zu]: type \"%s\" is none of a, b, c", index,
			type);
	if (type[0] == 'u')
		ret->type = 'c'; /* mknod(1)'s word for an unbuffered one */
	if (read_access(spec->access, &ret->access) < 0)
		return err_say(err, EINVAL,
			"resources.devices[%zu]: access \"%s\" has letters other than r, w, m",
			index, spec->access);
	if (read_number(&spec->major, MAJOR_MAX, &ret->major) < 0 ||
		read_number(&spec->minor, MINOR_MAX, &ret->minor) < 0)
		return err_say(err, EINVAL,
			"resources.devices[%zu]: no such device number", index);
	return 0;
}

static bool is_everything(const struct device_rule *rule)
{
	return rule->type == 'a' && rule->major == ANY && rule->minor == ANY &&
	       rule->access == ACCESS_ALL;
}

int device_rules_read(
	const struct spec_device_rules *spec, struct device_rules *ret, struct err *err)
{
	struct device_rules rules = { 0 };
	int r;

	rules.items = calloc(spec->count + COUNT(defaults), sizeof(*rules.items));
	if (!rules.items)
		return err_oom(err);
	for (size_t i = 0; i < spec->count; i++) {
		struct device_rule *rule = &rules.items[rules.count];

		r = read_rule(&spec->items[i], i, rule, err);
		if (r < 0) {
			device_rules_done(&rules);
			return r;
		}
		if (is_everything(rule)) {
			rules.is_allowed = rule->allow;
			rules.count = 0;
		} else if (rule->type != 'p') { /* a pipe is no device */
			rules.count++;
		}
	}
	if (!rules.is_allowed) {
		memcpy(&rules.items[rules.count], defaults, sizeof(defaults));
		rules.count += COUNT(defaults);
	}
	*ret = rules;
	return 0;
}

void device_rules_done(struct device_rules *rules)
{
	free(rules->items);
	*rules = (struct device_rules){ 0 };
}

static bool number_covers(int64_t wide, int64_t narrow)
{
	return wide == ANY || wide == narrow;
}

static bool covers(const struct device_rule *wide, const struct device_rule *narrow)
{
	return (wide->type == 'a' || wide->type == narrow->type) &&
	       number_covers(wide->major, narrow->major) &&
	       number_covers(wide->minor, narrow->minor);
}

static bool number_meets(int64_t a, int64_t b)
{
	return a == ANY || b == ANY || a == b;
}

static bool meets(const struct device_rule *a, const struct device_rule *b)
{
	return (a->type == 'a' || b->type == 'a' || a->type == b->type) &&
	       number_meets(a->major, b->major) && number_meets(a->minor, b->minor);
}

/* Takes `rule` back out of the exceptions before it. */
static int take_out(struct device_rules *rules, size_t count,
	const struct device_rule *rule, struct err *err)
{
	char wide[DEVICE_LINE_ROOM], narrow[DEVICE_LINE_ROOM];

	for (size_t i = 0; i < count; i++) {
		struct device_rule *e = &rules->items[i];

		if (covers(rule, e)) {
			e->access &= ~rule->access;
			continue;
		}
		if (!meets(rule, e) || !(rule->access & e->access))
			continue;
		device_rule_line(e, e->type, wide);
		device_rule_line(rule, rule->type, narrow);
		(void)err_say(err, ENOTSUP,
			"resources.devices: %s after %s cannot be had with cgroup v1",
			narrow, wide);
		return err_hint(
			err, "name the single devices instead, or boot with cgroup v2");
	}
	return 0;
}

int device_rules_flatten(struct device_rules *rules, struct err *err)
{
	size_t count = 0;
	int r;

	for (size_t i = 0; i < rules->count; i++) {
		struct device_rule rule = rules->items[i];

		if (rule.allow != rules->is_allowed) {
			rules->items[count++] = rule;
			continue;
		}
		r = take_out(rules, count, &rule, err);
		if (r < 0)
			return r;
	}
	rules->count = count;
	return 0;
}

static void put_number(int64_t number, char *ret, size_t room)
{
	if (number == ANY)
		(void)snprintf(ret, room, "*");
	else
		(void)snprintf(ret, room, "%" PRId64, number);
}

void device_rule_line(
	const struct device_rule *rule, char type, char ret[DEVICE_LINE_ROOM])
{
	char major[16], minor[16];

	put_number(rule->major, major, sizeof(major));
	put_number(rule->minor, minor, sizeof(minor));
	(void)snprintf(ret, DEVICE_LINE_ROOM, "%c %s:%s %s%s%s", type, major, minor,
		rule->access & BPF_DEVCG_ACC_READ ? "r" : "",
		rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		rule->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which device nodes a container may make, read and write: the specification's ordered
 * rules in the two forms that kernels take. v1 keeps a list of exceptions from "deny all"
 * or "allow all"; v2 runs a BPF program at each access.
 *
 * Whatever the rules say, a container starts from "deny all", and gets the harmless
 * devices that every container has in its /dev.
 */
#ifndef UCR_ISOLATORS_CGROUP_DEVICES_H
#define UCR_ISOLATORS_CGROUP_DEVICES_H

#include "common/err.h"
#include "common/spec-resources.h"

#include <linux/bpf.h>

struct device_rule {
	bool allow;
	bool is_default;      /* ours, not the specification's */
	char type;	      /* 'b', 'c', or 'a' for both */
	int64_t major, minor; /* -1: any */
	unsigned int access;  /* BPF_DEVCG_ACC_*: mknod, read, write */
};

struct device_rules {
	bool is_allowed;	   /* what happens to a device that no rule names */
	struct device_rule *items; /* later ones override earlier ones */
	size_t count;
};

/* Reads the rules, checks them, and drops what a later "everything" overrides. */
int device_rules_read(const struct spec_device_rules *spec, struct device_rules *ret,
	struct err *err) __attribute__((warn_unused_result));
void device_rules_done(struct device_rules *rules);

/*
 * Reduces the rules to exceptions from is_allowed, all of the opposite kind and in no
 * order. -ENOTSUP, said: an exception from an exception, which v1 cannot express.
 */
int device_rules_flatten(struct device_rules *rules, struct err *err)
	__attribute__((warn_unused_result));

#define DEVICE_LINE_ROOM 64
/* "c 1:3 rwm", for devices.allow and devices.deny. */
void device_rule_line(
	const struct device_rule *rule, char type, char ret[DEVICE_LINE_ROOM]);

/* The program: no loop, one forward branch from rule to rule, the last rule first. Heap
 * array.
 */
int device_program(const struct device_rules *rules, struct bpf_insn **ret,
	size_t *ret_count) __attribute__((warn_unused_result));

#endif

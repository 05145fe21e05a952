/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task may ask for: the object "policy" of the agent's settings. It allows; what it does
 * not name is refused, whoever asks and in whichever words, and by default it names nothing that
 * reaches the host.
 *
 * It is the engine that asks, of the options that a launch is about to be made with, and of what
 * they come to: a path of the host is opened without leaving, by a link, what is allowed, and it
 * is that descriptor which is mounted. Each member of struct run_options that can come from
 * outside has its rule in one table; one without a rule is refused.
 */
#ifndef UCR_AGENTD_POLICY_H
#define UCR_AGENTD_POLICY_H

#include "agentd/bundle.h"
#include "common/json-writer.h"

struct policy_path {
	char *path;
	char *mode; /* "ro" (also when missing), "rw" */
};

struct policy {
	strv capabilities; /* to add to the usual ones: "NET_RAW", "ALL" */
	strv userns;	   /* "auto", "host" */
	strv users;	   /* of tasks that have the host's ids: "1000-1999" */
	strv devices;	   /* "/dev/fuse[:rwm]" */
	strv sysctls;	   /* "net.core.somaxconn", "net.ipv4.*" */
	strv ulimits;  /* "nofile=1048576", "memlock=unlimited": the hard limit at most */
	strv apparmor; /* profiles */
	strv cgroup_parents; /* those, and what is below */
	struct {
		struct policy_path *items;
		size_t count;
	} host_paths;
	bool seccomp_unconfined, new_privileges, no_nesting;
	uint32_t pids; /* at most; 0: 32768 */
	const char *
		usual_userns; /* that tasks have who do not ask; borrowed, not of the JSON */
	char *log_size;	      /* all files of a log together, at most */
	char *shm_size;	      /* /dev/shm of a group of tasks, at most */
	uint64_t log_bytes, shm_bytes; /* the same */
};

/* NULL: the default. What is no member is an error, as in all settings. */
int policy_parse(const char *text, struct policy *ret, struct err *err)
	__attribute__((warn_unused_result));
void policy_write(struct json_writer *w, const char *key, const struct policy *policy);
void policy_done(struct policy *policy);

/* -EACCES: not allowed; `err` names the member and the rule, and says how to allow it. */
int policy_check(const struct policy *policy, const struct run_options *run,
	struct err *err) __attribute__((warn_unused_result));

/* The same of a further process in a container, which may have the host's ids; without a user it is
 * root. */
int policy_check_exec(const struct policy *policy, const struct run_options *run,
	bool has_host_ids, struct err *err) __attribute__((warn_unused_result));

/* The part of it that is about labels: those of the agent's own are nobody's to set. It opens
 * nothing, so the loop may ask it. */
int policy_check_labels(const struct run_options *run, struct err *err)
	__attribute__((warn_unused_result));

/* Opens a path of the host that a volume names, if it is allowed so. The descriptor (O_PATH). */
int policy_open_path(const struct policy *policy, const char *path, bool is_read_only,
	struct err *err) __attribute__((warn_unused_result));

/* The names of members that run_fields has and the table of rules has not; for its test. */
const char *policy_missing_rule(void);

#endif

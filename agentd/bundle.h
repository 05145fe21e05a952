/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an image and what a person asked for to the runtime's specification.
 *
 * The image supplies words (arguments, environment, a directory, a user), never decisions
 * about the host: no path, device, namespace, limit or annotation of ours can come from
 * it. Values are the text of the command line; errors name the option.
 */
#ifndef UCR_AGENTD_BUNDLE_H
#define UCR_AGENTD_BUNDLE_H

#include "agentd/engine.h"
#include "agentd/id-range.h"
#include "agentd/network.h"
#include "common/spec.h"
#include "images/image.h"
#include "isolators/isolator.h"

#define BUNDLE_PIDS_LIMIT 1024 /* unless --pids-limit says otherwise */
#define BUNDLE_LOG_SIZE "10m"  /* --log-max-size */
#define BUNDLE_LOG_FILES "3"   /* --log-max-files */

/* `run`'s options: strings as typed, NULL or empty when not given. Borrowed. */
struct run_options {
	const char *name;
	const char *fetch_cache_size;
	char *const *uris;	/* fetched into a sandbox; agentd/sandbox.h */
	char *const *command;	/* replaces the image's command when not empty */
	const char *entrypoint; /* NULL: the image's; "": none; a word or a JSON array */
	char *const *env;	/* "K=V", or "K" to take the caller's value */
	char *const *env_files, *const *env_removed; /* names: before env is looked at */
	char *const *labels;
	const char *workdir, *user, *hostname;
	bool is_interactive, has_terminal, is_detached, is_auto_removed, is_read_only;
	bool has_init, has_nesting, is_session, holds_group; /* launch-*.h */
	unsigned int rootfs_backend;			     /* enum rootfs_backend */

	char *const *volumes;	 /* "host:container[:options]" */
	char *const *tmpfs;	 /* "path[:options]" */
	char *const *secrets;	 /* "/path=BASE64": a file in memory */
	char *const *secret_env; /* "NAME=BASE64": a variable that nothing shows */
	char *const *devices;	 /* "host[:container[:rwm]]" */
	const char *shm_size;

	const char *memory, *memory_reservation, *memory_swap, *io_weight;
	const char *cpus, *cpu_shares, *cpuset_cpus, *cpuset_mems, *pids_limit;
	char *const *huge_pages;				  /* "2MB=64m" */
	char *const *device_read_bps, *const *device_write_bps;	  /* "/dev/sda:10m" */
	char *const *device_read_iops, *const *device_write_iops; /* "/dev/sda:100" */
	char *const *ulimits;					  /* "name=soft[:hard]" */
	char *const *sysctls;
	const char *cgroup_parent;
	char *const *cap_add, *const *cap_drop;
	char *const *security_opts; /* "seccomp=FILE", "no-new-privileges" */
	bool may_gain_privileges;   /* --no-new-privileges=false */
	const char *userns;	    /* "auto": ids of its own; NULL, "host": the host's */
	const char *id_range; /* "FIRST-LAST", where "auto" takes them; NULL: as usual */
	const char *network;  /* as network_choice_parse() has it */
	const char *network_pool, *network_rate_in, *network_rate_out; /* bytes/s */
	char *const *publish; /* "[address:][hostport:]port[/protocol]" */
	bool is_publish_all;  /* what the image exposes */
	char *const *dns;     /* addresses of name servers */

	const char *stop_signal, *stop_timeout, *log_max_size, *log_max_files;
	struct {
		uint16_t rows, columns;
	} terminal_size;
};

/* What the specification alone does not say. */
struct bundle {
	struct spec *spec;
	char *user;	   /* for struct runtime_request; NULL: root */
	strv labels;	   /* the image's, overridden by the request's */
	char *stop_signal; /* "SIGTERM" unless the image or the request say otherwise */
	uint64_t stop_timeout_ms;
	uint64_t log_max_bytes;
	uint32_t log_max_files;
};

void bundle_done(struct bundle *bundle);

struct bundle_request {
	const struct image *image;
	const struct run_options *options;
	const char *id;	       /* the container's */
	const char *dir_path;  /* its directory, for hosts, hostname and resolv.conf */
	const char *init_path; /* ucr-init, for has_init */
	bool is_rootless, has_names; /* its gateway answers names */
	bool has_own_ids;	     /* a user namespace made by root; bundle_set_ids() */
	const int *volume_fds; /* of options->volumes; -1: by its path; NULL: all are */
	const struct network *network; /* its place on a bridge, for hosts; NULL: none */
	struct notes *notes;
};

/* One that every container has unless it is taken away; without "CAP_". */
bool bundle_is_usual_capability(const char *name);
/* Whether a label would mean something to the runtime: nobody else may set it. */
bool bundle_is_reserved_label(const char *label);

int bundle_build(const struct bundle_request *request, struct bundle *ret,
	struct err *err) __attribute__((warn_unused_result));

/* The ids of has_own_ids, before anything is written. */
int bundle_set_ids(struct bundle *bundle, const struct id_range *ids, struct err *err)
	__attribute__((warn_unused_result));

/* Writes hosts, hostname and resolv.conf, which the specification mounts, to `dirfd`. */
int bundle_write_files(const struct bundle_request *request, const struct bundle *bundle,
	int dirfd, struct err *err) __attribute__((warn_unused_result));

/* Writes hosts again, of a container that exists, after its address has changed. */
int bundle_rewrite_hosts(int dirfd, const char *hostname, const struct network *network,
	struct err *err) __attribute__((warn_unused_result));

/* Applies env files, then assignments; "KEY" alone takes the caller's value. */
int bundle_env(char *const *files, char *const *assignments, strv *env, struct err *err)
	__attribute__((warn_unused_result));

#endif

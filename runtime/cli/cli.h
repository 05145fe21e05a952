/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command `ucr`: an OCI runtime as podman, containerd, docker and people call it. One file
 * a verb; this header is what they share.
 */
#ifndef UCR_RUNTIME_CLI_CLI_H
#define UCR_RUNTIME_CLI_CLI_H

#include "common/buf.h"
#include "common/options.h"
#include "isolators/isolator.h"
#include "runtime/runtime.h"

#include <signal.h>

#define CLI_EXIT_FAILED 1 /* what callers of OCI runtimes expect */

enum cli_log_format { CLI_LOG_TEXT, CLI_LOG_JSON };
enum cli_cgroup_manager { CLI_CGROUPFS, CLI_SYSTEMD };
enum cli_rootless { CLI_ROOTLESS_AUTO, CLI_ROOTLESS_TRUE, CLI_ROOTLESS_FALSE };

/* Options before the verb, and what verbs leave for the end. */
struct cli {
	const char *root;
	const char *log;
	unsigned int log_format, cgroup_manager, rootless;
	bool is_debug, is_systemd_cgroup, wants_version;
	struct notes notes;
	struct buf out; /* printed on stdout at the end */
};

/* verb_spec.section */
#define SECTION_CONTAINERS "Containers"
#define SECTION_OTHER "Other"

/* verb_spec.flags: creates or enters containers, so it must run from a protected copy. */
#define CLI_PROTECT 1U

extern const struct program_spec cli_program;
extern const struct verb_spec cli_create, cli_delete, cli_exec, cli_features, cli_help,
	cli_kill, cli_list, cli_man, cli_ps, cli_run, cli_spec, cli_start, cli_state,
	cli_version;

/* report.c: where errors and notes go: the --log file and, for people, stderr. */
void cli_report_error(const struct cli *cli, const char *verb, const struct err *err);
void cli_report_notes(const struct cli *cli);

/* directory.c: the directories of containers below --root. */
int cli_open_root(const struct cli *cli, bool create, struct err *err)
	__attribute__((warn_unused_result));
/* The fd of a container's directory. -ENOENT: "container does not exist". */
int cli_open_container(const struct cli *cli, const char *id, struct err *err)
	__attribute__((warn_unused_result));
/* Takes an id: makes its directory, which must not exist. */
int cli_make_container(const struct cli *cli, const char *id, struct err *err)
	__attribute__((warn_unused_result));
void cli_remove_container(const struct cli *cli, const char *id);
int cli_load_state(const struct cli *cli, const char *id, struct runtime_state *ret,
	struct err *err) __attribute__((warn_unused_result));
bool cli_is_rootless(const struct cli *cli);
/* The name of a uid, or its number. */
char *cli_user_name(uid_t uid) __attribute__((warn_unused_result));

/* bundle.c: config.json and the files a caller hands over by name. */
int cli_read_spec(int dirfd, const char *name, struct spec **ret, char **ret_text,
	size_t *ret_len, struct err *err) __attribute__((warn_unused_result));
int cli_write_pid_file(const char *path, pid_t pid, struct err *err)
	__attribute__((warn_unused_result));
/* LISTEN_FDS adds to --preserve-fds, and the program is told of it in `env`. */
int cli_preserve_fds(uint32_t count, strv *env, int *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Sends the terminal's master to whoever listens at `path`. */
int cli_send_console(const char *path, int console_fd, struct err *err)
	__attribute__((warn_unused_result));

/* launch.c: what create and run have in common. */
struct cli_launch {
	const char *bundle, *pid_file, *console_socket;
	bool no_pivot, no_new_keyring;
	uint32_t preserve_fds;
};
extern const struct option_spec cli_launch_options[];

struct cli_created {
	int dirfd; /* the container's directory */
	struct runtime_container container;
};
void cli_created_done(struct cli_created *created);

/* Creates the container of a bundle. With `start_later` another process starts it, else the
 * caller must. Leaves nothing when it fails. */
int cli_create_container(struct cli *cli, const struct cli_launch *launch, const char *id,
	bool start_later, struct cli_created *ret, struct err *err)
	__attribute__((warn_unused_result));
/* Ends and removes one whose creation went too far to be undone by itself. */
void cli_discard(struct cli *cli, const char *id, int dirfd);

/* foreground.c: blocks the signals that are passed on; before the process is cloned. */
void cli_block_signals(void);
/* Passes signals and, with console_fd >= 0, the terminal on until the process ends. Returns
 * its exit status as a shell counts (128 + signal). */
int cli_wait_foreground(int pidfd, int console_fd, struct err *err)
	__attribute__((warn_unused_result));

#endif

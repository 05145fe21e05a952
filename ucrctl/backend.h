/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who does what a verb asks for: the engine that is part of this program, on its own directory, or
 * an agent, by its socket. A verb asks by a table and shows what it is given; which of the two it
 * was is none of its business. What only one of them can do is not in the table: ctl_engine()
 * refuses it in words where it is the other's turn.
 *
 * The order in which one is chosen is told in ucrctl(1): --host, --root, UCR_HOST, then this host's
 * own directory, and where there is none that the caller could write, the agent that answers at
 * AGENT_SOCKET.
 */
#ifndef UCR_UCRCTL_BACKEND_H
#define UCR_UCRCTL_BACKEND_H

#include "agentd/container-measure.h"
#include "agentd/container.h"
#include "agentd/events.h"
#include "agentd/log.h"
#include "agentd/process.h"
#include "agentd/profile-container.h"
#include "ucrctl/ctl.h"
#include "ucrctl/host-check.h"
#include "ucrctl/obtain.h"
#include "ucrctl/run-task.h"
#include "ucrctl/running.h"

#define AGENT_SOCKET "/run/ucr/agent.sock"
#define HOST_VARIABLE "UCR_HOST"

/* Called for what is found out about what containers need; the finding stays the caller's. */
typedef int (*backend_finding_fn)(
	const struct finding *finding, void *arg, struct err *err);

/* 0 goes on; anything else ends reading and is returned. */
typedef int (*backend_line_fn)(const struct log_line *line, void *arg, struct err *err);

struct backend {
	/* Who it is, for `version` and `info`; of the version NULL where it is this program's own.
	 * Both are the caller's to free. */
	int (*identify)(
		struct ctl *ctl, char **ret_place, char **ret_version, struct err *err);
	int (*examine)(
		struct ctl *ctl, backend_finding_fn fn, void *arg, struct err *err);

	int (*find)(struct ctl *ctl, const char *reference, struct container **ret,
		struct err *err);
	int (*list)(struct ctl *ctl, struct container_list *ret, struct err *err);
	int (*inspect)(struct ctl *ctl, const struct container *container,
		struct json_writer *w, struct err *err);
	/* As agentd/container.h has them. */
	int (*kill)(struct ctl *ctl, struct container *container, int signal,
		struct err *err);
	int (*ask_to_stop)(struct ctl *ctl, struct container *container, int64_t grace_ms,
		int64_t *ret_deadline_ms, struct err *err);
	int (*stop)(struct ctl *ctl, struct container *container, int64_t deadline_ms,
		struct err *err);
	int (*wait)(struct ctl *ctl, struct container *container, struct err *err);
	int (*remove)(struct ctl *ctl, struct container *container, bool force,
		struct err *err);
	/* A heap array. */
	int (*list_processes)(struct ctl *ctl, struct container *container,
		struct process **ret, size_t *ret_count, struct err *err);

	int (*measure)(struct ctl *ctl, struct container *container,
		struct container_measure *ret, struct err *err);
	/* As agentd/profile-container.h has it, without is_stopped. */
	int (*profile)(struct ctl *ctl, struct container *container,
		const struct flame_options *options, struct buf *out,
		uint64_t *ret_samples, struct err *err);
	/* As agentd/events.h has it. */
	int (*read_events)(struct ctl *ctl, const struct events_options *options,
		events_fn fn, void *arg, struct err *err);
	/* Calls `fn` for each line of its log, waiting for more where that is asked for. */
	int (*read_log)(struct ctl *ctl, struct container *container,
		const struct log_options *options, backend_line_fn fn, void *arg,
		struct err *err);
	/* What `run` needs before anything is made. */
	int (*prepare)(struct ctl *ctl, const struct run_task *task,
		const struct run_verb *options, struct running *running, struct err *err);
	/* As launch_container() and launch_exec(), with their outcomes; notes are printed. */
	int (*run)(struct ctl *ctl, const char *image_name, const struct run_task *task,
		const struct run_verb *options, struct running *running, struct err *err);
	int (*exec)(struct ctl *ctl, struct container *container,
		const struct exec_options *options, struct running *running,
		struct err *err);
	int (*attach)(struct ctl *ctl, struct container *container, bool sends_signals,
		struct running *running, struct err *err);
	/* Its end was seen: cleans up, or waits until that is done, and fills container->end. */
	void (*settle)(struct ctl *ctl, struct running *running);
	/* The connection broke: 1, there is another; 0, running->container has ended. */
	int (*rejoin)(struct ctl *ctl, struct running *running, struct err *err);

	/* As images/store.h has them; what is inspected is told by name. */
	int (*list_images)(struct ctl *ctl, struct image_list *ret, struct err *err);
	/* One more name; a name or an image less, told in lines as store_untag() has them. */
	int (*tag)(struct ctl *ctl, const char *image, const char *name, struct err *err);
	int (*untag)(struct ctl *ctl, const char *name, bool is_forced, strv *ret_removed,
		struct err *err);
	int (*inspect_image)(struct ctl *ctl, const char *name, struct json_writer *w,
		struct err *err); /* or IMAGE_ABSENT */
	/* An archive; all names that its image has then are told. */
	int (*load)(struct ctl *ctl, const struct obtain *how, struct image **ret,
		struct err *err);
	int (*pull)(struct ctl *ctl, const struct obtain *how, struct image **ret,
		struct err *err);
};

extern const struct backend backend_local, backend_agent;

int backend_choose(struct ctl *ctl, const struct backend **ret, struct err *err)
	__attribute__((warn_unused_result));
/* The verb is not done by an agent. -ENOTSUP. */
int backend_refuse(const struct ctl *ctl, struct err *err);

#endif

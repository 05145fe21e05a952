/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent is asked to do: one struct and one table for both ends of agentd/agent-proto.h. */
#ifndef UCR_AGENTD_AGENT_CALL_H
#define UCR_AGENTD_AGENT_CALL_H

#include "agentd/docker-options.h"
#include "agentd/flame-options.h"
#include "agentd/task-spec.h"

struct agent_volume {
	char *name, *role;
	uint64_t bytes;
};

struct agent_call {
	uint64_t
		id; /* among those of one ucr-api; in the engine, of all (agentd/agent-scope.h) */
	const char *
		scope; /* the container whose socket it came to, its full id; NULL: the agent's
			    * own. Said by the engine, never by ucr-api. Borrowed */
	char *op;      /* "launch", as agentd/agent-ops.c lists them */
	strv parents; /* the names of those it is in, outermost first, below the scope's; "launch":
			* shall be in */
	bool is_nested;	 /* asked by a call that Mesos has for those in others */
	bool is_deep;	 /* "containers": also those in others */
	char *container; /* its name; of "find", what a person calls it */
	char *image;	 /* in a registry or in the store; NULL: the host's programs */
	char *platform;	 /* which of an index, as --platform has it; NULL: this host's */
	struct run_options run;
	struct docker_options docker;
	struct flame_options flame;
	uint32_t signal; /* 0: SIGKILL */
	char *timeout; /* how long it may take to end, as --timeout has it; NULL: its own */
	bool is_forced;	  /* what runs is killed first */
	bool is_attached; /* the answer flows: what goes in and comes out */
	/* By the engine itself, which never hears of these from outside; see struct launch_request. */
	bool is_labelled;
	const struct id_range *shared_ids;
	const struct container *holder;
	struct {
		bool is_followed;
		char *tail;	      /* so many lines at most; NULL: all */
		int64_t since, until; /* nanoseconds since the epoch; 0: no bound */
	} log;
	struct {
		char *path; /* "NAME/PATH", of a container's sandbox */
		uint64_t offset;
		uint64_t length; /* at most so many bytes */
		bool is_list;	 /* as the older of Mesos' two forms has it */
	} file;
	bool has_events_after; /* else those that are still to come */
	uint64_t events_after; /* the number of the last one that is known */
	struct task_specs tasks;
	bool is_group;	   /* they are one, else there is one */
	char *task, *uuid; /* of whom, and of which status */
	bool has_grace;
	uint64_t grace_ms;
	strv task_ids; /* NULL: all */
	struct {
		struct agent_volume *items;
		size_t count;
	} volumes; /* of what makes, grows and destroys them */
};

int agent_call_parse(const char *text, size_t len, struct agent_call *ret,
	struct err *err) __attribute__((warn_unused_result));
void agent_call_write(struct json_writer *w, const struct agent_call *call);
/*
 * What must hold of a call whoever made it: names that are names, a command where one is needed,
 * no files or variables of the agent's own, downloads by http and https alone. ucr-api asks to be
 * able to say what is wrong, the engine because it believes nobody.
 */
int agent_call_check(const struct agent_call *call, struct err *err)
	__attribute__((warn_unused_result));
/* Of what a container gets, wherever it was written down meanwhile. */
int agent_call_check_run(const struct agent_call *call, struct err *err)
	__attribute__((warn_unused_result));
void agent_call_done(struct agent_call *call);

/* How a failure is told to whoever asked: the status of HTTP, and {"error", "hint"}, with Docker's
 * "message" of both. */
uint32_t agent_error_status(int r);
/* The failure (-errno) that a status of 400 or more tells of, as far as it does. */
int agent_status_error(uint32_t status);
void agent_error_write(struct json_writer *w, const struct err *err);

#define cleanup_agent_call cleanup_with(agent_call_done)

#endif

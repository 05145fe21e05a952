/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened, one JSON object a line in <root>/events, appended by whoever did it:
 * {"seq":7,"time":"…","type":"die","id":"…","name":"…","image":"…","attributes":{…}}. The
 * file is bounded: past EVENTS_SIZE_MAX it becomes events.1 and a new one begins.
 *
 * Each has the number after the one before it, across files and restarts: who has seen one can ask
 * for what came after it. Appending takes a lock on the file for that.
 */
#ifndef UCR_AGENTD_EVENTS_H
#define UCR_AGENTD_EVENTS_H

#include "agentd/engine.h"
#include "common/str.h"

#define EVENTS_SIZE_MAX (4U << 20)

/* "create", "start", "exec", "oom", "kill", "stop", "die", "remove"; "import", "tag",
 * "untag", "gc" with the image's id. Strings may be NULL. */
struct event {
	uint64_t
		seq; /* from 1; 0: of a version that counted none. Given when appending */
	int64_t time; /* nanoseconds since the epoch; 0 when appending: now */
	const char *type;
	const char *id, *name, *image;
	strv attributes; /* "key=value" */
};

struct json_writer;
/* As it stands in the file. */
void event_write(struct json_writer *w, const struct event *event);

/* One write(2). A full disk loses an event, never the operation: nothing to check. */
void events_append(struct engine *engine, const struct event *event);

struct events_options {
	bool follow;
	int64_t since, until; /* 0: no bound; `until` also ends following */
	uint64_t after_seq;   /* only those with a greater number */
	int gone_fd; /* a pipe to write to: following ends when nobody reads it; 0: none */
};

/* 0 goes on; anything else ends reading and is returned. The event is the reader's. */
typedef int (*events_fn)(const struct event *event, void *arg);

/* One line of the file: `fn` is called, and what it returns is returned; 0 where the line is no
 * event, or not one that is wanted. */
int event_take_line(const struct events_options *options, const char *line, size_t len,
	events_fn fn, void *arg) __attribute__((warn_unused_result));

/* Calls `fn` for each event in order. With `follow` it then waits for more (inotify);
 * -EINTR when a signal handler ran meanwhile. Malformed lines are skipped. */
int events_read(struct engine *engine, const struct events_options *options, events_fn fn,
	void *arg, struct err *err) __attribute__((warn_unused_result));

#endif

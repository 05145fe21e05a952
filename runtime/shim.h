/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of ucr-shim: one small process per container (or per exec'ed process). It is
 * the parent of the task, holds its stdio and pidfd, keeps the log, serves attached
 * clients, writes down how the task ended, and then executes the clean-up unless its
 * foreground client does it.
 *
 *   task -> stream -> log, clients          shim-stream.c, shim-log.c
 *   clients -> input -> task                shim-client.c, shim-input.c
 */
#ifndef UCR_RUNTIME_SHIM_H
#define UCR_RUNTIME_SHIM_H

#include "common/loop.h"
#include "runtime/attach-proto.h"
#include "runtime/shim-log.h"

#include <stdbool.h>
#include <sys/types.h>

/* The arguments: "key=number" words (shim_config_parse), "--", the clean-up's argv. */
struct shim_config {
	int64_t dir_fd;	   /* the container's directory; -1: no log */
	int64_t record_fd; /* where the exit file is instead; -1: nowhere */
	int64_t pid_fd;
	int64_t listen_fd, client_fd;
	int64_t in_fd, out_fd, err_fd; /* our ends of the pipes */
	int64_t pty_fd;		       /* instead of them */
	int64_t log_bytes, log_files;
	int64_t net_fd;	    /* kept for the clean-up */
	int64_t stdin_once; /* the foreground client's end of input is the task's */
	int64_t session;    /* and so is that client's own end */
	char **cleanup;
};

struct shim_stream {
	struct shim *shim;
	struct loop_source *source; /* NULL: held back */
	int fd;
	enum attach_type type;
};

struct shim_input {
	struct shim *shim;
	struct loop_source *source; /* set while there is something pending */
	int fd;
	bool is_pty;
	bool is_ending; /* close once nothing is pending */
	char *pending;
	size_t len, sent;
};

struct shim_frame {
	struct shim_frame *next;
	enum attach_type type;
	size_t len;
	char data[];
};

struct shim_client {
	struct shim *shim;
	struct shim_client *next;
	struct loop_source *source;
	int fd;
	bool is_foreground;
	bool is_deaf; /* its end is closed: nothing more is sent */
	struct shim_frame *queue, **queue_tail;
	uint64_t dropped;
};

struct shim {
	struct shim_config config;
	struct loop *loop;
	struct shim_log log;
	struct shim_stream streams[2];
	struct shim_input input;
	struct shim_client *clients;
	struct attach_exit exit;
	bool has_exited;
	bool is_released;
	struct attach_frame frame; /* where everything passes through */
};

/* Streams: from the task to the log and the clients. */
int shim_streams_start(struct shim *shim);
void shim_streams_hold(struct shim *shim); /* the foreground client is behind */
void shim_stream_close(struct shim *shim, enum attach_type type);
int shim_streams_resume(struct shim *shim);
void shim_streams_drain(struct shim *shim); /* after the end: what the pipes still hold */

/* Input: from clients to the task. */
int shim_input_start(struct shim *shim);
int shim_input_write(struct shim *shim, const void *data, size_t len);
void shim_input_end(struct shim *shim);
void shim_input_stop(struct shim *shim);
bool shim_input_is_full(const struct shim *shim);
void shim_resize(struct shim *shim, const struct attach_size *size);

/* Clients. */
int shim_clients_start(struct shim *shim);
int shim_client_add(struct shim *shim, int fd, bool is_foreground);
void shim_clients_send(
	struct shim *shim, enum attach_type type, const void *data, size_t len);
int shim_clients_update(struct shim *shim); /* after the input filled up or emptied */
void shim_clients_finish(struct shim *shim);
bool shim_has_foreground(const struct shim *shim);

#endif

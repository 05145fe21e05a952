/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shim and its clients say to each other over SOCK_SEQPACKET: one frame a packet,
 * a type byte and a payload. Terminal output travels as STDOUT. The connection that
 * launched the container is its foreground client: its backpressure holds the task, all
 * others lose output when they are too slow and are told how much.
 */
#ifndef UCR_RUNTIME_ATTACH_PROTO_H
#define UCR_RUNTIME_ATTACH_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTACH_DATA_MAX 32768

enum attach_type {
	ATTACH_STDIN = 1, /* client: bytes; empty: end of input */
	ATTACH_STDOUT,	  /* shim: bytes */
	ATTACH_STDERR,	  /* shim: bytes */
	ATTACH_RESIZE,	  /* client: struct attach_size */
	ATTACH_DROPPED,	  /* shim: uint64_t, bytes this client lost */
	ATTACH_EXIT,	  /* shim: struct attach_exit; nothing follows but the close */
	ATTACH_DETACH,	  /* client: goes, and the task's input stays open */
	ATTACH_RELEASE,	  /* client, after EXIT: it does the clean-up, the shim may go */
	ATTACH_CLOSE, /* foreground client: nobody reads its STDOUT or STDERR (one byte) */
	ATTACH_SIGNAL, /* client: int32_t, for the first process */
	ATTACH_TYPE_COUNT
};

struct attach_size {
	uint16_t rows, columns;
};

struct attach_exit {
	int32_t status;	  /* as a shell counts */
	int32_t signal;	  /* 0: none */
	int64_t finished; /* nanoseconds since the epoch */
};

struct attach_frame {
	uint8_t type;
	char data[ATTACH_DATA_MAX];
};

bool attach_length_fits(uint8_t type, size_t len);

/* Sends one frame: 0, -EAGAIN on a full non-blocking socket, -EPIPE when the peer is
 * gone. */
int attach_send(int fd, enum attach_type type, const void *data, size_t len)
	__attribute__((warn_unused_result));

/* Receives one frame with a payload length that fits its type: 1, 0 at the end, -EAGAIN,
 * -EPROTO. */
int attach_recv(int fd, struct attach_frame *ret, size_t *ret_len)
	__attribute__((warn_unused_result));

#endif

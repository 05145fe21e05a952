/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error that a person can act on.
 *
 * Functions return 0 or -errno. One that can fail for outside reasons takes a
 * caller-owned `struct err *` last and fills it where the failure happened; callers
 * prefix what they were doing with err_wrap(). The struct has a fixed size and no
 * pointers, so it crosses a socket unchanged. NULL is accepted everywhere: the caller
 * then only sees the -errno.
 *
 * The text has no trailing newline or full stop. `hint`, when not empty, is one sentence
 * that says what to do.
 */
#ifndef UCR_COMMON_ERR_H
#define UCR_COMMON_ERR_H

#define ERR_TEXT_MAX 768
#define ERR_HINT_MAX 256

struct err {
	int code; /* a positive errno, 0 when nothing failed */
	char text[ERR_TEXT_MAX];
	char hint[ERR_HINT_MAX];
};

/* Sets "<text>: <strerror(code)>". Returns -code. A code of 0 or less counts as EIO. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets the text alone, for failures that errno's words would only blur. Returns -code. */
int err_say(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prefixes the text with "<text>: ". Returns -err->code, so `return err_wrap(err, …)`. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds the sentence that says what to do; the innermost hint stays. Returns -err->code.
 */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ENOMEM, said. Returns -ENOMEM. */
int err_oom(struct err *err);

/* Makes the error printable after it came from another process: terminates both strings.
 */
void err_seal(struct err *err);

#endif

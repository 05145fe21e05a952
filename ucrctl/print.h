/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for the person, on standard error. Everything is made printable first: names,
 * paths and messages come from images and containers and must not reach the terminal as
 * they are.
 */
#ifndef UCR_UCRCTL_PRINT_H
#define UCR_UCRCTL_PRINT_H

#include "common/buf.h"
#include "common/err.h"

/* "ucrctl: TEXT", or with a verb "ucrctl VERB: TEXT", and on its own line the hint. */
void print_err(const char *verb, const struct err *err);

/* "ucrctl: TEXT": something the person should know although nothing failed. */
void print_note(const char *text);

/* Appends `text` with control characters made visible. */
void print_text(struct buf *out, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The confinement of a program that speaks with servers. */
#ifndef UCR_IMAGES_FETCH_CONFINE_H
#define UCR_IMAGES_FETCH_CONFINE_H

#include "common/err.h"

#include <stdbool.h>

/*
 * Gives up everything but the network and the descriptors held: no privileges, no file but
 * those that names and certificates are looked up in (read-only), a system call filter. What the
 * kernel does not have is skipped; only a filter that cannot be loaded is an error.
 */
int fetch_confine(struct err *err) __attribute__((warn_unused_result));

#endif

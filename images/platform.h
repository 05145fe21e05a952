/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of several platforms an image is taken for: GOOS and GOARCH names, with variants.
 * A machine runs its own variant and the older ones, never a newer one.
 */
#ifndef UCR_IMAGES_PLATFORM_H
#define UCR_IMAGES_PLATFORM_H

#include "images/import.h"

/* `want` with what is NULL in it filled in from this host. The strings are constants or
 * want's. */
struct platform platform_resolve(const struct platform *want);

/*
 * How well `offer` suits a resolved `want`: 0 exactly, larger for older variants, -1 not
 * at all. A missing variant means the architecture's first ("" of amd64 is v1, of arm64
 * v8).
 */
int platform_distance(const struct platform *want, const struct platform *offer);

#define PLATFORM_TEXT_MAX 96
/* "linux/arm/v7"; returns `ret`. */
const char *platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX]);

#endif

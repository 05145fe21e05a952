/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault injection for tests: `UCR_FAIL=point[:n][:kill|eio|enospc|sleepMS|stop]` makes the
 * n-th (default first) passage of a named point die, fail, wait, or stop where it can be seen to
 * have come. A process counts its own passages and those before it was forked. Compiled in only with
 * ./configure --enable-fail-points; otherwise fail_point() is 0 and costs nothing.
 */
#ifndef UCR_COMMON_FAIL_H
#define UCR_COMMON_FAIL_H

#ifdef ENABLE_FAIL_POINTS
/* 0, or the -errno that the caller returns as if its next step had failed. */
int fail_point(const char *name) __attribute__((warn_unused_result));
#else
static inline int fail_point(const char *name)
{
	(void)name;
	return 0;
}
#endif

#endif

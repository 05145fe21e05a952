/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command with its output thrown away and prints what it cost on descriptor 3:
 * "STATUS WALL-NS CPU-US PEAK-KB". A small static program, because a process inherits the peak
 * memory of the one that forked it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long to_us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	long long start;
	int status, null;
	pid_t pid;

	if (argc < 2)
		return 2;
	start = now_ns();
	pid = vfork();
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)close(null);
		(void)close(3);
		(void)execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		return 1;
	dprintf(3, "%d %lld %lld %ld\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
		now_ns() - start, to_us(usage.ru_utime) + to_us(usage.ru_stime),
		usage.ru_maxrss);
	return 0;
}

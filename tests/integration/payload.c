/* SPDX-License-Identifier: Apache-2.0 */
/* What tests execute inside containers: one static program, its first argument says what. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int do_exit(char **args)
{
	return args[0] ? (int)strtol(args[0], NULL, 10) : 0;
}

static int do_id(char **args)
{
	gid_t groups[64];
	int n = getgroups(64, groups);
	mode_t mask = umask(0);

	printf("%u:%u", getuid(), getgid());
	for (int i = 0; i < n; i++)
		printf(" %u", groups[i]);
	printf(" umask=%03o pid=%d sid=%d\n", mask, getpid(), getsid(0));
	return 0;
}

/* Prints the lines of a file that begin with one of the words; all without words. */
static int do_cat(char **args)
{
	FILE *f = fopen(args[0], "re");
	char line[4096];

	if (!f) {
		perror(args[0]);
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		for (char **word = args + 1; *word || word == args + 1; word++) {
			if (!*word || strncmp(line, *word, strlen(*word)) == 0)
				fputs(line, stdout);
			if (!*word)
				break;
		}
	}
	fclose(f);
	return 0;
}

/* Fails, so that a hook's output is shown. */
static int do_caps(char **args)
{
	char line[256] = "";
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f) && strncmp(line, "CapEff:", 7) != 0)
		;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	printf("effective=%s\n", line[0] ? line + 8 : "?");
	return 1;
}

static int do_write(char **args)
{
	int fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, args[1], strlen(args[1])) < 0) {
		perror(args[0]);
		return 1;
	}
	return close(fd) < 0;
}

static int do_env(char **args)
{
	char cwd[4096];

	for (char **e = environ; *e; e++)
		puts(*e);
	printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)) ? cwd : strerror(errno));
	return 0;
}

static int do_fds(char **args)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] != '.' && strtol(e->d_name, NULL, 10) != dirfd(dir))
			printf("%s ", e->d_name);
	}
	puts("");
	return !dir;
}

static int do_host(char **args)
{
	struct utsname u;

	if (uname(&u) < 0)
		return 1;
	printf("%s %s\n", u.nodename, u.domainname);
	return 0;
}

static int do_tty(char **args)
{
	struct winsize size = { 0 };

	(void)ioctl(0, TIOCGWINSZ, &size);
	printf("tty=%s rows=%d columns=%d controlling=%d\n",
		isatty(0) ? ttyname(0) : "none", size.ws_row, size.ws_col,
		tcgetsid(0) == getsid(0));
	return 0;
}

static int do_limit(char **args)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	printf("%lu %lu\n", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
	return 0;
}

static volatile sig_atomic_t caught;

static void catch (int signal)
{
	caught = signal;
}

/* Says "ready" and exits with the number of the signal that comes; SIGKILL needs no help. */
static int do_wait(char **args)
{
	for (int i = 1; i < 32; i++)
		(void)signal(i, catch);
	(void)signal(SIGCHLD, SIG_DFL);
	puts("ready");
	fflush(stdout);
	while (!caught)
		(void)usleep(20000);
	return caught;
}

/* Children that only wait; then waits itself. */
static int do_family(char **args)
{
	for (long n = strtol(args[0], NULL, 10); n > 0; n--) {
		if (fork() == 0) {
			(void)setsid();
			for (;;)
				(void)pause();
		}
	}
	return do_wait(args);
}

/* How many processes it could fork, up to the number given. */
static int do_forks(char **args)
{
	long most = strtol(args[0], NULL, 10), n = 0;

	for (; n < most; n++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				(void)pause();
	}
	printf("%ld\n", n);
	return 0;
}

/* Touches so many MiB. */
static int do_alloc(char **args)
{
	size_t size = (size_t)strtol(args[0], NULL, 10) << 20;
	char *p = malloc(size);

	if (!p)
		return 1;
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	puts("allocated");
	return p[size - 1];
}

/* Makes a system call by number and prints its errno. */
static int do_syscall(char **args)
{
	long r = syscall(strtol(args[0], NULL, 10), -1, -1, -1, -1, -1, -1);

	printf("%d\n", r < 0 ? errno : 0);
	return 0;
}

/* Names that a profile has to find: compiled with frame pointers and without tail calls. */
static volatile unsigned long spun;

/* Makes a function keep its frame even if it calls nobody. */
static inline __attribute__((always_inline)) void keep_frame(void)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
}

static __attribute__((noinline)) void spin_inner(void)
{
	keep_frame();
	for (unsigned long i = 0; i < 3000000; i++)
		spun += i;
}

static __attribute__((noinline)) void spin_outer(void)
{
	keep_frame();
	spin_inner();
	spun++;
}

static __attribute__((noinline)) void spin_other(void)
{
	keep_frame();
	for (unsigned long i = 0; i < 600000; i++)
		spun ^= i;
}

/* For ever, or so many rounds. */
static int do_spin(char **args)
{
	long rounds = args[0] ? strtol(args[0], NULL, 10) : -1;

	for (; rounds; rounds -= rounds > 0) {
		spin_outer();
		spin_other();
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
} verbs[] = {
	{ "alloc", do_alloc },
	{ "caps", do_caps },
	{ "cat", do_cat },
	{ "env", do_env },
	{ "exit", do_exit },
	{ "family", do_family },
	{ "fds", do_fds },
	{ "forks", do_forks },
	{ "host", do_host },
	{ "id", do_id },
	{ "limit", do_limit },
	{ "spin", do_spin },
	{ "syscall", do_syscall },
	{ "tty", do_tty },
	{ "wait", do_wait },
	{ "write", do_write },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, argv[1]) == 0)
			return verbs[i].run(argv + 2);
	}
	fprintf(stderr, "payload: no such verb\n");
	return 64;
}

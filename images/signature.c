/* SPDX-License-Identifier: Apache-2.0 */
#include "images/signature.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYRING_MAX (8U << 20)
#define ANSWER_MAX (64U << 10)
#define MEMORY_MAX (512UL << 20)
#define NOBODY 65534
#define PROGRAM "gpgv"
#define STATUS_PREFIX "[GNUPG:] "

/* The signature and the keys as files that whoever runs gpgv may read. */
struct check {
	int keyring_fd, signature_fd, data_fd;
};

static int copy_file_whole(int fd, size_t max, const char *name, int *ret)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	/* One that was downloaded is at its end. */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	r = fd_read_all(fd, max, &text, &len);
	if (r < 0)
		return r;
	*ret = fd_memfd_sealed(name, text, len);
	return *ret < 0 ? *ret : 0;
}

static void limit(void)
{
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX }, none = { 0, 0 };

	(void)setrlimit(RLIMIT_AS, &memory);
	(void)setrlimit(RLIMIT_FSIZE, &none);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int leave_root(void)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return 0;
}

/* 3: the keyring, 4: the signature; everything else is closed. */
__attribute__((noreturn)) static void child(const struct check *check, int out_fd)
{
	static const char *const arguments[] = { PROGRAM, "--status-fd", "1", "--keyring",
		"/proc/self/fd/3", "/proc/self/fd/4", "-", NULL };
	static const char *const environment[] = { "LC_ALL=C", "GNUPGHOME=/nonexistent",
		NULL };
	int keyring = fcntl(check->keyring_fd, F_DUPFD, 10);
	int signature = fcntl(check->signature_fd, F_DUPFD, 10);
	int null_fd = open("/dev/null", O_WRONLY);

	if (keyring < 0 || signature < 0 || null_fd < 0 ||
		dup2(check->data_fd, STDIN_FILENO) < 0 ||
		dup2(out_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDERR_FILENO) < 0 ||
		dup2(keyring, 3) < 0 || dup2(signature, 4) < 0 ||
		close_range(5, ~0U, 0) < 0)
		_exit(126);
	(void)signal(SIGPIPE, SIG_DFL);
	limit();
	if (leave_root() < 0)
		_exit(126);
	/* execve(2) changes neither; its type is older than const. */
	(void)execvpe(PROGRAM, (char *const *)(uintptr_t)arguments,
		(char *const *)(uintptr_t)environment);
	_exit(127);
}

/* All that it says, as far as it is wanted: the rest is let go by, so that it ends. */
static int read_answer(int fd, struct buf *answer)
{
	char piece[4096];
	ssize_t n;

	for (;;) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : buf_finish(answer);
		if (answer->len + (size_t)n <= ANSWER_MAX)
			buf_put(answer, piece, (size_t)n);
	}
}

static int run_gpgv(
	const struct check *check, struct buf *answer, int *ret_status, struct err *err)
{
	cleanup_close int read_fd = -1, write_fd = -1;
	int pipe_fds[2], r;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "start " PROGRAM);
	read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start " PROGRAM);
	if (pid == 0)
		child(check, write_fd);
	(void)close(take_fd(&write_fd));
	r = read_answer(read_fd, answer);
	if (r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? err_set(err, -r, "listen to " PROGRAM) : 0;
}

/* "[GNUPG:] WORD …" */
static const char *find_word(const char *answer, const char *word)
{
	for (const char *at = answer; (at = strstr(at, STATUS_PREFIX));) {
		const char *rest;

		at += strlen(STATUS_PREFIX);
		rest = str_skip_prefix(at, word);
		if (rest && (*rest == ' ' || *rest == '\n' || !*rest))
			return *rest == ' ' ? rest + 1 : rest;
	}
	return NULL;
}

static const struct {
	const char *word, *text;
} faults[] = {
	{ "BADSIG", "the image is not what was signed" },
	{ "EXPSIG", "the signature has expired" },
	{ "EXPKEYSIG", "the key of the signature has expired" },
	{ "REVKEYSIG", "the key of the signature was revoked" },
	{ "NO_PUBKEY", "the signature is by a key that is not among the trusted ones" },
	{ "ERRSIG", "the signature cannot be checked" },
	{ "NODATA", "the signature file holds no signature" },
};

/* One good signature by a trusted key, and none that is not. */
static int judge(int status, const char *answer, struct err *err)
{
	char shown[64];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		(void)err_say(err, ENOENT,
			"the signature cannot be checked: there is no program " PROGRAM);
		return err_hint(err, "Install it (Debian: gpgv).");
	}
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const char *rest = find_word(answer, faults[i].word);
		cleanup_free char *key = NULL;

		if (!rest)
			continue;
		key = strndup(rest, strcspn(rest, " \n"));
		str_printable(key ? key : "", shown, sizeof(shown));
		return err_say(err, EBADMSG, "%s (%s)", faults[i].text, shown);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
		find_word(answer, "GOODSIG") && find_word(answer, "VALIDSIG"))
		return 0;
	return err_say(err, EBADMSG,
		"the signature is not good: " PROGRAM " ended by %s %d",
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int check_files(const struct check *check, struct err *err)
{
	cleanup_buf struct buf answer = BUF_INIT;
	int status = 0, r;

	r = run_gpgv(check, &answer, &status, err);
	return r < 0 ? r : judge(status, answer.data, err);
}

int signature_check(
	const char *keyring_path, int data_fd, int signature_fd, struct err *err)
{
	cleanup_close int file_fd = -1, keyring_fd = -1, copy_fd = -1, own_fd = -1;
	char path[PATH_OF_FD_MAX];
	int r;

	file_fd = open(keyring_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file_fd < 0)
		return err_set(err, errno, "open the trusted keys %s", keyring_path);
	r = copy_file_whole(file_fd, KEYRING_MAX, "keyring", &keyring_fd);
	if (r < 0)
		return err_set(err, -r, "read the trusted keys %s", keyring_path);
	r = copy_file_whole(signature_fd, SIGNATURE_MAX, "signature", &copy_fd);
	if (r < 0)
		return err_set(err, -r, "read the signature");
	/* With an offset of its own. */
	own_fd = open(path_of_fd(data_fd, path), O_RDONLY | O_CLOEXEC);
	if (own_fd < 0)
		return err_set(err, errno, "open the image once more");
	return check_files(&(struct check){ keyring_fd, copy_fd, own_fd }, err);
}

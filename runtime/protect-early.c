/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `ucr` begins, ahead of the C library.
 *
 * A program that protects itself is executed twice (runtime/protect.c), and to start the C
 * library takes longer than that: it asks the processor for its features, and in a virtual
 * machine each question is an exit to the host. So where the command line names a verb that
 * creates or enters containers, the first of the two goes no further than this.
 *
 * Nothing relies on it. What fails here, or is a case of its own (a normal user, a program
 * that runs from memory), is left to runtime_protect_self(), which decides, checks and tells.
 *
 * The C library is not ready: no errno, no stack protector, no function of its own. The
 * variables are few and small enough that the compiler needs no memset() for them.
 */
#include <stdbool.h>

#if defined(__x86_64__) || defined(__aarch64__)

#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

#define SELF "/proc/self/exe"

/* `stack` is what the kernel left on it: argc, the arguments, NULL, the environment. */
void protect_early(long *stack);

#if defined(__x86_64__)
__asm__(".text\n"
	".globl protect_entry\n"
	".type protect_entry, @function\n"
	"protect_entry:\n"
	"	xor %ebp, %ebp\n"
	"	push %rdx\n"
	"	lea 8(%rsp), %rdi\n"
	"	sub $8, %rsp\n"
	"	call protect_early\n"
	"	add $8, %rsp\n"
	"	pop %rdx\n"
	"	jmp _start\n"
	".size protect_entry, . - protect_entry\n");

static long ask(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}
#else
__asm__(".text\n"
	".globl protect_entry\n"
	".type protect_entry, %function\n"
	"protect_entry:\n"
	"	mov x19, x0\n"
	"	mov x0, sp\n"
	"	bl protect_early\n"
	"	mov x0, x19\n"
	"	b _start\n"
	".size protect_entry, . - protect_entry\n");

static long ask(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}
#endif

static bool is_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Good enough a guess: an option's value of that name costs an execution, no more. */
static bool names_protected_verb(char *const *argv)
{
	for (; *argv; argv++) {
		if (is_same(*argv, "run") || is_same(*argv, "create") ||
			is_same(*argv, "exec"))
			return true;
	}
	return false;
}

/* The kernel names a program that was executed by its descriptor "/dev/fd/N". */
static bool is_second_time(char *const *env)
{
	const unsigned long *aux;
	const char *name = "";

	while (*env)
		env++;
	aux = (const unsigned long *)(env + 1);
	for (; aux[0] != AT_NULL; aux += 2) {
		if (aux[0] == AT_EXECFN)
			name = (const char *)aux[1];
	}
	return name[0] == '/' && name[1] == 'd' && name[2] == 'e' && name[3] == 'v' &&
	       name[4] == '/' && name[5] == 'f' && name[6] == 'd' && name[7] == '/';
}

__attribute__((no_stack_protector)) void protect_early(long *stack)
{
	char **argv = (char **)(stack + 1);
	char **env = argv + stack[0] + 1;
	struct mount_attr attr;
	long fd;

	if (stack[0] < 2 || !names_protected_verb(argv + 1) || is_second_time(env))
		return;
	fd = ask(SYS_open_tree, AT_FDCWD, (long)SELF, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC,
		0, 0);
	if (fd < 0)
		return;
	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = attr.propagation = attr.userns_fd = 0;
	if (ask(SYS_mount_setattr, fd, (long)"", AT_EMPTY_PATH, (long)&attr,
		    sizeof(attr)) == 0)
		(void)ask(
			SYS_execveat, fd, (long)"", (long)argv, (long)env, AT_EMPTY_PATH);
	(void)ask(SYS_close, fd, 0, 0, 0, 0);
}

#endif

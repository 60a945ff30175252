/*
 * Runs a program to whom CLOCK_REALTIME is what a file says, as if somebody set the machine's clock:
 *
 *   set-clock FILE PROGRAM ARGUMENT ...
 *
 * FILE has a number of seconds, which are added from the next time on that the program asks. The vDSO,
 * by which it would ask without a system call, is hidden from it. Programs that it starts itself have
 * the machine's own clock. A signal for it has to be sent to the program itself.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(111);
}

static long peek(pid_t child, unsigned long at)
{
    errno = 0;
    long word = ptrace(PTRACE_PEEKDATA, child, (void *)at, NULL);

    if (errno)
        fail("peek");
    return word;
}

static void poke(pid_t child, unsigned long at, long word)
{
    if (ptrace(PTRACE_POKEDATA, child, (void *)at, (void *)word))
        fail("poke");
}

static struct __ptrace_syscall_info told(pid_t child)
{
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) <= 0)
        fail("system call");
    return info;
}

/* A new program's stack: count, arguments, 0, variables, 0, pairs of the auxiliary vector. */
static void hide_vdso(pid_t child)
{
    struct __ptrace_syscall_info info = told(child);
    unsigned long at = info.stack_pointer;

    at += 8 * (2 + (unsigned long)peek(child, at));
    while (peek(child, at))
        at += 8;
    for (at += 8; peek(child, at) != AT_NULL; at += 16)
        if (peek(child, at) == AT_SYSINFO_EHDR)
            poke(child, at, AT_IGNORE);
}

static long added(const char *file)
{
    char text[64] = "";
    FILE *open = fopen(file, "r");

    if (open) {
        if (!fgets(text, sizeof text, open))
            text[0] = 0;
        fclose(open);
    }
    return atol(text);
}

/* Told at the end of each system call. */
static void change_time(pid_t child, const char *file)
{
    static unsigned long number, clock, into;
    struct __ptrace_syscall_info info = told(child);

    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        number = info.entry.nr;
        clock = info.entry.args[0];
        into = info.entry.args[1];
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && number == SYS_clock_gettime &&
               clock == CLOCK_REALTIME && info.exit.rval == 0) {
        poke(child, into, peek(child, into) + added(file));
    }
}

int main(int argc, char **argv)
{
    int status, is_started = 0;
    pid_t child;

    if (argc < 3)
        return 111;
    child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            fail("trace");
        execvp(argv[2], argv + 2);
        fail(argv[2]);
    }
    for (;;) {
        if (waitpid(child, &status, 0) < 0)
            fail("wait");
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (WIFSIGNALED(status))
            return 128 + WTERMSIG(status);
        int sent = WSTOPSIG(status);

        if (!is_started) {
            ptrace(PTRACE_SETOPTIONS, child, NULL,
                   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
            hide_vdso(child);
            is_started = 1;
            sent = 0;
        } else if (sent == (SIGTRAP | 0x80)) {
            change_time(child, argv[1]);
            sent = 0;
        }
        ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)sent);
    }
}

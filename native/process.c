/* The process itself, and other programs. */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char **process_argv;
static mode_t inherited_umask;

static JSValue string_array(JSContext *ctx, char *const *strings)
{
    JSValue array = JS_NewArray(ctx);

    for (uint32_t i = 0; strings[i]; i++)
        JS_SetPropertyUint32(ctx, array, i, JS_NewString(ctx, strings[i]));
    return array;
}

static JSValue host_args(ARGS)
{
    UNUSED, (void)argv;
    return string_array(ctx, process_argv);
}

static JSValue host_environment(ARGS)
{
    UNUSED, (void)argv;
    return string_array(ctx, environ);
}

static JSValue host_getenv(ARGS)
{
    UNUSED;
    const char *name = JS_ToCString(ctx, argv[0]);
    const char *value;

    if (!name)
        return JS_EXCEPTION;
    value = getenv(name);
    JS_FreeCString(ctx, name);
    return value ? JS_NewString(ctx, value) : JS_UNDEFINED;
}

static JSValue host_getuid(ARGS)
{
    UNUSED, (void)argv;
    return result(ctx, getuid());
}

static JSValue host_getpid(ARGS)
{
    UNUSED, (void)argv;
    return result(ctx, getpid());
}

static JSValue host_exit(ARGS)
{
    UNUSED;
    int status = 1;

    if (get_ints(ctx, argv, 1, (int *[]){ &status }))
        return JS_EXCEPTION;
    _exit(status);
}

static JSValue host_monotonic(ARGS)
{
    UNUSED, (void)argv;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return JS_NewFloat64(ctx, (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6);
}

static JSValue host_boottime(ARGS)
{
    UNUSED, (void)argv;
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return JS_NewFloat64(ctx, (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6);
}

static JSValue host_realtime(ARGS)
{
    UNUSED, (void)argv;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return JS_NewFloat64(ctx, (double)now.tv_sec * 1e3 + (double)(now.tv_nsec / 1000000));
}

static JSValue host_timer(ARGS)
{
    UNUSED, (void)argv;
    return result(ctx, timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
}

/* At a time of CLOCK_BOOTTIME in milliseconds, or at once if that is past; 0 stops it. */
static JSValue host_setTimer(ARGS)
{
    UNUSED;
    int fd;
    double at;
    struct itimerspec when = { 0 };

    if (get_ints(ctx, argv, 1, (int *[]){ &fd }) || JS_ToFloat64(ctx, &at, argv[1]))
        return JS_EXCEPTION;
    when.it_value.tv_sec = (time_t)(at / 1e3);
    when.it_value.tv_nsec = (long)((at - (double)when.it_value.tv_sec * 1e3) * 1e6);
    return result(ctx, timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL));
}

/* Signals 1 to 31, by the bits of a mask. */
static sigset_t signal_set(int mask)
{
    sigset_t set;

    sigemptyset(&set);
    for (int number = 1; number < 32; number++)
        if ((uint32_t)mask >> number & 1)
            sigaddset(&set, number);
    return set;
}

WITH_INT(mask, blockSignals, sigprocmask(SIG_BLOCK, &(sigset_t[]){ signal_set(mask) }[0], NULL))
WITH_INT(mask, signalEvents,
         signalfd(-1, &(sigset_t[]){ signal_set(mask) }[0], SFD_NONBLOCK | SFD_CLOEXEC))

WITH_INT(count, limitDescriptors,
         setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)count, (rlim_t)count }))

static JSValue host_random(ARGS)
{
    UNUSED;
    size_t length;
    uint8_t *bytes = get_bytes(ctx, argv[0], &length);

    return bytes ? result(ctx, getrandom(bytes, length, 0)) : JS_EXCEPTION;
}

static JSValue host_pipe(ARGS)
{
    UNUSED;
    size_t length;
    int *fds = (int *)(void *)get_bytes(ctx, argv[0], &length);

    if (!fds)
        return JS_EXCEPTION;
    return length < 2 * sizeof *fds ? JS_NewInt32(ctx, -EINVAL) : result(ctx, pipe2(fds, O_CLOEXEC));
}

static JSValue host_memoryFile(ARGS)
{
    UNUSED, (void)argv;
    return result(ctx, memfd_create("stdin", MFD_CLOEXEC));
}

/*
 * The child's half of spawn. It shares our memory (vfork), so it only makes system calls. It dies
 * with us: what it did after our death, nobody would know of and take back.
 */
static int become(const char *path, char *const *args, char *const *env, const int *fds)
{
    for (int fd = 0; fd < 3; fd++)
        if (dup2(fds[fd], fd) < 0)
            _exit(127);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    umask(inherited_umask);
    execve(path, args, env);
    return errno;
}

static JSValue host_spawn(ARGS)
{
    UNUSED;
    size_t length;
    const char *path = get_path(ctx, argv[0]);
    int *fds = (int *)(void *)get_bytes(ctx, argv[3], &length);
    char **args, **env;
    volatile int failure = 0;
    pid_t pid;

    if (!path || !fds || length < 3 * sizeof *fds)
        return path && fds ? JS_NewInt32(ctx, -EINVAL) : JS_EXCEPTION;
    args = get_strings(ctx, argv[1]);
    env = get_strings(ctx, argv[2]);
    pid = args && env ? vfork() : -1;
    if (pid == 0) {
        failure = become(path, args, env, fds);
        _exit(127);
    }
    if (pid > 0 && failure) {
        waitpid(pid, NULL, 0);
        errno = failure;
        pid = -1;
    }
    free_strings(args);
    free_strings(env);
    JS_FreeCString(ctx, path);
    return result(ctx, pid);
}

WITH_INT(pid, processHandle, syscall(SYS_pidfd_open, pid, 0))
WITH_INTS(pid, number, kill, kill(pid, number))

/* The wait status of an ended child: its exit status, or 256 + the signal that ended it. */
static JSValue host_wait(ARGS)
{
    UNUSED;
    int pid, status = 0;

    if (get_ints(ctx, argv, 1, (int *[]){ &pid }))
        return JS_EXCEPTION;
    if (waitpid(pid, &status, 0) < 0)
        return result(ctx, -1);
    return JS_NewInt32(ctx, WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status));
}

void host_set_args(char **args)
{
    process_argv = args;
}

/*
 * What we make has the mode that its maker names, whatever the runtime's umask: no mode named here
 * lets others write, and a socket, for which bind(2) takes no mode, is 0755. Programs that we run
 * get the runtime's own (become).
 */
void host_set_umask(void)
{
    inherited_umask = umask(S_IWGRP | S_IWOTH);
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(args, 0),
    FUNCTION(environment, 0),
    FUNCTION(getenv, 1),
    FUNCTION(getuid, 0),
    FUNCTION(getpid, 0),
    FUNCTION(exit, 1),
    FUNCTION(monotonic, 0),
    FUNCTION(boottime, 0),
    FUNCTION(realtime, 0),
    FUNCTION(timer, 0),
    FUNCTION(setTimer, 2),
    FUNCTION(blockSignals, 1),
    FUNCTION(signalEvents, 1),
    FUNCTION(limitDescriptors, 1),
    FUNCTION(random, 1),
    FUNCTION(pipe, 1),
    FUNCTION(memoryFile, 0),
    FUNCTION(spawn, 4),
    FUNCTION(processHandle, 1),
    FUNCTION(kill, 2),
    FUNCTION(wait, 1),
};

const struct functions process_functions = { entries, sizeof entries / sizeof *entries };

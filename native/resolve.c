/*
 * Names to addresses. The C library's resolver may wait for seconds, so it does in a child, which
 * writes what it found to a pipe and ends: 4 or 16 and an address, again and again, then 0 and why
 * there are none (EAI_*, 0 if all went well).
 */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_ADDRESSES = 16 };

static size_t append_address(uint8_t *into, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        into[0] = 4;
        memcpy(into + 1, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return 5;
    }
    into[0] = 16;
    memcpy(into + 1, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    return 17;
}

/* The connections that the child has of us would stay open with it. */
static _Noreturn void find(const char *name, int fd)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    uint8_t answer[MOST_ADDRESSES * 17 + 2];
    size_t length = 0;
    int fault, count = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(fd, STDIN_FILENO) < 0)
        _exit(1);
    syscall(SYS_close_range, 3, ~0U, 0);
    fault = getaddrinfo(name, NULL, &hints, &found);
    for (struct addrinfo *each = found; each && count < MOST_ADDRESSES; each = each->ai_next)
        if (each->ai_family == AF_INET || each->ai_family == AF_INET6)
            length += append_address(answer + length, each->ai_addr), count++;
    answer[length] = 0;
    answer[length + 1] = (uint8_t)(fault < 0 ? -fault : fault);
    _exit(write(STDIN_FILENO, answer, length + 2) < 0);
}

/* Fills the child's pid, and a descriptor to read from. */
static JSValue host_resolve(ARGS)
{
    UNUSED;
    size_t length;
    int fds[2], error;
    const char *name = get_path(ctx, argv[0]);
    int *into = name ? (int *)(void *)get_bytes(ctx, argv[1], &length) : NULL;
    pid_t pid = -1;

    if (!into || length < 2 * sizeof *into) {
        JS_FreeCString(ctx, name);
        return into ? JS_NewInt32(ctx, -EINVAL) : JS_EXCEPTION;
    }
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0) {
        pid = fork();
        if (pid == 0)
            find(name, fds[1]);
        error = errno;
        close(fds[1]);
        if (pid < 0)
            close(fds[0]);
        errno = error;
    }
    JS_FreeCString(ctx, name);
    if (pid > 0)
        into[0] = pid, into[1] = fds[0];
    return result(ctx, pid < 0 ? -1 : 0);
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(resolve, 2),
};

const struct functions resolve_functions = { entries, sizeof entries / sizeof *entries };

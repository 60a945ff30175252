/* Sockets, and network namespaces: enter, make one thing, come home before anything else runs. */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_GET_NSTYPE 0xb703 /* _IO(0xb7, 3), linux/nsfs.h */
#define NETLINK_LISTEN_ALL_NSID 8 /* linux/netlink.h */

static JSValue host_socket(ARGS)
{
    UNUSED;
    int domain, type, protocol;

    if (get_ints(ctx, argv, 3, (int *[]){ &domain, &type, &protocol }))
        return JS_EXCEPTION;
    return result(ctx, socket(domain, type | SOCK_CLOEXEC, protocol));
}

WITH_BYTES(bind, bind(fd, (struct sockaddr *)(void *)bytes, length))
WITH_BYTES(connect, connect(fd, (struct sockaddr *)(void *)bytes, length))
WITH_INT(fd, listen, listen(fd, 128))
WITH_INTS(fd, flags, accept, accept4(fd, NULL, NULL, flags | SOCK_CLOEXEC))

static JSValue host_setOption(ARGS)
{
    UNUSED;
    int fd, level, name, value;

    if (get_ints(ctx, argv, 4, (int *[]){ &fd, &level, &name, &value }))
        return JS_EXCEPTION;
    return result(ctx, setsockopt(fd, level, name, &value, sizeof value));
}

/* An option of the socket itself (SOL_SOCKET), as bytes. */
WITH_BYTES_AND(name, socketOption,
               getsockopt(fd, SOL_SOCKET, name, bytes, &(socklen_t){ (socklen_t)length }))
WITH_BYTES(send, send(fd, bytes, length, MSG_NOSIGNAL))
WITH_BYTES_AND(flags, receive, recv(fd, bytes, length, flags))

/* Waits until one of the descriptors can be read; an Int32Array of descriptors, -1 is skipped. */
static JSValue host_poll(ARGS)
{
    UNUSED;
    size_t length;
    int milliseconds, ready = 0;
    int *fds = (int *)(void *)get_bytes(ctx, argv[0], &length);
    struct pollfd set[8];
    nfds_t count = length / sizeof *fds;

    if (!fds || get_ints(ctx, argv + 1, 1, (int *[]){ &milliseconds }))
        return JS_EXCEPTION;
    if (count > 8)
        return JS_NewInt32(ctx, -EINVAL);
    for (nfds_t i = 0; i < count; i++)
        set[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
    if (poll(set, count, milliseconds) < 0)
        return result(ctx, -1);
    for (nfds_t i = 0; i < count; i++)
        ready |= set[i].revents ? 1 << i : 0;
    return JS_NewInt32(ctx, ready);
}

/* struct sock_fprog of linux/filter.h: how many instructions, of 8 bytes each, and where. */
struct filter_program {
    unsigned short count;
    const void *instructions;
};

WITH_BYTES(attachFilter,
           setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER,
                      &(struct filter_program){ (unsigned short)(length / 8), bytes },
                      sizeof(struct filter_program)))

/* The number of the namespace that a netlink message is of (NETLINK_LISTEN_ALL_NSID); -1 without. */
static int nsid_of(struct msghdr *message)
{
    int nsid = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
            memcpy(&nsid, CMSG_DATA(c), sizeof nsid);
    return nsid;
}

static JSValue host_receiveOfNamespace(ARGS)
{
    UNUSED;
    int fd;
    size_t length, room;
    ssize_t received;
    uint8_t *bytes = get_bytes(ctx, argv[1], &length);
    int *nsid = bytes ? (int *)(void *)get_bytes(ctx, argv[2], &room) : NULL;
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { .iov_base = bytes, .iov_len = length };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
                              .msg_control = control, .msg_controllen = sizeof control };

    if (!nsid || get_ints(ctx, argv, 1, (int *[]){ &fd }))
        return JS_EXCEPTION;
    if (room < sizeof *nsid)
        return JS_NewInt32(ctx, -EINVAL);
    received = recvmsg(fd, &message, MSG_DONTWAIT);
    if (received >= 0)
        *nsid = nsid_of(&message);
    return result(ctx, received);
}

static JSValue host_epoll(ARGS)
{
    UNUSED, (void)argv;
    return result(ctx, epoll_create1(EPOLL_CLOEXEC));
}

/* The descriptor itself is what epoll_wait tells of it. */
static JSValue host_epollControl(ARGS)
{
    UNUSED;
    int epoll, operation, fd, events;
    struct epoll_event event = { 0 };

    if (get_ints(ctx, argv, 4, (int *[]){ &epoll, &operation, &fd, &events }))
        return JS_EXCEPTION;
    event.events = (uint32_t)events;
    event.data.fd = fd;
    return result(ctx, epoll_ctl(epoll, operation, fd, &event));
}

#define MOST_EVENTS 64

/* Fills a descriptor and its events for each that is ready; returns how many these are. */
static JSValue host_epollWait(ARGS)
{
    UNUSED;
    size_t length;
    int epoll, milliseconds, count;
    int *into = (int *)(void *)get_bytes(ctx, argv[1], &length);
    struct epoll_event events[MOST_EVENTS];
    size_t room = length / (2 * sizeof *into);

    if (!into || get_ints(ctx, argv, 1, (int *[]){ &epoll }) ||
        get_ints(ctx, argv + 2, 1, (int *[]){ &milliseconds }))
        return JS_EXCEPTION;
    count = epoll_wait(epoll, events, room < MOST_EVENTS ? (int)room : MOST_EVENTS, milliseconds);
    for (int i = 0; i < count; i++) {
        into[2 * i] = events[i].data.fd;
        into[2 * i + 1] = (int)events[i].events;
    }
    return result(ctx, count);
}

static int home = -1;

/* Being unable to return would let the caller act in the wrong namespace: the process ends. */
static long go_home(long value)
{
    int error = errno;

    for (int attempt = 0; setns(home, CLONE_NEWNET) < 0; attempt++)
        if (attempt == 3)
            abort();
    errno = error;
    return value;
}

static int enter(int netns)
{
    if (home < 0)
        home = open_file("/proc/self/ns/net", O_RDONLY, 0);
    return home < 0 ? -1 : setns(netns, CLONE_NEWNET);
}

static JSValue host_socketIn(ARGS)
{
    UNUSED;
    int netns, domain, type, protocol;

    if (get_ints(ctx, argv, 4, (int *[]){ &netns, &domain, &type, &protocol }))
        return JS_EXCEPTION;
    if (enter(netns) < 0)
        return result(ctx, -1);
    return result(ctx, go_home(socket(domain, type | SOCK_CLOEXEC, protocol)));
}

/* Leaves namespaces for new ones, for good: home is the new one then (unshare(2)). */
static JSValue host_unshare(ARGS)
{
    UNUSED;
    int flags;

    if (get_ints(ctx, argv, 1, (int *[]){ &flags }))
        return JS_EXCEPTION;
    if (home >= 0)
        close(home);
    home = -1;
    return result(ctx, unshare(flags));
}

/* What kind of namespace a descriptor holds, as a CLONE_NEW* flag (ioctl_ns(2)). */
WITH_INT(fd, namespaceType, ioctl(fd, NS_GET_NSTYPE))

static JSValue host_openIn(ARGS)
{
    UNUSED;
    int netns, flags;
    const char *path = get_path(ctx, argv[1]);
    JSValue outcome;

    if (!path || get_ints(ctx, argv, 1, (int *[]){ &netns }) ||
        get_ints(ctx, argv + 2, 1, (int *[]){ &flags }))
        return JS_EXCEPTION;
    if (enter(netns) < 0)
        outcome = result(ctx, -1);
    else
        outcome = result(ctx, go_home(open_file(path, flags, 0)));
    JS_FreeCString(ctx, path);
    return outcome;
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(socket, 3),
    FUNCTION(bind, 2),
    FUNCTION(connect, 2),
    FUNCTION(listen, 1),
    FUNCTION(accept, 2),
    FUNCTION(setOption, 4),
    FUNCTION(socketOption, 3),
    FUNCTION(send, 2),
    FUNCTION(receive, 3),
    FUNCTION(poll, 2),
    FUNCTION(attachFilter, 2),
    FUNCTION(receiveOfNamespace, 3),
    FUNCTION(epoll, 0),
    FUNCTION(epollControl, 4),
    FUNCTION(epollWait, 3),
    FUNCTION(socketIn, 4),
    FUNCTION(unshare, 1),
    FUNCTION(namespaceType, 1),
    FUNCTION(openIn, 3),
};

const struct functions socket_functions = { entries, sizeof entries / sizeof *entries };

/* Mounts of this process's mount namespace: each function follows mount(2) and its like. */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static JSValue host_mount(ARGS)
{
    UNUSED;
    int flags, outcome = -1;
    const char *source = get_path(ctx, argv[0]);
    const char *target = source ? get_path(ctx, argv[1]) : NULL;
    const char *type = target ? get_path(ctx, argv[2]) : NULL;
    const char *data = type ? get_path(ctx, argv[4]) : NULL;
    int isRight = data && !get_ints(ctx, argv + 3, 1, (int *[]){ &flags });

    if (isRight)
        outcome = mount(source, target, type, (unsigned long)flags, data);
    int error = errno;
    JS_FreeCString(ctx, source);
    JS_FreeCString(ctx, target);
    JS_FreeCString(ctx, type);
    JS_FreeCString(ctx, data);
    errno = error;
    return isRight ? result(ctx, outcome) : JS_EXCEPTION;
}

/* struct mount_attr, linux/mount.h */
struct attributes {
    uint64_t set, clear, propagation, userns_fd;
};

/* Attributes of a mount, and with AT_RECURSIVE of all below it, set and cleared (Linux 5.12). */
static JSValue host_setMountAttributes(ARGS)
{
    UNUSED;
    int flags, set, clear, outcome;
    const char *path = get_path(ctx, argv[0]);

    if (!path || get_ints(ctx, argv + 1, 3, (int *[]){ &flags, &set, &clear })) {
        JS_FreeCString(ctx, path);
        return JS_EXCEPTION;
    }
    struct attributes attributes = { .set = (uint64_t)set, .clear = (uint64_t)clear };
    outcome = (int)syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof attributes);
    int error = errno;
    JS_FreeCString(ctx, path);
    errno = error;
    return result(ctx, outcome);
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(mount, 5),
    FUNCTION(setMountAttributes, 4),
};

const struct functions mount_functions = { entries, sizeof entries / sizeof *entries };

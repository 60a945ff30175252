/* Files: each function follows open(2), stat(2) and their like. */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Two flags are not the same for all processors; TypeScript has those of asm-generic/fcntl.h. */
static int flags_here(int flags)
{
    enum { DIRECTORY = 0200000, NOFOLLOW = 0400000 };
    int others = flags & ~(DIRECTORY | NOFOLLOW);

    return others | (flags & DIRECTORY ? O_DIRECTORY : 0) | (flags & NOFOLLOW ? O_NOFOLLOW : 0);
}

/* open(2) without the fcntl(2) that the C library adds for kernels of 2007. */
long open_file(const char *path, int flags, int mode)
{
    return syscall(SYS_openat, AT_FDCWD, path, flags_here(flags) | O_CLOEXEC | O_LARGEFILE, mode);
}

static JSValue host_open(ARGS)
{
    UNUSED;
    int flags, mode;
    long fd;
    const char *path = get_path(ctx, argv[0]);

    if (!path || get_ints(ctx, argv + 1, 2, (int *[]){ &flags, &mode }))
        return JS_EXCEPTION;
    fd = open_file(path, flags, mode);
    JS_FreeCString(ctx, path);
    return result(ctx, fd);
}

WITH_INT(fd, close, close(fd))
WITH_BYTES(read, read(fd, bytes, length))
WITH_BYTES(write, write(fd, bytes, length))
WITH_BYTES_AND(offset, readAt, pread(fd, bytes, length, offset))
WITH_BYTES_AND(offset, writeAt, pwrite(fd, bytes, length, offset))
WITH_INTS(fd, offset, seek, lseek(fd, offset, SEEK_SET))
WITH_INT(fd, fsync, fsync(fd))
WITH_INTS(fd, length, truncate, ftruncate(fd, length))
WITH_INTS(fd, operation, flock, flock(fd, operation))

/* With a structure, which the kernel reads and may fill: all bytes that the request takes. */
static JSValue host_ioctl(ARGS)
{
    UNUSED;
    int fd, request;
    size_t length;
    uint8_t *bytes = get_bytes(ctx, argv[2], &length);

    if (!bytes || get_ints(ctx, argv, 2, (int *[]){ &fd, &request }))
        return JS_EXCEPTION;
    return result(ctx, ioctl(fd, request, bytes));
}

/* With a number. */
static JSValue host_ioctlNumber(ARGS)
{
    UNUSED;
    int fd, request, number;

    if (get_ints(ctx, argv, 3, (int *[]){ &fd, &request, &number }))
        return JS_EXCEPTION;
    return result(ctx, ioctl(fd, request, (long)number));
}

/*
 * Fills a Float64Array: device, inode, mode, size, seconds and nanoseconds of last change, user,
 * group, names; as far as it has room.
 */
static JSValue stat_result(JSContext *ctx, long outcome, const struct stat *st, JSValueConst into)
{
    size_t length;
    int error = errno;
    double *fields = (double *)(void *)get_bytes(ctx, into, &length);
    const double values[] = { (double)st->st_dev,  (double)st->st_ino,          (double)st->st_mode,
                              (double)st->st_size, (double)st->st_mtim.tv_sec,
                              (double)st->st_mtim.tv_nsec, (double)st->st_uid,
                              (double)st->st_gid,  (double)st->st_nlink };

    if (!fields)
        return JS_EXCEPTION;
    if (outcome == 0)
        memcpy(fields, values, length < sizeof values ? length : sizeof values);
    errno = error;
    return result(ctx, outcome);
}

static JSValue stat_path(JSContext *ctx, JSValueConst *argv, int flags)
{
    struct stat st = { 0 };
    const char *path = get_path(ctx, argv[0]);
    int outcome;

    if (!path)
        return JS_EXCEPTION;
    outcome = fstatat(AT_FDCWD, path, &st, flags);
    JS_FreeCString(ctx, path);
    return stat_result(ctx, outcome, &st, argv[1]);
}

static JSValue host_stat(ARGS)
{
    UNUSED;
    return stat_path(ctx, argv, 0);
}

static JSValue host_lstat(ARGS)
{
    UNUSED;
    return stat_path(ctx, argv, AT_SYMLINK_NOFOLLOW);
}

static JSValue host_readlink(ARGS)
{
    UNUSED;
    size_t length;
    char *bytes = (char *)get_bytes(ctx, argv[1], &length);
    const char *path = get_path(ctx, argv[0]);
    ssize_t outcome;

    if (!bytes || !path) {
        JS_FreeCString(ctx, path);
        return JS_EXCEPTION;
    }
    outcome = readlink(path, bytes, length);
    JS_FreeCString(ctx, path);
    return result(ctx, outcome);
}

static JSValue host_fstat(ARGS)
{
    UNUSED;
    struct stat st = { 0 };
    int fd;

    if (get_ints(ctx, argv, 1, (int *[]){ &fd }))
        return JS_EXCEPTION;
    return stat_result(ctx, fstat(fd, &st), &st, argv[1]);
}

static JSValue host_filesystemType(ARGS)
{
    UNUSED;
    struct statfs st;
    int fd;

    if (get_ints(ctx, argv, 1, (int *[]){ &fd }))
        return JS_EXCEPTION;
    return fstatfs(fd, &st) < 0 ? result(ctx, -1) : JS_NewInt64(ctx, (uint32_t)st.f_type);
}

WITH_PATH_AND(mode, access, access(path, mode))
WITH_PATH_AND(mode, mkdir, mkdir(path, mode))

/* Two paths, one system call. */
static JSValue on_two_paths(JSContext *ctx, JSValueConst *argv, int (*call)(const char *, const char *))
{
    const char *from = get_path(ctx, argv[0]);
    const char *to = from ? get_path(ctx, argv[1]) : NULL;
    JSValue outcome = to ? result(ctx, call(from, to)) : JS_EXCEPTION;

    JS_FreeCString(ctx, from);
    JS_FreeCString(ctx, to);
    return outcome;
}

static JSValue host_rename(ARGS)
{
    UNUSED;
    return on_two_paths(ctx, argv, rename);
}

static JSValue host_link(ARGS)
{
    UNUSED;
    return on_two_paths(ctx, argv, link);
}

/* Gives a file without a name (O_TMPFILE) its name; EEXIST if the name is taken. */
static JSValue host_linkDescriptor(ARGS)
{
    UNUSED;
    int fd, outcome;
    char source[32];
    const char *path = get_path(ctx, argv[1]);

    if (!path || get_ints(ctx, argv, 1, (int *[]){ &fd }))
        return JS_EXCEPTION;
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    outcome = linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    JS_FreeCString(ctx, path);
    return result(ctx, outcome);
}

/* Sets the time of last change of an open file or directory, as seconds and nanoseconds. */
static JSValue host_setChangeTime(ARGS)
{
    UNUSED;
    int fd, nanoseconds;
    double seconds;

    if (get_ints(ctx, argv, 1, (int *[]){ &fd }) || JS_ToFloat64(ctx, &seconds, argv[1]) ||
        get_ints(ctx, argv + 2, 1, (int *[]){ &nanoseconds }))
        return JS_EXCEPTION;
    return result(ctx, futimens(fd, (struct timespec[]){ { .tv_nsec = UTIME_OMIT },
                                                         { (time_t)seconds, nanoseconds } }));
}

static JSValue host_unlink(ARGS)
{
    UNUSED;
    const char *path = get_path(ctx, argv[0]);
    int outcome;

    if (!path)
        return JS_EXCEPTION;
    outcome = unlink(path);
    JS_FreeCString(ctx, path);
    return result(ctx, outcome);
}

static JSValue host_rmdir(ARGS)
{
    UNUSED;
    const char *path = get_path(ctx, argv[0]);
    int outcome;

    if (!path)
        return JS_EXCEPTION;
    outcome = rmdir(path);
    JS_FreeCString(ctx, path);
    return result(ctx, outcome);
}

WITH_BYTES(directoryEntries, syscall(SYS_getdents64, fd, bytes, length))

WITH_INT(flags, fileEvents, inotify_init1(flags | IN_CLOEXEC))

static JSValue host_watch(ARGS)
{
    UNUSED;
    int fd, mask, outcome;
    const char *path = get_path(ctx, argv[1]);

    if (!path || get_ints(ctx, argv, 1, (int *[]){ &fd }) ||
        get_ints(ctx, argv + 2, 1, (int *[]){ &mask }))
        return JS_EXCEPTION;
    outcome = inotify_add_watch(fd, path, mask);
    JS_FreeCString(ctx, path);
    return result(ctx, outcome);
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(open, 3),
    FUNCTION(close, 1),
    FUNCTION(read, 2),
    FUNCTION(write, 2),
    FUNCTION(readAt, 3),
    FUNCTION(writeAt, 3),
    FUNCTION(seek, 2),
    FUNCTION(fileEvents, 1),
    FUNCTION(watch, 3),
    FUNCTION(fsync, 1),
    FUNCTION(truncate, 2),
    FUNCTION(flock, 2),
    FUNCTION(ioctl, 3),
    FUNCTION(ioctlNumber, 3),
    FUNCTION(stat, 2),
    FUNCTION(lstat, 2),
    FUNCTION(readlink, 2),
    FUNCTION(fstat, 2),
    FUNCTION(filesystemType, 1),
    FUNCTION(access, 2),
    FUNCTION(mkdir, 2),
    FUNCTION(rename, 2),
    FUNCTION(link, 2),
    FUNCTION(linkDescriptor, 2),
    FUNCTION(setChangeTime, 3),
    FUNCTION(unlink, 1),
    FUNCTION(rmdir, 1),
    FUNCTION(directoryEntries, 2),
};

const struct functions file_functions = { entries, sizeof entries / sizeof *entries };

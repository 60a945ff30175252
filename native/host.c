/*
 * The module "host": the only door from TypeScript to the kernel.
 *
 * One system call per function, no opinions. Every function returns what the system call returned,
 * or -errno; only wrong argument types and exhausted memory throw. The same functions, in the same
 * order, are described in host.d.ts.
 */
#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define NS_GET_NSTYPE 0xb703 /* _IO(0xb7, 3), linux/nsfs.h */

#define ARGS JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv
#define UNUSED (void)self, (void)argc

/* ---- arguments and results ---- */

static JSValue result(JSContext *ctx, long value)
{
    return JS_NewInt64(ctx, value < 0 ? -errno : value);
}

/* The bytes of a Uint8Array (or any other view), or NULL with an exception pending. */
static uint8_t *get_bytes(JSContext *ctx, JSValueConst view, size_t *length)
{
    size_t offset, whole;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, view, &offset, length, NULL);
    uint8_t *bytes;

    if (JS_IsException(buffer))
        return NULL;
    bytes = JS_GetArrayBuffer(ctx, &whole, buffer);
    JS_FreeValue(ctx, buffer);
    return bytes ? bytes + offset : NULL;
}

/* Reads `count` integers from the arguments; true with an exception pending if one is no number. */
static int get_ints(JSContext *ctx, JSValueConst *argv, int count, int *const *into)
{
    for (int i = 0; i < count; i++)
        if (JS_ToInt32(ctx, into[i], argv[i]))
            return 1;
    return 0;
}

/* A path argument. A NUL inside would silently name another file, so it is refused. */
static const char *get_path(JSContext *ctx, JSValueConst value)
{
    size_t length;
    const char *path = JS_ToCStringLen(ctx, &length, value);

    if (path && strlen(path) != length) {
        JS_FreeCString(ctx, path);
        JS_ThrowTypeError(ctx, __FILE__, __LINE__, "path contains a NUL character");
        return NULL;
    }
    return path;
}

/* An array of strings as a NULL-terminated vector; free with free_strings. */
static char **get_strings(JSContext *ctx, JSValueConst array)
{
    JSValue length = JS_GetPropertyStr(ctx, array, "length");
    uint32_t count = 0;
    char **strings;

    if (JS_ToUint32(ctx, &count, length))
        return NULL;
    strings = calloc(count + 1, sizeof *strings);
    for (uint32_t i = 0; strings && i < count; i++) {
        JSValue item = JS_GetPropertyUint32(ctx, array, i);
        const char *text = JS_ToCString(ctx, item);
        strings[i] = strdup(text ? text : "");
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, item);
    }
    return strings;
}

static void free_strings(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

/*
 * Most functions are one system call on the same kinds of arguments: a descriptor and bytes, one or
 * two numbers, a path and a number. These make such a function from its name and the call.
 */
#define WITH_BYTES(name, call)                                        \
    static JSValue host_##name(ARGS)                                  \
    {                                                                 \
        UNUSED;                                                       \
        int fd;                                                       \
        size_t length;                                                \
        uint8_t *bytes = get_bytes(ctx, argv[1], &length);            \
                                                                      \
        if (!bytes || get_ints(ctx, argv, 1, (int *[]){ &fd }))       \
            return JS_EXCEPTION;                                      \
        return result(ctx, call);                                     \
    }

#define WITH_BYTES_AND(number, name, call)                            \
    static JSValue host_##name(ARGS)                                  \
    {                                                                 \
        UNUSED;                                                       \
        int fd, number;                                               \
        size_t length;                                                \
        uint8_t *bytes = get_bytes(ctx, argv[1], &length);            \
                                                                      \
        if (!bytes || get_ints(ctx, argv, 1, (int *[]){ &fd }) ||     \
            get_ints(ctx, argv + 2, 1, (int *[]){ &number }))         \
            return JS_EXCEPTION;                                      \
        return result(ctx, call);                                     \
    }

#define WITH_INT(first, name, call)                                   \
    static JSValue host_##name(ARGS)                                  \
    {                                                                 \
        UNUSED;                                                       \
        int first;                                                    \
                                                                      \
        if (get_ints(ctx, argv, 1, (int *[]){ &first }))              \
            return JS_EXCEPTION;                                      \
        return result(ctx, call);                                     \
    }

#define WITH_INTS(first, second, name, call)                          \
    static JSValue host_##name(ARGS)                                  \
    {                                                                 \
        UNUSED;                                                       \
        int first, second;                                            \
                                                                      \
        if (get_ints(ctx, argv, 2, (int *[]){ &first, &second }))     \
            return JS_EXCEPTION;                                      \
        return result(ctx, call);                                     \
    }

#define WITH_PATH_AND(number, name, call)                                  \
    static JSValue host_##name(ARGS)                                       \
    {                                                                      \
        UNUSED;                                                            \
        int number, outcome;                                               \
        const char *path = get_path(ctx, argv[0]);                         \
                                                                           \
        if (!path || get_ints(ctx, argv + 1, 1, (int *[]){ &number }))     \
            return JS_EXCEPTION;                                           \
        outcome = call;                                                    \
        JS_FreeCString(ctx, path);                                         \
        return result(ctx, outcome);                                       \
    }

/* ---- the process ---- */

static char **process_argv;

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

static JSValue host_random(ARGS)
{
    UNUSED;
    size_t length;
    uint8_t *bytes = get_bytes(ctx, argv[0], &length);

    return bytes ? result(ctx, getrandom(bytes, length, 0)) : JS_EXCEPTION;
}

/* ---- files ---- */

/* open(2) without the fcntl(2) that the C library adds for kernels of 2007. */
static long open_file(const char *path, int flags, int mode)
{
    return syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_LARGEFILE, mode);
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

/* Fills a Float64Array: device, inode, mode, size, seconds and nanoseconds of last change. */
static JSValue stat_result(JSContext *ctx, long outcome, const struct stat *st, JSValueConst into)
{
    size_t length;
    int error = errno;
    double *fields = (double *)(void *)get_bytes(ctx, into, &length);
    const double values[] = { (double)st->st_dev,  (double)st->st_ino,          (double)st->st_mode,
                              (double)st->st_size, (double)st->st_mtim.tv_sec,
                              (double)st->st_mtim.tv_nsec };

    if (!fields)
        return JS_EXCEPTION;
    if (outcome == 0)
        memcpy(fields, values, length < sizeof values ? length : sizeof values);
    errno = error;
    return result(ctx, outcome);
}

static JSValue host_stat(ARGS)
{
    UNUSED;
    struct stat st = { 0 };
    const char *path = get_path(ctx, argv[0]);
    int outcome;

    if (!path)
        return JS_EXCEPTION;
    outcome = stat(path, &st);
    JS_FreeCString(ctx, path);
    return stat_result(ctx, outcome, &st, argv[1]);
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

WITH_BYTES(directoryEntries, syscall(SYS_getdents64, fd, bytes, length))

/* ---- sockets ---- */

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
WITH_INT(fd, listen, listen(fd, 8))
WITH_INTS(fd, flags, accept, accept4(fd, NULL, NULL, flags | SOCK_CLOEXEC))
WITH_INT(flags, fileEvents, inotify_init1(flags | IN_CLOEXEC))

static JSValue host_setOption(ARGS)
{
    UNUSED;
    int fd, level, name, value;

    if (get_ints(ctx, argv, 4, (int *[]){ &fd, &level, &name, &value }))
        return JS_EXCEPTION;
    return result(ctx, setsockopt(fd, level, name, &value, sizeof value));
}

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

/* ---- network namespaces: enter, make one thing, come home before anything else runs ---- */

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

/* ---- other programs ---- */

static JSValue host_pipe(ARGS)
{
    UNUSED;
    size_t length;
    int *fds = (int *)(void *)get_bytes(ctx, argv[0], &length);

    if (!fds)
        return JS_EXCEPTION;
    return length < 2 * sizeof *fds ? JS_NewInt32(ctx, -EINVAL) : result(ctx, pipe2(fds, O_CLOEXEC));
}

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

/* ---- text and code: no system calls, but nothing TypeScript could do itself as cheaply ---- */

/* True if the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
static int is_utf8(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        uint32_t c = *p++, low = 0;
        int more;

        if (c < 0x80)
            continue;
        if (c >= 0xc2 && c < 0xe0)
            more = 1, low = 0x80, c &= 0x1f;
        else if ((c & 0xf0) == 0xe0)
            more = 2, low = 0x800, c &= 0x0f;
        else if (c >= 0xf0 && c < 0xf5)
            more = 3, low = 0x10000, c &= 0x07;
        else
            return 0;
        if (end - p < more)
            return 0;
        for (; more; more--, p++) {
            if ((*p & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (*p & 0x3f);
        }
        if (c < low || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return 0;
    }
    return 1;
}

static JSValue host_decode(ARGS)
{
    UNUSED;
    size_t length;
    uint8_t *bytes = get_bytes(ctx, argv[0], &length);

    if (!bytes && length)
        return JS_EXCEPTION;
    if (!is_utf8(bytes, bytes + length))
        return JS_UNDEFINED;
    return JS_NewStringLen(ctx, (const char *)bytes, length);
}

static JSValue host_encode(ARGS)
{
    UNUSED;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    JSValue bytes, arguments[3] = { JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED };

    if (!text)
        return JS_EXCEPTION;
    arguments[0] = JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    bytes = JS_NewTypedArray(ctx, 3, arguments, JS_TYPED_ARRAY_UINT8);
    JS_FreeValue(ctx, arguments[0]);
    return bytes;
}

static JSValue host_commands(ARGS)
{
    UNUSED, (void)argv;
    JSValue array = JS_NewArray(ctx);
    uint32_t count = 0;

    for (const struct blob *b = blobs; b->name; b++)
        if (b->is_command)
            JS_SetPropertyUint32(ctx, array, count++, JS_NewString(ctx, b->name));
    return array;
}

static JSValue host_load(ARGS)
{
    UNUSED;
    const char *name = JS_ToCString(ctx, argv[0]);
    JSValue exports;

    if (!name)
        return JS_EXCEPTION;
    exports = load_module(ctx, name);
    JS_FreeCString(ctx, name);
    return exports;
}

#define FUNCTION(name, arguments) JS_CFUNC_DEF(#name, arguments, host_##name)

static const JSCFunctionListEntry functions[] = {
    FUNCTION(args, 0),
    FUNCTION(environment, 0),
    FUNCTION(getenv, 1),
    FUNCTION(getuid, 0),
    FUNCTION(getpid, 0),
    FUNCTION(exit, 1),
    FUNCTION(monotonic, 0),
    FUNCTION(random, 1),
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
    FUNCTION(stat, 2),
    FUNCTION(fstat, 2),
    FUNCTION(filesystemType, 1),
    FUNCTION(access, 2),
    FUNCTION(mkdir, 2),
    FUNCTION(rename, 2),
    FUNCTION(link, 2),
    FUNCTION(linkDescriptor, 2),
    FUNCTION(setChangeTime, 3),
    FUNCTION(unlink, 1),
    FUNCTION(directoryEntries, 2),
    FUNCTION(socket, 3),
    FUNCTION(bind, 2),
    FUNCTION(connect, 2),
    FUNCTION(listen, 1),
    FUNCTION(accept, 2),
    FUNCTION(setOption, 4),
    FUNCTION(send, 2),
    FUNCTION(receive, 3),
    FUNCTION(poll, 2),
    FUNCTION(socketIn, 4),
    FUNCTION(namespaceType, 1),
    FUNCTION(openIn, 3),
    FUNCTION(pipe, 1),
    FUNCTION(memoryFile, 0),
    FUNCTION(spawn, 4),
    FUNCTION(processHandle, 1),
    FUNCTION(kill, 2),
    FUNCTION(wait, 1),
    FUNCTION(decode, 1),
    FUNCTION(encode, 1),
    FUNCTION(commands, 0),
    FUNCTION(load, 1),
};

static int initialise(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExportList(ctx, module, functions, sizeof functions / sizeof *functions);
}

void host_set_args(char **args)
{
    process_argv = args;
}

JSModuleDef *host_module(JSContext *ctx)
{
    JSModuleDef *module = JS_NewCModule(ctx, "host", initialise, NULL);

    if (module)
        JS_AddModuleExportList(ctx, module, functions, sizeof functions / sizeof *functions);
    return module;
}

/* What the functions of the module "host" are made of: arguments, results, and the lists they are in. */
#pragma once
#include "host.h"

#define ARGS JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv
#define UNUSED (void)self, (void)argc

/* What a system call returned, or -errno. */
JSValue result(JSContext *ctx, long value);
/* The bytes of a Uint8Array (or any other view), or NULL with an exception pending. */
uint8_t *get_bytes(JSContext *ctx, JSValueConst view, size_t *length);
/* Reads `count` integers from the arguments; true with an exception pending if one is no number. */
int get_ints(JSContext *ctx, JSValueConst *argv, int count, int *const *into);
/* A path argument. A NUL inside would silently name another file, so it is refused. */
const char *get_path(JSContext *ctx, JSValueConst value);
/* An array of strings as a NULL-terminated vector; free with free_strings. */
char **get_strings(JSContext *ctx, JSValueConst array);
void free_strings(char **strings);

/* True if the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
int is_utf8(const uint8_t *p, const uint8_t *end);

/* Opens a file that no delegate inherits (file.c). */
long open_file(const char *path, int flags, int mode);

/* The functions that one file adds to the module. */
struct functions {
    const JSCFunctionListEntry *entries;
    int count;
};
extern const struct functions process_functions, file_functions, record_functions, mount_functions, socket_functions,
    name_functions, resolve_functions, base64_functions, digest_functions, tls_functions;

#define FUNCTION(name, arguments) JS_CFUNC_DEF(#name, arguments, host_##name)

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

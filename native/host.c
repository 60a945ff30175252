/*
 * The module "host": the only door from TypeScript to the kernel.
 *
 * One system call per function, no opinions. Every function returns what the system call returned,
 * or -errno; only wrong argument types and exhausted memory throw. They are described in host.d.ts,
 * and made in process.c, file.c, mount.c, socket.c, resolve.c, base64.c, digest.c, tls-host.c and here.
 */
#define _GNU_SOURCE
#include "arguments.h"

#include <string.h>

/* Text and code: no system calls, but nothing TypeScript could do itself as cheaply. */

int is_utf8(const uint8_t *p, const uint8_t *end)
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
    int from = 0, to = (int)length;

    if (!bytes && length)
        return JS_EXCEPTION;
    if (!JS_IsUndefined(argv[1]) && get_ints(ctx, argv + 1, 2, (int *[]){ &from, &to }))
        return JS_EXCEPTION;
    if (from < 0 || to < from || (size_t)to > length || !is_utf8(bytes + from, bytes + to))
        return JS_UNDEFINED;
    return JS_NewStringLen(ctx, (const char *)bytes + from, (size_t)(to - from));
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

/* The text is UTF-8 here, in which a character of one byte may have two. */
static JSValue host_bytesOf(ARGS)
{
    UNUSED;
    size_t length, count = 0;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    uint8_t *into = text ? js_malloc(ctx, length + 1) : NULL;
    JSValue bytes, arguments[3] = { JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED };

    if (into)
        for (size_t i = 0; i < length; i++) {
            uint8_t c = (uint8_t)text[i];
            into[count++] = c < 0x80 ? c : (uint8_t)(c << 6 | (text[++i] & 0x3f));
        }
    JS_FreeCString(ctx, text);
    if (!into)
        return JS_EXCEPTION;
    arguments[0] = JS_NewArrayBufferCopy(ctx, into, count);
    js_free(ctx, into);
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

static JSValue host_commandAt(ARGS)
{
    UNUSED;
    const char *path = get_path(ctx, argv[0]);
    const char *name = path ? command_at(path) : NULL;

    if (!path)
        return JS_EXCEPTION;
    JS_FreeCString(ctx, path);
    return name ? JS_NewString(ctx, name) : JS_UNDEFINED;
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

/* As an object that is made when it is asked for: in the snapshot it would cost who does not ask. */
static JSValue host_agent(ARGS)
{
    UNUSED, (void)argv;
    JSValue functions = JS_NewObject(ctx);

    JS_SetPropertyFunctionList(ctx, functions, resolve_functions.entries, resolve_functions.count);
    JS_SetPropertyFunctionList(ctx, functions, base64_functions.entries, base64_functions.count);
    JS_SetPropertyFunctionList(ctx, functions, digest_functions.entries, digest_functions.count);
    JS_SetPropertyFunctionList(ctx, functions, tls_functions.entries, tls_functions.count);
    return functions;
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(decode, 3),
    FUNCTION(encode, 1),
    FUNCTION(bytesOf, 1),
    FUNCTION(commands, 0),
    FUNCTION(commandAt, 1),
    FUNCTION(load, 1),
    FUNCTION(agent, 0),
};

static const struct functions text_functions = { entries, sizeof entries / sizeof *entries };

static const struct functions *const all[] = { &process_functions, &file_functions,
                                               &record_functions, &mount_functions,
                                               &socket_functions, &name_functions,
                                               &text_functions };
enum { FILES = sizeof all / sizeof *all };

static int initialise(JSContext *ctx, JSModuleDef *module)
{
    for (int i = 0; i < FILES; i++)
        if (JS_SetModuleExportList(ctx, module, all[i]->entries, all[i]->count))
            return -1;
    return 0;
}

JSModuleDef *host_module(JSContext *ctx)
{
    JSModuleDef *module = JS_NewCModule(ctx, "host", initialise, NULL);

    for (int i = 0; module && i < FILES; i++)
        JS_AddModuleExportList(ctx, module, all[i]->entries, all[i]->count);
    return module;
}

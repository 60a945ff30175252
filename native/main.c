/*
 * The image: the QuickJS engine, every command's bytecode, and the module "host".
 *
 * The last path component of argv[0] names the command; only the bytecode it needs is loaded.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum {
    STACK_LIMIT = 1 << 20,   /* deeply nested JSON becomes an exception, not a crash */
};

static const struct blob *find_blob(const char *name)
{
    for (const struct blob *b = blobs; b->name; b++)
        if (!strcmp(b->name, name))
            return b;
    return NULL;
}

static JSModuleDef *read_module(JSContext *ctx, const char *name, void *opaque)
{
    const struct blob *b = find_blob(name);
    JSValue module;

    (void)opaque;
    if (!b) {
        JS_ThrowReferenceError(ctx, __FILE__, __LINE__, "no module \"%s\" in this image", name);
        return NULL;
    }
    module = JS_ReadObject(ctx, b->start, b->end - b->start,
                           JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
    return JS_IsException(module) ? NULL : JS_VALUE_GET_PTR(module);
}

JSValue load_module(JSContext *ctx, const char *name)
{
    JSModuleDef *module = JS_RunModule(ctx, "", name);

    return module ? JS_GetModuleNamespace(ctx, module) : JS_EXCEPTION;
}

static JSContext *new_context(JSRuntime *runtime)
{
    JSContext *ctx = JS_NewContextRaw(runtime);

    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx);
    return ctx;
}

/* An exception that no TypeScript caught: our own bug, still reported as the protocol asks. */
static int report_bug(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, error);

    fprintf(stderr, "%s\n", text ? text : "unknown exception");
    printf("{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"Cannot run: internal error\"}\n");
    fflush(stdout);
    return 1;
}

/* Calls the function "main" that every command's module exports; it ends the process itself. */
static int run_main(JSContext *ctx, const char *name)
{
    JSValue exports = load_module(ctx, name);
    JSValue function;

    if (JS_IsException(exports))
        return 1;
    function = JS_GetPropertyStr(ctx, exports, "main");
    return JS_IsException(JS_Call(ctx, function, JS_UNDEFINED, 0, NULL));
}

static int usage(const char *name)
{
    fprintf(stderr, "weft: no command \"%s\" in this image; the commands are:", name);
    for (const struct blob *b = blobs; b->name; b++)
        if (b->is_command)
            fprintf(stderr, " %s", b->name);
    fputc('\n', stderr);
    return 1;
}

int main(int argc, char **argv)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc ? argv[0] : "";
    const struct blob *command = find_blob(name);
    JSRuntime *runtime;
    JSContext *ctx;

    if (!command || !command->is_command)
        return usage(name);
    signal(SIGPIPE, SIG_IGN);
    runtime = JS_NewRuntime2(arena(), NULL);
    JS_SetMaxStackSize(runtime, STACK_LIMIT);
    JS_SetGCThreshold(runtime, 8 << 20);
    JS_SetModuleLoaderFunc(runtime, read_module);
    ctx = new_context(runtime);
    host_module(ctx, argv);
    _exit(run_main(ctx, name) ? report_bug(ctx) : 0);
}

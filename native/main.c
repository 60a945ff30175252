/*
 * The image: the QuickJS engine, every command's bytecode, and the module "host".
 *
 * The last path component of argv[0] names the command; if none has that name, the file is a
 * symbolic link to one that has. Starting an engine, reading bytecode and
 * running the top level of every module takes a millisecond, and always ends in the same state. So
 * the build does it once, keeps the memory (the snapshot), and links it into the image at the
 * address it was made at: the kernel maps it on demand, page by page, and `main` can be called at
 * once. An image without a snapshot does the same work at every start.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <unistd.h>

#include "host.h"

/* The script that has what usual runs need, and the object with what it makes (bundle.mjs). */
#define HOT "hot"

/* The engine asks for the time only to seed Math.random, which nothing here uses; and a snapshot
 * must not depend on when it was made. */
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    now->tv_sec = now->tv_usec = 1;
    return 0;
}

static const struct blob *find_blob(const char *name)
{
    for (const struct blob *b = blobs; b->name; b++)
        if (!strcmp(b->name, name))
            return b;
    return NULL;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static const char *find_command(const char *name)
{
    const struct blob *b = find_blob(name);

    return b && b->is_command ? b->name : NULL;
}

const char *command_at(const char *path)
{
    enum { MOST_LINKS = 40 }; /* as many as the kernel follows (namei.h, MAXSYMLINKS) */
    char at[PATH_MAX], target[PATH_MAX];
    const char *name = find_command(last_part(path));

    if (strlen(path) >= sizeof at)
        return name;
    strcpy(at, path);
    for (int i = 0; !name && i < MOST_LINKS; i++) {
        ssize_t length = readlink(at, target, sizeof target - 1);
        size_t folder = length > 0 && target[0] != '/' ? (size_t)(last_part(at) - at) : 0;

        if (length <= 0 || folder + (size_t)length >= sizeof at)
            return NULL;
        memcpy(at + folder, target, (size_t)length);
        at[folder + (size_t)length] = 0;
        name = find_command(last_part(at));
    }
    return name;
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
    const struct roots *roots = JS_GetContextOpaque(ctx);
    const struct blob *b = find_blob(name);
    JSModuleDef *module;

    if (!strcmp(name, HOT))
        return JS_DupValue(ctx, roots->hot);
    if (b && !b->start)
        return JS_GetPropertyStr(ctx, roots->hot, name);
    module = JS_RunModule(ctx, "", name);
    return module ? JS_GetModuleNamespace(ctx, module) : JS_EXCEPTION;
}

/* A runtime that never collects cycles by itself below 8 MB: a run is over before it pays. */
static void make_engine(struct roots *roots)
{
    JSRuntime *runtime = roots->runtime = JS_NewRuntime2(&arena_functions, NULL);
    JSContext *ctx = roots->ctx = JS_NewContextRaw(runtime);

    JS_SetContextOpaque(ctx, roots);
    JS_SetMaxStackSize(runtime, STACK_LIMIT);
    JS_SetGCThreshold(runtime, 8 << 20);
    JS_SetModuleLoaderFunc(runtime, read_module);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx);
    host_module(ctx);
    codec_module(ctx);
}

/* Runs a script, once; its value. */
static JSValue run_script(JSContext *ctx, const char *name)
{
    const struct blob *b = find_blob(name);
    JSValue script = JS_ReadObject(ctx, b->start, b->end - b->start, JS_READ_OBJ_BYTECODE);

    return JS_IsException(script) ? script : JS_EvalFunction(ctx, script);
}

/* Loads what usual runs need: a function that is given the modules of C, and fills an object. */
static int load_hot(struct roots *roots)
{
    JSContext *ctx = roots->ctx;
    JSValue function = run_script(ctx, HOT);
    JSValue given[] = { load_module(ctx, "host"), load_module(ctx, "codec"), roots->hot = JS_NewObject(ctx) };
    JSValue result = JS_IsException(function) ? function : JS_Call(ctx, function, JS_UNDEFINED, 3, given);

    JS_FreeValue(ctx, function);
    JS_FreeValue(ctx, given[0]);
    JS_FreeValue(ctx, given[1]);
    return JS_IsException(result);
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

/* Before there is an engine: 101 is the code of a failed system call. */
static int report_no_memory(void)
{
    printf("{\"cniVersion\":\"1.1.0\",\"code\":101,\"msg\":\"Cannot start: no memory\"}\n");
    return 1;
}

/* A setuid image would give every user root's plugins, with that user's CNI_PATH: 101 as well. */
static int refuse_setuid(void)
{
    fputs("weft: this file is setuid or setgid, and does not run so; take that away with chmod u-s,g-s\n",
          stderr);
    printf("{\"cniVersion\":\"1.1.0\",\"code\":101,\"msg\":\"Cannot run: the executable is setuid or setgid;"
           " take that away with chmod u-s,g-s\"}\n");
    return 1;
}

static int make_snapshot(struct roots *roots)
{
    make_engine(roots);
    if (JS_IsException(run_script(roots->ctx, "warm")) || load_hot(roots))
        return report_bug(roots->ctx);
    return write_snapshot(roots->runtime);
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

static void print_commands(FILE *stream)
{
    for (const struct blob *b = blobs; b->name; b++)
        if (b->is_command)
            fprintf(stream, " %s", b->name);
}

/* As a part of a JSON text. */
static void print_json(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            putchar('\\');
        putchar(*c < ' ' || *c > '~' ? '?' : *c);
    }
}

/* Told to people; and to a runtime, which reads an error object on stdout. */
static int usage(const char *name)
{
    const char *command = getenv("CNI_COMMAND");

    fprintf(stderr, "weft: no command \"%s\" in this image; the commands are:", name);
    print_commands(stderr);
    fputc('\n', stderr);
    if (!command || !*command)
        return 1;
    printf("{\"cniVersion\":\"1.1.0\",\"code\":7,\"msg\":\"Cannot run \\\"");
    print_json(name);
    printf("\\\": no plugin of this image has that name; it has");
    print_commands(stdout);
    printf("; other names have to be symbolic links to these\"}\n");
    return 1;
}

int main(int argc, char **argv)
{
    const char *name = argc ? last_part(argv[0]) : "";
    const char *command = find_command(name);
    const char *file = command ? NULL : (const char *)getauxval(AT_EXECFN);
    struct roots *roots = arena_open();

    if (getauxval(AT_UID) != getauxval(AT_EUID) || getauxval(AT_GID) != getauxval(AT_EGID))
        return refuse_setuid();
    if (!roots)
        return report_no_memory();
    if (!roots->ctx && !strcmp(name, "write-snapshot"))
        return on_fixed_stack(make_snapshot, roots);
    if (file)
        command = command_at(file);
    if (!command)
        return usage(name);
    signal(SIGPIPE, SIG_IGN);
    host_set_args(argv);
    host_set_umask();
    if (roots->ctx)
        JS_UpdateStackTop(roots->runtime);
    else if (make_engine(roots), load_hot(roots))
        return report_bug(roots->ctx);
    _exit(run_main(roots->ctx, command) ? report_bug(roots->ctx) : 0);
}

/*
 * Where the start of a command goes. The bench links this beside the product's own, unchanged
 * objects (ld --wrap), so the code measured is the code that runs. At the end it writes to stderr
 *   split  whole  engine  bytecode        in nanoseconds, "whole" from the first line of user code
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "host.h"

static int64_t began, engine_began, engine_took, bytecode_took;

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
    began = now();
}

JSRuntime *__real_JS_NewRuntime2(const JSMallocFunctions *functions, void *opaque);
JSRuntime *__wrap_JS_NewRuntime2(const JSMallocFunctions *functions, void *opaque);
JSRuntime *__wrap_JS_NewRuntime2(const JSMallocFunctions *functions, void *opaque)
{
    engine_began = now();
    return __real_JS_NewRuntime2(functions, opaque);
}

/* The last step of making an engine. */
JSModuleDef *__real_host_module(JSContext *ctx);
JSModuleDef *__wrap_host_module(JSContext *ctx);
JSModuleDef *__wrap_host_module(JSContext *ctx)
{
    JSModuleDef *module = __real_host_module(ctx);

    engine_took = now() - engine_began;
    return module;
}

JSValue __real_JS_ReadObject(JSContext *ctx, const uint8_t *bytes, size_t length, int flags);
JSValue __wrap_JS_ReadObject(JSContext *ctx, const uint8_t *bytes, size_t length, int flags);
JSValue __wrap_JS_ReadObject(JSContext *ctx, const uint8_t *bytes, size_t length, int flags)
{
    int64_t start = now();
    JSValue object = __real_JS_ReadObject(ctx, bytes, length, flags);

    bytecode_took += now() - start;
    return object;
}

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap__exit(int status)
{
    fprintf(stderr, "split\t%lld\t%lld\t%lld\n", (long long)(now() - began),
            (long long)engine_took, (long long)bytecode_took);
    __real__exit(status);
}

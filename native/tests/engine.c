#define _GNU_SOURCE
#include "engine.h"

#include <stdio.h>
#include <string.h>

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0;

    if (!file || getdelim(&text, &room, 0, file) < 0)
        return NULL;
    fclose(file);
    return text;
}

int report_exception(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, error);

    fprintf(stderr, "%s\n", text ? text : "unknown exception");
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, error);
    return 1;
}

int open_test(struct test *test, const char *path)
{
    static struct roots roots;
    JSContext *ctx = test->ctx = roots.ctx =
        JS_NewContext(roots.runtime = JS_NewRuntime2(&arena_functions, NULL));
    char *script = read_file(path);
    JSModuleDef *module;
    JSValue function, codec;

    JS_SetContextOpaque(ctx, &roots);
    if (!script || !codec_module(ctx) || !(module = JS_RunModule(ctx, "", "codec")))
        return fprintf(stderr, "Cannot run \"%s\"\n", path), 1;
    function = JS_Eval(ctx, script, strlen(script), path, JS_EVAL_TYPE_GLOBAL);
    codec = JS_GetModuleNamespace(ctx, module);
    if (!JS_IsException(function))
        test->exports = JS_Call(ctx, function, JS_UNDEFINED, 1, &codec);
    return JS_IsException(function) || JS_IsException(test->exports) ? report_exception(ctx) : 0;
}

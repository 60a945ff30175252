/*
 * Test tool: the module "codec" without the rest of the image. It runs a script (tools/codec.mjs makes
 * it) whose value is a function from a text to a text: for each line of stdin, a line on stdout.
 * Usage: codec-test script.js
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

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

static int report(JSContext *ctx)
{
    JSValue error = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, error);

    fprintf(stderr, "%s\n", text ? text : "unknown exception");
    return 1;
}

/* The answer to one line. */
static int answer(JSContext *ctx, JSValueConst function, const char *line)
{
    JSValue text = JS_NewString(ctx, line);
    JSValue result = JS_Call(ctx, function, JS_UNDEFINED, 1, &text);
    const char *words = JS_IsException(result) ? NULL : JS_ToCString(ctx, result);

    if (!words)
        return report(ctx);
    puts(words);
    JS_FreeCString(ctx, words);
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, text);
    return 0;
}

static JSContext *make_engine(void)
{
    static struct roots roots;
    JSContext *ctx = roots.ctx = JS_NewContext(roots.runtime = JS_NewRuntime2(&arena_functions, NULL));

    JS_SetContextOpaque(ctx, &roots);
    return codec_module(ctx) ? ctx : NULL;
}

int main(int argc, char **argv)
{
    char *script = argc == 2 ? read_file(argv[1]) : NULL, *line = NULL;
    JSContext *ctx = script ? make_engine() : NULL;
    JSModuleDef *module = ctx ? JS_RunModule(ctx, "", "codec") : NULL;
    JSValue function, codec;
    size_t room = 0;

    if (!module)
        return fprintf(stderr, "usage: codec-test script.js\n"), 1;
    function = JS_Eval(ctx, script, strlen(script), argv[1], JS_EVAL_TYPE_GLOBAL);
    codec = JS_GetModuleNamespace(ctx, module);
    function = JS_IsException(function) ? function : JS_Call(ctx, function, JS_UNDEFINED, 1, &codec);
    if (JS_IsException(function))
        return report(ctx);
    while (getline(&line, &room, stdin) > 0)
        if (answer(ctx, function, line))
            return 1;
    return 0;
}

/* Build tool: compiles JavaScript to QuickJS bytecode. Usage: compile module|script in.js name out.bin [debug] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

/* Imports are resolved when the image runs; here any name will do. */
static int nothing(JSContext *ctx, JSModuleDef *module)
{
    (void)ctx, (void)module;
    return 0;
}

static JSModuleDef *any_module(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    return JS_NewCModule(ctx, name, nothing, NULL);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text;

    if (!file || fseek(file, 0, SEEK_END))
        return NULL;
    *length = ftell(file);
    rewind(file);
    text = calloc(1, *length + 1);
    if (fread(text, 1, *length, file) != *length)
        return NULL;
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *ctx = JS_NewContext(runtime);
    size_t length;
    char *source = argc >= 5 ? read_file(argv[2], &length) : NULL;
    int kind = source && !strcmp(argv[1], "script") ? JS_EVAL_TYPE_GLOBAL : JS_EVAL_TYPE_MODULE;
    JSValue code;
    uint8_t *bytecode;
    FILE *out;

    if (!source)
        return fprintf(stderr, "usage: compile module|script in.js name out.bin [debug]\n"), 1;
    JS_SetStripInfo(runtime, argc > 5 ? JS_STRIP_SOURCE : JS_STRIP_DEBUG);
    JS_SetModuleLoaderFunc(runtime, any_module);
    code = JS_Eval(ctx, source, length, argv[3], kind | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(code)) {
        const char *text = JS_ToCString(ctx, JS_GetException(ctx));
        return fprintf(stderr, "%s: %s\n", argv[2], text), 1;
    }
    bytecode = JS_WriteObject(ctx, &length, code, JS_WRITE_OBJ_BYTECODE);
    out = fopen(argv[4], "wb");
    if (!bytecode || !out || fwrite(bytecode, 1, length, out) != length || fclose(out))
        return perror(argv[4]), 1;
    return 0;
}

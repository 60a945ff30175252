/*
 * For libFuzzer: the first byte says by which table the others are read; a value that they are is
 * written, and what was written has to be read again. CODEC_SCRIPT is the path of the script.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "layout.h"

enum { MOST_TABLES = 256 };

static struct test test;
static const struct layout *layouts[MOST_TABLES];
static size_t count;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *script = getenv("CODEC_SCRIPT");
    JSValue programs;

    (void)argc, (void)argv;
    if (!script || open_test(&test, script))
        abort();
    programs = JS_GetPropertyStr(test.ctx, test.exports, "programs");
    while (count < MOST_TABLES) {
        JSValue program = JS_GetPropertyUint32(test.ctx, programs, (uint32_t)count);

        if (JS_IsUndefined(program))
            break;
        layouts[count++] = layout_of(test.ctx, program);
    }
    return 0;
}

/* The words of a refusal, or the exception, are dropped. */
static void forget(struct refusal *refusal)
{
    js_free(refusal->ctx, refusal->words);
    JS_FreeValue(refusal->ctx, JS_GetException(refusal->ctx));
}

static JSValue read_all(const struct layout *layout, const uint8_t *bytes, size_t size)
{
    struct reader reader = { .refusal = { test.ctx, NULL }, .bytes = bytes, .end = size };
    JSValue value = read_layout(&reader, layout);

    if (JS_IsException(value))
        forget(&reader.refusal);
    return value;
}

/* A value that was read may be refused: a text of bytes that are no UTF-8 is longer when it is written. */
static void write_again(const struct layout *layout, JSValueConst value)
{
    struct writer writer = { .refusal = { test.ctx, NULL } };

    if (write_layout(&writer, layout, value)) {
        forget(&writer.refusal);
    } else {
        static const uint8_t nothing;
        JSValue again = read_all(layout, writer.bytes ? writer.bytes : &nothing, writer.at);

        if (JS_IsException(again))
            abort();
        JS_FreeValue(test.ctx, again);
    }
    js_free(test.ctx, writer.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct layout *layout = size ? layouts[bytes[0] % count] : NULL;
    JSValue value = layout ? read_all(layout, bytes + 1, size - 1) : JS_EXCEPTION;

    if (JS_IsException(value))
        return 0;
    write_again(layout, value);
    JS_FreeValue(test.ctx, value);
    return 0;
}

/* Arguments and results of the functions of the module "host". */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

JSValue result(JSContext *ctx, long value)
{
    return JS_NewInt64(ctx, value < 0 ? -errno : value);
}

uint8_t *get_bytes(JSContext *ctx, JSValueConst view, size_t *length)
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

int get_ints(JSContext *ctx, JSValueConst *argv, int count, int *const *into)
{
    for (int i = 0; i < count; i++)
        if (JS_ToInt32(ctx, into[i], argv[i]))
            return 1;
    return 0;
}

const char *get_path(JSContext *ctx, JSValueConst value)
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

char **get_strings(JSContext *ctx, JSValueConst array)
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

void free_strings(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

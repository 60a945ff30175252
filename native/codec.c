/*
 * The module "codec": bytes by layouts, and netlink's datagrams as a whole (linux/netlink.h). It makes
 * no system call. What is refused is thrown as a text, which lib/bytes makes an error of.
 */
#define _GNU_SOURCE
#include <string.h>

#include "arguments.h"
#include "layout.h"

static int get_integer(JSContext *ctx, JSValueConst object, JSAtom name, int *number)
{
    JSValue value = JS_GetProperty(ctx, object, name);
    int failed = JS_ToInt32(ctx, number, value);

    JS_FreeValue(ctx, value);
    return failed;
}

/* Where to read: { bytes, at, end }. The bytes are the caller's as long as they are not freed. */
static int get_span(struct reader *reader, JSValueConst span, JSValue *bytes)
{
    JSContext *ctx = reader->refusal.ctx;
    const struct names *names = layout_names(ctx);
    size_t length;
    int at, end;

    *bytes = JS_GetProperty(ctx, span, names->bytes);
    if (!(reader->bytes = get_bytes(ctx, *bytes, &length)) ||
        get_integer(ctx, span, names->at, &at) || get_integer(ctx, span, names->end, &end))
        return -1;
    if (at < 0 || end < at || (size_t)end > length) {
        JS_ThrowRangeError(ctx, __FILE__, __LINE__, "no bytes from %d to %d", at, end);
        return -1;
    }
    reader->at = (size_t)at;
    reader->end = (size_t)end;
    return 0;
}

/* A value, by a program, from some bytes. */
static JSValue codec_read(ARGS)
{
    UNUSED;
    const struct layout *layout = layout_of(ctx, argv[0]);
    struct reader reader = { .refusal = { ctx, NULL } };
    JSValue bytes = JS_UNDEFINED, value = JS_EXCEPTION;

    if (layout && !get_span(&reader, argv[1], &bytes))
        value = read_layout(&reader, layout);
    JS_FreeValue(ctx, bytes);
    return JS_IsException(value) ? throw_refusal(&reader.refusal) : value;
}

static JSValue finish(struct writer *writer, int failed)
{
    if (!failed)
        return written_bytes(writer);
    js_free(writer->refusal.ctx, writer->bytes);
    return throw_refusal(&writer->refusal);
}

static JSValue codec_write(ARGS)
{
    UNUSED;
    const struct layout *layout = layout_of(ctx, argv[0]);
    struct writer writer = { .refusal = { ctx, NULL } };

    if (!layout)
        return JS_EXCEPTION;
    return finish(&writer, write_layout(&writer, layout, argv[1]));
}

/* ---- netlink's messages ---- */

enum { HEAD = 16, REQUEST = 1, ACK = 4, DUMP = 0x300 };

struct head {
    uint32_t length;
    uint16_t type, flags;
    uint32_t sequence, port;
};

/* The body of a request: a value, and a layout. */
static int write_body(struct writer *writer, JSValueConst request)
{
    JSContext *ctx = writer->refusal.ctx;
    const struct names *names = layout_names(ctx);
    JSValue codec = JS_GetProperty(ctx, request, names->codec);
    JSValue program = JS_GetProperty(ctx, codec, names->program);
    JSValue value = JS_GetProperty(ctx, request, names->value);
    const struct layout *layout = layout_of(ctx, program);
    int failed = !layout || JS_IsException(value) || write_layout(writer, layout, value);

    JS_FreeValue(ctx, value);
    JS_FreeValue(ctx, program);
    JS_FreeValue(ctx, codec);
    return failed;
}

static int write_request(struct writer *writer, JSValueConst request, uint32_t sequence, int is_acknowledged)
{
    JSContext *ctx = writer->refusal.ctx;
    const struct names *names = layout_names(ctx);
    size_t at = writer->at;
    int type, flags;
    struct head head = { .sequence = sequence };

    if (get_integer(ctx, request, names->type, &type) || get_integer(ctx, request, names->flags, &flags) ||
        !write_room(writer, HEAD) || write_body(writer, request))
        return -1;
    head.length = (uint32_t)(writer->at - at);
    head.type = (uint16_t)type;
    head.flags = (uint16_t)(flags | REQUEST | (is_acknowledged && (flags & DUMP) != DUMP ? ACK : 0));
    if (!write_room(writer, -writer->at & 3))
        return -1;
    memcpy(writer->bytes + at, &head, HEAD);
    return 0;
}

/* Requests, the first one's number, and which one asks for an acknowledgement: a datagram. */
static JSValue codec_requests(ARGS)
{
    UNUSED;
    struct writer writer = { .refusal = { ctx, NULL } };
    int first, acknowledged, count;
    int failed = get_ints(ctx, argv + 1, 2, (int *[]){ &first, &acknowledged }) ||
                 get_integer(ctx, argv[0], layout_names(ctx)->length, &count);

    for (int i = 0; !failed && i < count; i++) {
        JSValue request = JS_GetPropertyUint32(ctx, argv[0], (uint32_t)i);

        failed = write_request(&writer, request, (uint32_t)first + (uint32_t)i, i == acknowledged);
        JS_FreeValue(ctx, request);
    }
    return finish(&writer, failed);
}

/* Adds numbers at the end of an array. */
static int push_all(JSContext *ctx, JSValueConst array, uint32_t at, const uint32_t *numbers, int count)
{
    int failed = 0;

    for (int i = 0; i < count && !failed; i++)
        failed = JS_DefinePropertyValueUint32(ctx, array, at + (uint32_t)i, JS_NewUint32(ctx, numbers[i]),
                                              JS_PROP_C_W_E) < 0;
    return failed;
}

/* The heads of the messages in the first bytes of a datagram, and where their bodies begin and end. */
static JSValue codec_heads(ARGS)
{
    UNUSED;
    struct refusal refusal = { ctx, NULL };
    size_t length, at = 0;
    const uint8_t *bytes = get_bytes(ctx, argv[0], &length);
    int size, failed = !bytes || get_ints(ctx, argv + 1, 1, (int *[]){ &size });
    JSValue heads = failed ? JS_EXCEPTION : JS_NewArray(ctx);

    if (failed || size < 0 || (size_t)size > length)
        return failed ? heads : JS_ThrowRangeError(ctx, __FILE__, __LINE__, "no %d bytes", size);
    for (uint32_t count = 0; !failed && (size_t)size - at >= HEAD; count += 6) {
        struct head head;
        size_t left = (size_t)size - at;

        memcpy(&head, bytes + at, HEAD);
        if (head.length < HEAD || head.length > left) {
            failed = refuse(&refusal, "message at byte %zu claims %u bytes, %zu remain", at, head.length, left);
            break;
        }
        failed = push_all(ctx, heads, count,
                          (uint32_t[]){ head.type, head.flags, head.sequence, head.port,
                                        (uint32_t)at + HEAD, (uint32_t)at + head.length }, 6);
        at += head.length + (-head.length & 3);
        at = at < (size_t)size ? at : (size_t)size;
    }
    if (!failed)
        return heads;
    JS_FreeValue(ctx, heads);
    return throw_refusal(&refusal);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("layout", 1, layout_program),
    JS_CFUNC_DEF("resolve", 2, layout_resolve),
    JS_CFUNC_DEF("read", 2, codec_read),
    JS_CFUNC_DEF("write", 2, codec_write),
    JS_CFUNC_DEF("requests", 3, codec_requests),
    JS_CFUNC_DEF("heads", 2, codec_heads),
    JS_CFUNC_DEF("packAddress", 1, packed_address),
    JS_CFUNC_DEF("packSubnet", 1, packed_subnet),
    JS_CFUNC_DEF("commonBits", 2, packed_common_bits),
};
enum { COUNT = sizeof entries / sizeof *entries };

static int initialise(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExportList(ctx, module, entries, COUNT);
}

JSModuleDef *codec_module(JSContext *ctx)
{
    JSModuleDef *module = make_layout_class(ctx) ? NULL : JS_NewCModule(ctx, "codec", initialise, NULL);

    if (module)
        JS_AddModuleExportList(ctx, module, entries, COUNT);
    return module;
}

/* Writes values by layouts: never past the room it has made, nothing that a layout does not hold. */
#define _GNU_SOURCE
#include "layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 1024, LONGEST_ATTRIBUTE = 0xffff };

uint8_t *write_room(struct writer *writer, size_t count)
{
    uint8_t *start;

    if (!writer->bytes || writer->at + count > writer->room) {
        size_t room = writer->room ? writer->room * 4 : FIRST_ROOM;

        if (room < writer->at + count)
            room = writer->at + count;
        start = js_realloc(writer->refusal.ctx, writer->bytes, room);
        if (!start)
            return NULL;
        writer->bytes = start;
        writer->room = room;
    }
    start = writer->bytes + writer->at;
    memset(start, 0, count);
    writer->at += count;
    return start;
}

static int write_raw(struct writer *writer, const void *bytes, size_t length)
{
    uint8_t *start = write_room(writer, length);

    if (!start)
        return -1;
    memcpy(start, bytes, length);
    return 0;
}

static int write_padding(struct writer *writer)
{
    return !write_room(writer, -writer->at & 3);
}

static void free_bytes(JSRuntime *runtime, void *opaque, void *bytes)
{
    (void)opaque;
    js_free_rt(runtime, bytes);
}

JSValue written_bytes(struct writer *writer)
{
    JSContext *ctx = writer->refusal.ctx;
    JSValue arguments[3] = { JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED }, array;

    if (!writer->bytes && !write_room(writer, 0))
        return JS_EXCEPTION;
    arguments[0] = JS_NewArrayBuffer(ctx, writer->bytes, writer->at, free_bytes, NULL, 0);
    if (JS_IsException(arguments[0]))
        return JS_EXCEPTION;
    array = JS_NewTypedArray(ctx, 3, arguments, JS_TYPED_ARRAY_UINT8);
    JS_FreeValue(ctx, arguments[0]);
    return array;
}

/* ---- what has always the same size: written into room that is there ---- */

/* A count that stands in the place of what a value says. */
struct instead {
    const struct row *row;
    JSValueConst value;
};

static int store_fixed(struct writer *writer, const struct layout *layout, size_t at, JSValueConst value);

static int refuse_number(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    int bits = 8 * (int)layout->size - layout->is_signed;
    double largest = layout->size == 8 ? 9007199254740991.0 : ldexp(1, bits) - 1;
    const char *got = JS_ToCString(ctx, value);

    if (!got)
        return -1;
    refuse(&writer->refusal, "%s must be an integer from %.0f to %.0f, got %s", layout->name,
           layout->is_signed ? -ldexp(1, bits) : 0.0, largest, got);
    JS_FreeCString(ctx, got);
    return -1;
}

/* True if the value is no whole number that the layout holds. */
static int get_whole(const struct layout *layout, JSValueConst value, uint64_t *whole)
{
    int bits = 8 * (int)layout->size - layout->is_signed;
    double number, limit = layout->size == 8 ? 9007199254740992.0 : (double)(UINT64_C(1) << bits);

    if (!JS_IsNumber(value))
        return -1;
    number = JS_VALUE_GET_TAG(value) == JS_TAG_INT ? JS_VALUE_GET_INT(value) : JS_VALUE_GET_FLOAT64(value);
    if (!(number >= (layout->is_signed ? -limit : 0) && number < limit) || number != trunc(number))
        return -1;
    *whole = (uint64_t)(int64_t)number;
    return 0;
}

static int store_integer(struct writer *writer, const struct layout *layout, size_t at, JSValueConst value)
{
    uint64_t whole;

    if (get_whole(layout, value, &whole))
        return refuse_number(writer, layout, value);
    for (uint32_t i = 0; i < layout->size; i++, whole >>= 8)
        writer->bytes[at + (layout->is_big_endian ? layout->size - 1 - i : i)] = (uint8_t)whole;
    return 0;
}

/* The bytes of a Uint8Array. */
static int view_of(JSContext *ctx, JSValueConst value, const uint8_t **bytes, size_t *length)
{
    size_t offset, whole;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, NULL);

    if (JS_IsException(buffer))
        return -1;
    *bytes = JS_GetArrayBuffer(ctx, &whole, buffer);
    JS_FreeValue(ctx, buffer);
    *bytes += *bytes ? offset : 0;
    return !*bytes && *length;
}

static int store_block(struct writer *writer, const struct layout *layout, size_t at, JSValueConst value)
{
    const uint8_t *bytes;
    size_t length;

    if (view_of(writer->refusal.ctx, value, &bytes, &length))
        return -1;
    if (length != layout->size)
        return refuse(&writer->refusal, "%u bytes wanted, got %zu", layout->size, length);
    if (length)
        memcpy(writer->bytes + at, bytes, length);
    return 0;
}

static int store_struct(struct writer *writer, const struct layout *layout, size_t at, JSValueConst value,
                        struct instead instead)
{
    JSContext *ctx = writer->refusal.ctx;

    for (const struct row *row = layout->rows; row < layout->rows + layout->count; row++) {
        JSValue member = row == instead.row ? JS_DupValue(ctx, instead.value)
                                            : JS_GetProperty(ctx, value, row->key);
        int failed = JS_IsException(member);

        if (!failed && !JS_IsUndefined(member))
            failed = store_fixed(writer, row->layout, at + row->number, member);
        JS_FreeValue(ctx, member);
        if (failed)
            return refuse_within(&writer->refusal, layout->name, row->name);
    }
    return 0;
}

static int store_fixed(struct writer *writer, const struct layout *layout, size_t at, JSValueConst value)
{
    struct instead none = { NULL, JS_UNDEFINED };

    return layout->kind == INTEGER ? store_integer(writer, layout, at, value)
           : layout->kind == BLOCK ? store_block(writer, layout, at, value)
                                   : store_struct(writer, layout, at, value, none);
}

static int write_fixed(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    size_t at = writer->at;

    return !write_room(writer, layout->size) || store_fixed(writer, layout, at, value);
}

/* ---- bytes and texts ---- */

static int write_bytes(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    const uint8_t *bytes, *lengths = layout->lengths;
    size_t length;

    if (view_of(writer->refusal.ctx, value, &bytes, &length))
        return -1;
    if (!lengths[0] || length == lengths[0] || (lengths[1] && length == lengths[1]))
        return length ? write_raw(writer, bytes, length) : 0;
    if (lengths[1])
        return refuse(&writer->refusal, "must be %d or %d bytes, got %zu", lengths[0], lengths[1], length);
    return refuse(&writer->refusal, "must be %d bytes, got %zu", lengths[0], length);
}

static int write_text(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    int failed;

    if (!text)
        return -1;
    failed = strlen(text) != length ? refuse(&writer->refusal, "text must not contain NUL")
                                    : write_raw(writer, text, length + layout->is_terminated);
    JS_FreeCString(ctx, text);
    return failed;
}

/* ---- attributes ---- */

/* One attribute: the name and number of one row, and a layout that may be another's. */
static int write_attribute(struct writer *writer, const struct row *row, const struct layout *layout,
                           JSValueConst value)
{
    size_t at = writer->at, length;
    uint16_t head[2];
    int failed = !write_room(writer, ATTRIBUTE_HEAD);

    if (!failed && ++writer->depth > MOST_NESTED)
        failed = refuse(&writer->refusal, "nested more than %d deep", MOST_NESTED);
    failed = failed || write_layout(writer, layout, value);
    writer->depth--;
    if (failed)
        return refuse_within(&writer->refusal, row->name, NULL);
    length = writer->at - at;
    if (length > LONGEST_ATTRIBUTE)
        return refuse(&writer->refusal, "%s: longer than %d bytes", row->name, LONGEST_ATTRIBUTE);
    head[0] = (uint16_t)length;
    head[1] = row->number | (layout->is_nested ? NESTED_FLAG : 0);
    if (write_padding(writer))
        return -1;
    memcpy(writer->bytes + at, head, sizeof head);
    return 0;
}

static int write_record(struct writer *writer, const struct layout *item, JSValueConst value);

/* Writes every item of an array: as an attribute of a row, as a record, or as it is. */
static int write_items(struct writer *writer, const struct layout *layout, const struct row *row,
                       JSValueConst array)
{
    JSContext *ctx = writer->refusal.ctx;
    JSValue length = JS_GetProperty(ctx, array, layout_names(ctx)->length);
    uint32_t count = 0;
    int failed = JS_IsException(length) || JS_ToUint32(ctx, &count, length);

    for (uint32_t i = 0; i < count && !failed; i++) {
        JSValue item = JS_GetPropertyUint32(ctx, array, i);

        failed = JS_IsException(item) || (row                       ? write_attribute(writer, row, row->layout, item)
                                          : layout->kind == RECORDS ? write_record(writer, layout->item, item)
                                                                    : write_layout(writer, layout->item, item));
        JS_FreeValue(ctx, item);
    }
    return failed;
}

static int refuse_key(struct writer *writer, JSAtom key)
{
    const char *name = JS_AtomToCString(writer->refusal.ctx, key);

    if (!name)
        return -1;
    refuse(&writer->refusal, "no attribute \"%s\"", name);
    JS_FreeCString(writer->refusal.ctx, name);
    return -1;
}

static int write_member(struct writer *writer, const struct layout *layout, JSValueConst object, JSAtom key)
{
    JSContext *ctx = writer->refusal.ctx;
    const struct row *row = layout->rows, *end = row + layout->count;
    JSValue value;
    int failed;

    while (row < end && row->key != key)
        row++;
    if (row == end)
        return refuse_key(writer, key);
    value = JS_GetProperty(ctx, object, key);
    failed = JS_IsException(value) ||
             (!JS_IsUndefined(value) && (row->is_repeated ? write_items(writer, layout, row, value)
                                                          : write_attribute(writer, row, row->layout, value)));
    JS_FreeValue(ctx, value);
    return failed;
}

/* In the order of the value's members. */
static int write_attributes(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    JSPropertyEnum *keys;
    uint32_t count;
    int failed = 0;

    if (!JS_IsObject(value))
        return 0;
    if (JS_GetOwnPropertyNames(ctx, &keys, &count, value, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return -1;
    for (uint32_t i = 0; i < count && !failed; i++)
        failed = write_member(writer, layout, value, keys[i].atom);
    JS_FreePropertyEnum(ctx, keys, count);
    return failed;
}

/* The kind of this name; NULL if none is known. */
static const struct row *kind_of(const struct layout *layout, JSAtom name)
{
    for (int i = layout->first_kind; i < layout->count; i++)
        if (layout->rows[i].key == name)
            return layout->rows + i;
    return NULL;
}

static int write_variant(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    const struct names *names = layout_names(ctx);
    JSValue name = JS_GetProperty(ctx, value, names->kind);
    JSValue data = JS_GetProperty(ctx, value, names->data);
    JSAtom key = JS_IsException(name) ? JS_ATOM_NULL : JS_ValueToAtom(ctx, name);
    const struct row *kind = kind_of(layout, key);
    JSValue length = JS_GetProperty(ctx, name, names->length);
    int is_named = !(JS_VALUE_GET_TAG(length) == JS_TAG_INT && JS_VALUE_GET_INT(length) == 0);
    int failed = key == JS_ATOM_NULL || JS_IsException(data);

    if (!failed && is_named)
        failed = write_attribute(writer, &layout->rows[0], layout->rows[0].layout, name);
    if (!failed && kind && !JS_IsUndefined(data))
        failed = write_attribute(writer, &layout->rows[1], kind->layout, data);
    JS_FreeAtom(ctx, key);
    JS_FreeValue(ctx, length);
    JS_FreeValue(ctx, data);
    JS_FreeValue(ctx, name);
    return failed;
}

/* ---- layouts of layouts ---- */

static int write_shared(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    int failed = 0;

    for (const struct row *row = layout->rows; row < layout->rows + layout->count && !failed; row++) {
        JSValue part = JS_GetProperty(ctx, value, row->key);

        failed = JS_IsException(part) || (!JS_IsUndefined(part) && write_layout(writer, row->layout, part));
        JS_FreeValue(ctx, part);
    }
    return failed;
}

static int write_message(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    const struct names *names = layout_names(ctx);
    JSValue header = JS_GetProperty(ctx, value, names->header);
    JSValue attributes = JS_GetProperty(ctx, value, names->attributes);
    int failed = JS_IsException(header) || JS_IsException(attributes);

    if (!failed && !JS_IsUndefined(header))
        failed = write_layout(writer, layout->first, header);
    else if (!failed)
        failed = !write_room(writer, layout->first->size);
    failed = failed || write_padding(writer) ||
             (!JS_IsUndefined(attributes) && write_layout(writer, layout->item, attributes));
    JS_FreeValue(ctx, attributes);
    JS_FreeValue(ctx, header);
    return failed;
}

/* The length of a part is a byte, and checked as one. */
static int write_length(struct writer *writer, size_t at)
{
    size_t length = writer->at - at - 1;

    if (length > UINT8_MAX)
        return refuse(&writer->refusal, "u8 must be an integer from 0 to 255, got %zu", length);
    writer->bytes[at] = (uint8_t)length;
    return 0;
}

static int write_parts(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    int failed = 0;

    for (const struct row *row = layout->rows; row < layout->rows + layout->count && !failed; row++) {
        JSValue part = JS_GetProperty(ctx, value, row->key);
        uint8_t head[2] = { (uint8_t)row->number, 0 };
        size_t at = writer->at + 1;

        failed = JS_IsException(part);
        if (!failed && !JS_IsUndefined(part))
            failed = write_raw(writer, head, sizeof head) || write_layout(writer, row->layout, part) ||
                     write_length(writer, at);
        JS_FreeValue(ctx, part);
    }
    return failed;
}

/* ---- arrays ---- */

static int write_counted(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    JSContext *ctx = writer->refusal.ctx;
    const struct names *names = layout_names(ctx);
    JSValue items = JS_GetProperty(ctx, value, names->items);
    JSValue count = JS_IsException(items) ? JS_EXCEPTION : JS_GetProperty(ctx, items, names->length);
    struct instead instead = { layout->first->rows + layout->index, count };
    size_t at = writer->at;
    int failed = JS_IsException(count) || !write_room(writer, layout->first->size) ||
                 store_struct(writer, layout->first, at, value, instead) ||
                 write_items(writer, layout, NULL, items);

    JS_FreeValue(ctx, count);
    JS_FreeValue(ctx, items);
    return failed;
}

static int write_element(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    if (JS_IsUndefined(value))
        return 0;
    return !write_room(writer, (size_t)layout->index * layout->item->size) ||
           write_fixed(writer, layout->item, value);
}

static int write_record(struct writer *writer, const struct layout *item, JSValueConst value)
{
    size_t at = writer->at, length;
    uint16_t head;

    if (write_layout(writer, item, value))
        return -1;
    length = writer->at - at;
    if (length > UINT16_MAX)
        return refuse(&writer->refusal, "u16 must be an integer from 0 to 65535, got %zu", length);
    head = (uint16_t)length;
    if (write_padding(writer))
        return -1;
    memcpy(writer->bytes + at, &head, sizeof head);
    return 0;
}

int write_layout(struct writer *writer, const struct layout *layout, JSValueConst value)
{
    switch (layout->kind) {
    case INTEGER:
    case BLOCK:
    case STRUCT:
        return write_fixed(writer, layout, value);
    case BYTES:
        return write_bytes(writer, layout, value);
    case TEXT:
        return write_text(writer, layout, value);
    case MESSAGE:
        return write_message(writer, layout, value);
    case ATTRIBUTES:
        return write_attributes(writer, layout, value);
    case ONLY:
        return !JS_IsUndefined(value) && write_attribute(writer, layout->rows, layout->rows->layout, value);
    case LIST:
        return write_items(writer, layout, layout->rows, value);
    case VARIANT:
        return write_variant(writer, layout, value);
    case SHARED:
        return write_shared(writer, layout, value);
    case RECURSIVE:
        return layout->first ? write_layout(writer, layout->first, value) : 0;
    case COUNTED:
        return write_counted(writer, layout, value);
    case ELEMENT:
        return write_element(writer, layout, value);
    case RECORDS:
        return write_items(writer, layout, NULL, value);
    case PACKED:
        return refuse(&writer->refusal, "a packed text is only read");
    default:
        return write_parts(writer, layout, value);
    }
}

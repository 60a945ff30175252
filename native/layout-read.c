/* Reads values by layouts: never past the end, never deeper than MOST_NESTED attributes. */
#define _GNU_SOURCE
#include "layout.h"

#include <stdio.h>
#include <string.h>

static size_t left(const struct reader *reader)
{
    return reader->end - reader->at;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t aligned(size_t at)
{
    return (at + 3) & ~(size_t)3;
}

static uint16_t u16_at(const uint8_t *bytes)
{
    uint16_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

/* Passes over so many bytes; true if there are less. */
static int take(struct reader *reader, size_t count, const uint8_t **bytes)
{
    *bytes = reader->bytes + reader->at;
    if (count > left(reader))
        return refuse(&reader->refusal, "%zu bytes wanted at byte %zu, %zu remain", count, reader->at,
                      left(reader));
    reader->at += count;
    return 0;
}

/* Gives a value its member: true if there is no memory. */
static int define(JSContext *ctx, JSValueConst object, JSAtom key, JSValue value)
{
    return JS_DefinePropertyValue(ctx, object, key, value, JS_PROP_C_W_E) < 0;
}

/* ---- what has always the same size ---- */

JSValue new_bytes(JSContext *ctx, const uint8_t *bytes, size_t length)
{
    JSValue arguments[3] = { JS_NewArrayBufferCopy(ctx, bytes, length), JS_UNDEFINED, JS_UNDEFINED };
    JSValue array = JS_IsException(arguments[0])
                        ? JS_EXCEPTION
                        : JS_NewTypedArray(ctx, 3, arguments, JS_TYPED_ARRAY_UINT8);

    JS_FreeValue(ctx, arguments[0]);
    return array;
}

static JSValue load_integer(const struct layout *layout, const uint8_t *bytes)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < layout->size; i++)
        value = value << 8 | bytes[layout->is_big_endian ? i : layout->size - 1 - i];
    if (layout->is_signed)
        return JS_NewInt32(NULL, (int32_t)(uint32_t)value);
    return value <= INT32_MAX ? JS_NewInt32(NULL, (int32_t)value) : JS_NewFloat64(NULL, (double)value);
}

static JSValue load_fixed(JSContext *ctx, const struct layout *layout, const uint8_t *bytes)
{
    JSValue object;

    if (layout->kind == INTEGER)
        return load_integer(layout, bytes);
    if (layout->kind == BLOCK)
        return new_bytes(ctx, bytes, layout->size);
    object = JS_NewObject(ctx);
    for (const struct row *row = layout->rows; row < layout->rows + layout->count; row++)
        if (define(ctx, object, row->key, load_fixed(ctx, row->layout, bytes + row->number))) {
            JS_FreeValue(ctx, object);
            return JS_EXCEPTION;
        }
    return object;
}

static JSValue read_fixed(struct reader *reader, const struct layout *layout)
{
    const uint8_t *bytes;

    if (!take(reader, layout->size, &bytes))
        return load_fixed(reader->refusal.ctx, layout, bytes);
    if (layout->kind == STRUCT)
        refuse_within(&reader->refusal, layout->name, NULL);
    return JS_EXCEPTION;
}

/* ---- bytes and texts, up to the end ---- */

/* Passes over bytes up to the end; true if they are not as many as they have to be. */
static int take_bytes(struct reader *reader, const struct layout *layout)
{
    const uint8_t *lengths = layout->lengths;
    size_t length = left(reader);

    reader->at = reader->end;
    if (!lengths[0] || length == lengths[0] || (lengths[1] && length == lengths[1]))
        return 0;
    if (lengths[1])
        return refuse(&reader->refusal, "must be %d or %d bytes, got %zu", lengths[0], lengths[1], length);
    return refuse(&reader->refusal, "must be %d bytes, got %zu", lengths[0], length);
}

static JSValue read_bytes(struct reader *reader, const struct layout *layout)
{
    size_t at = reader->at;

    if (take_bytes(reader, layout))
        return JS_EXCEPTION;
    return new_bytes(reader->refusal.ctx, reader->bytes + at, reader->at - at);
}

/* The length of the character of several bytes that is there, well-formed (RFC 3629); or 0. */
static size_t character(const uint8_t *at, size_t room)
{
    size_t length = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    uint8_t least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;

    if (length > room || !length || at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Bytes that are no UTF-8 stand for the characters of these numbers. */
static JSValue lenient_text(JSContext *ctx, const uint8_t *bytes, size_t length)
{
    char *text = js_malloc(ctx, 2 * length);
    size_t to = 0;
    JSValue value;

    if (!text)
        return JS_EXCEPTION;
    for (size_t from = 0; from < length;) {
        size_t size = bytes[from] < 0x80 ? 1 : character(bytes + from, length - from);

        if (size) {
            memcpy(text + to, bytes + from, size);
            to += size;
            from += size;
        } else {
            text[to++] = (char)(0xc0 | bytes[from] >> 6);
            text[to++] = (char)(0x80 | (bytes[from++] & 0x3f));
        }
    }
    value = JS_NewStringLen(ctx, text, to);
    js_free(ctx, text);
    return value;
}

static JSValue read_text(struct reader *reader)
{
    JSContext *ctx = reader->refusal.ctx;
    const uint8_t *text = reader->bytes + reader->at;
    size_t length = strnlen((const char *)text, left(reader));

    reader->at = reader->end;
    for (size_t i = 0; i < length; i++)
        if (text[i] >= 0x80)
            return lenient_text(ctx, text, length);
    return JS_NewStringLen(ctx, (const char *)text, length);
}

/* ---- attributes ---- */

/* Where in a nest the next attribute is, and what was found last. */
struct nest {
    size_t at, end;
    uint16_t type;
};

static struct nest nest_at(const struct reader *reader)
{
    return (struct nest){ .at = reader->at, .end = reader->end };
}

/* Narrows the reader to the next attribute's value; 0 if there is none, -1 if it is refused. */
static int next_attribute(struct reader *reader, struct nest *nest)
{
    size_t at = nest->at, rest = nest->end - at, length;

    if (rest < ATTRIBUTE_HEAD) {
        reader->at = reader->end = nest->end;
        return rest ? refuse(&reader->refusal, "%zu stray bytes at byte %zu", rest, at) : 0;
    }
    length = u16_at(reader->bytes + at);
    if (length < ATTRIBUTE_HEAD || length > rest)
        return refuse(&reader->refusal, "attribute at byte %zu claims %zu bytes, %zu remain", at, length,
                      rest);
    nest->type = u16_at(reader->bytes + at + 2) & TYPE_MASK;
    nest->at = smaller(at + aligned(length), nest->end);
    reader->at = at + ATTRIBUTE_HEAD;
    reader->end = at + length;
    return 1;
}

/* The value of an attribute, to its last byte. */
static JSValue read_attribute(struct reader *reader, const char *name, const struct layout *layout)
{
    JSValue value = JS_EXCEPTION;

    if (++reader->depth > MOST_NESTED)
        refuse(&reader->refusal, "nested more than %d deep", MOST_NESTED);
    else
        value = read_layout(reader, layout);
    reader->depth--;
    if (!JS_IsException(value) && left(reader)) {
        JS_FreeValue(reader->refusal.ctx, value);
        value = JS_EXCEPTION;
        refuse(&reader->refusal, "%zu bytes too many at byte %zu", left(reader), reader->at);
    }
    if (JS_IsException(value))
        refuse_within(&reader->refusal, name, NULL);
    return value;
}

static int push(JSContext *ctx, JSValueConst array, uint32_t index, JSValue value)
{
    return JS_DefinePropertyValueUint32(ctx, array, index, value, JS_PROP_C_W_E) < 0;
}

/* Adds to the list that a member is, or makes it. */
static int define_repeated(JSContext *ctx, JSValueConst object, JSAtom key, JSValue value)
{
    JSValue list = JS_GetProperty(ctx, object, key);
    JSValue length;
    uint32_t count = 0;
    int failed;

    if (JS_IsUndefined(list)) {
        list = JS_NewArray(ctx);
        if (define(ctx, object, key, JS_DupValue(ctx, list)))
            return -1;
    }
    length = JS_GetProperty(ctx, list, layout_names(ctx)->length);
    failed = JS_ToUint32(ctx, &count, length) || push(ctx, list, count, value);
    JS_FreeValue(ctx, list);
    return failed;
}

static JSValue read_attributes(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    struct nest nest = nest_at(reader);
    JSValue object = JS_NewObject(ctx), value;
    int found;

    while ((found = next_attribute(reader, &nest)) > 0) {
        int index = nest.type < layout->numbers ? layout->row_of[nest.type] : 0;
        const struct row *row = layout->rows + index - 1;

        if (!index)
            continue;
        value = read_attribute(reader, row->name, row->layout);
        if (JS_IsException(value) || (row->is_repeated ? define_repeated(ctx, object, row->key, value)
                                                       : define(ctx, object, row->key, value))) {
            found = -1;
            break;
        }
    }
    if (!found)
        return object;
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

/* The one attribute that matters (the last of them), or all of them as a list. */
static JSValue read_only(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    struct nest nest = nest_at(reader);
    int is_list = layout->kind == LIST, found;
    JSValue all = is_list ? JS_NewArray(ctx) : JS_UNDEFINED, value;
    uint32_t count = 0;

    while ((found = next_attribute(reader, &nest)) > 0) {
        if (nest.type != layout->rows->number)
            continue;
        value = read_attribute(reader, layout->rows->name, layout->rows->layout);
        if (JS_IsException(value) || (is_list && push(ctx, all, count++, value))) {
            found = -1;
            break;
        }
        if (!is_list)
            JS_FreeValue(ctx, all), all = value;
    }
    if (!found)
        return all;
    JS_FreeValue(ctx, all);
    return JS_EXCEPTION;
}

/* The row of the kind whose name is there; NULL if none is known. */
static const struct row *kind_at(const struct reader *reader, const struct layout *layout)
{
    const char *text = (const char *)reader->bytes + reader->at;
    size_t length = strnlen(text, left(reader));

    for (int i = layout->first_kind; i < layout->count; i++)
        if (strlen(layout->rows[i].name) == length && !memcmp(layout->rows[i].name, text, length))
            return layout->rows + i;
    return NULL;
}

static JSValue read_variant(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    const struct names *names = layout_names(ctx);
    struct nest nest = nest_at(reader);
    const struct row *kind = NULL;
    JSValue name = JS_NewStringLen(ctx, "", 0), data = JS_UNDEFINED, object;
    int found;

    while ((found = next_attribute(reader, &nest)) > 0) {
        if (nest.type == layout->rows[0].number) {
            kind = kind_at(reader, layout);
            JS_FreeValue(ctx, name);
            name = kind ? JS_AtomToString(ctx, kind->key) : read_text(reader);
        } else if (nest.type == layout->rows[1].number && kind) {
            JS_FreeValue(ctx, data);
            data = read_attribute(reader, layout->rows[1].name, kind->layout);
        }
        if (JS_IsException(data) || JS_IsException(name)) {
            found = -1;
            break;
        }
    }
    object = found ? JS_EXCEPTION : JS_NewObject(ctx);
    if (!JS_IsException(object) && !define(ctx, object, names->kind, name) &&
        !define(ctx, object, names->data, data))
        return object;
    JS_FreeValue(ctx, name);
    JS_FreeValue(ctx, data);
    return JS_EXCEPTION;
}

/* ---- layouts of layouts ---- */

static JSValue read_shared(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    struct reader start = *reader;
    JSValue object = JS_NewObject(ctx);

    for (const struct row *row = layout->rows; row < layout->rows + layout->count; row++) {
        JSValue value;

        reader->at = start.at;
        reader->end = start.end;
        value = read_layout(reader, row->layout);
        if (JS_IsException(value) || define(ctx, object, row->key, value)) {
            JS_FreeValue(ctx, object);
            return JS_EXCEPTION;
        }
    }
    return object;
}

static JSValue read_message(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    const struct names *names = layout_names(ctx);
    JSValue header = read_layout(reader, layout->first);
    JSValue attributes, object;

    if (JS_IsException(header))
        return JS_EXCEPTION;
    reader->at = smaller(aligned(reader->at), reader->end);
    attributes = read_layout(reader, layout->item);
    object = JS_IsException(attributes) ? JS_EXCEPTION : JS_NewObject(ctx);
    if (JS_IsException(object)) {
        JS_FreeValue(ctx, header);
        return JS_EXCEPTION;
    }
    if (!define(ctx, object, names->header, header) && !define(ctx, object, names->attributes, attributes))
        return object;
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
}

/* ---- messages as packed texts ---- */

/* Passes over the value of an attribute, which is bytes or has always the same size. */
static int pass_attribute(struct reader *reader, const struct row *row)
{
    const struct layout *layout = row->layout;
    const uint8_t *bytes;
    size_t length = left(reader);
    int failed = layout->kind == BYTES ? take_bytes(reader, layout) : take(reader, layout->size, &bytes);

    if (!failed && left(reader))
        failed = refuse(&reader->refusal, "%zu bytes too many at byte %zu", left(reader), reader->at);
    if (!failed && length > UINT8_MAX)
        failed = refuse(&reader->refusal, "longer than %d bytes", UINT8_MAX);
    if (failed)
        refuse_within(&reader->refusal, row->name, NULL);
    return failed;
}

/* Puts bytes behind their length, at the end of what is there. */
static size_t put_counted(uint8_t *packed, size_t size, const uint8_t *bytes, size_t length)
{
    packed[size] = (uint8_t)length;
    memcpy(packed + size + 1, bytes, length);
    return size + 1 + length;
}

/* Where a value is; nowhere if it has no length. */
struct place {
    size_t at, length;
};

/* Finds the attributes of a table, the last of each; true if one is refused. */
static int find_attributes(struct reader *reader, const struct layout *table, struct place *places)
{
    struct nest nest = nest_at(reader);
    int found;

    while ((found = next_attribute(reader, &nest)) > 0) {
        int index = nest.type < table->numbers ? table->row_of[nest.type] : 0;

        if (!index)
            continue;
        places[index - 1] = (struct place){ reader->at, left(reader) };
        if (pass_attribute(reader, table->rows + index - 1))
            return -1;
    }
    return found;
}

/* The members of the header that are asked for, and attributes, each behind its length; 0 if it is not there. */
static JSValue read_packed(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    const struct layout *header = layout->first, *table = layout->item;
    struct place places[MOST_PACKED] = { { 0, 0 } };
    const uint8_t *head;
    uint8_t *packed;
    size_t size = 0;
    JSValue text;

    if (take(reader, header->size, &head)) {
        refuse_within(&reader->refusal, header->name, NULL);
        return JS_EXCEPTION;
    }
    reader->at = smaller(aligned(reader->at), reader->end);
    if (find_attributes(reader, table, places) ||
        !(packed = js_malloc(ctx, header->size + MOST_PACKED * (1 + UINT8_MAX))))
        return JS_EXCEPTION;
    for (const struct row *row = header->rows; row < header->rows + header->count; row++) {
        memcpy(packed + size, head + row->number, row->layout->size);
        size += row->layout->size;
    }
    for (int i = 0; i < table->count; i++)
        size = put_counted(packed, size, reader->bytes + places[i].at, places[i].length);
    text = new_packed(ctx, packed, size);
    js_free(ctx, packed);
    return text;
}

static JSValue read_parts(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    size_t end = reader->end;
    JSValue object = JS_NewObject(ctx);

    while (left(reader) >= 2) {
        const uint8_t *head = reader->bytes + reader->at;

        reader->at += 2;
        reader->end = smaller(reader->at + head[1], end);
        for (const struct row *row = layout->rows; row < layout->rows + layout->count; row++) {
            JSValue value = row->number == head[0] ? read_layout(reader, row->layout) : JS_UNDEFINED;

            if (JS_IsException(value) ||
                (row->number == head[0] && define(ctx, object, row->key, value))) {
                JS_FreeValue(ctx, object);
                return JS_EXCEPTION;
            }
        }
        reader->at = reader->end;
        reader->end = end;
    }
    reader->at = end;
    return object;
}

/* ---- arrays ---- */

static JSValue read_items(struct reader *reader, const struct layout *item, uint32_t count)
{
    JSContext *ctx = reader->refusal.ctx;
    JSValue array = JS_NewArray(ctx);

    for (uint32_t i = 0; i < count; i++) {
        JSValue value = read_layout(reader, item);

        if (JS_IsException(value) || push(ctx, array, i, value)) {
            JS_FreeValue(ctx, array);
            return JS_EXCEPTION;
        }
    }
    return array;
}

static JSValue read_counted(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    JSValue head = read_layout(reader, layout->first), items, length;
    uint32_t count = 0;

    if (JS_IsException(head))
        return JS_EXCEPTION;
    length = JS_GetProperty(ctx, head, layout->first->rows[layout->index].key);
    JS_ToUint32(ctx, &count, length);
    items = read_items(reader, layout->item, count);
    if (!JS_IsException(items) && !define(ctx, head, layout_names(ctx)->items, items))
        return head;
    JS_FreeValue(ctx, head);
    return JS_EXCEPTION;
}

static JSValue read_element(struct reader *reader, const struct layout *layout)
{
    size_t size = layout->item->size, offset = layout->index * size;
    const uint8_t *bytes = reader->bytes + reader->at;
    int is_there = offset + size <= left(reader);

    reader->at = reader->end;
    return is_there ? load_fixed(reader->refusal.ctx, layout->item, bytes + offset) : JS_UNDEFINED;
}

/* One item of those that say how long they are; the reader is at the next one then. */
static JSValue read_record(struct reader *reader, const struct layout *item)
{
    size_t at = reader->at, end = reader->end, length;
    const uint8_t *bytes;
    JSValue value;

    if (take(reader, 2, &bytes))
        return JS_EXCEPTION;
    length = u16_at(bytes);
    if (length < 2 || length > end - at) {
        refuse(&reader->refusal, "item at byte %zu claims %zu bytes, %zu remain", at, length, end - at);
        return JS_EXCEPTION;
    }
    reader->at = at;
    reader->end = at + length;
    value = read_layout(reader, item);
    if (!JS_IsException(value) && left(reader)) {
        JS_FreeValue(reader->refusal.ctx, value);
        value = JS_EXCEPTION;
        refuse(&reader->refusal, "%zu bytes too many at byte %zu", left(reader), reader->at);
    }
    reader->end = end;
    reader->at = smaller(at + aligned(length), end);
    return value;
}

static JSValue read_records(struct reader *reader, const struct layout *layout)
{
    JSContext *ctx = reader->refusal.ctx;
    JSValue array = JS_NewArray(ctx);

    for (uint32_t i = 0; left(reader); i++) {
        JSValue value = read_record(reader, layout->item);

        if (JS_IsException(value) || push(ctx, array, i, value)) {
            JS_FreeValue(ctx, array);
            return JS_EXCEPTION;
        }
    }
    return array;
}

JSValue read_layout(struct reader *reader, const struct layout *layout)
{
    switch (layout->kind) {
    case INTEGER:
    case BLOCK:
    case STRUCT:
        return read_fixed(reader, layout);
    case BYTES:
        return read_bytes(reader, layout);
    case TEXT:
        return read_text(reader);
    case MESSAGE:
        return read_message(reader, layout);
    case ATTRIBUTES:
        return read_attributes(reader, layout);
    case ONLY:
    case LIST:
        return read_only(reader, layout);
    case VARIANT:
        return read_variant(reader, layout);
    case SHARED:
        return read_shared(reader, layout);
    case RECURSIVE:
        return layout->first ? read_layout(reader, layout->first) : JS_UNDEFINED;
    case COUNTED:
        return read_counted(reader, layout);
    case ELEMENT:
        return read_element(reader, layout);
    case RECORDS:
        return read_records(reader, layout);
    case PACKED:
        return read_packed(reader, layout);
    default:
        return read_parts(reader, layout);
    }
}

/* Makes programs of layouts, which lib/bytes says as plain data: a kind, and what that kind needs. */
#define _GNU_SOURCE
#include "layout.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"

static const char *const kind_names[KINDS] = {
    [INTEGER] = "integer",     [BLOCK] = "block",         [BYTES] = "bytes",     [TEXT] = "text",
    [STRUCT] = "struct",       [MESSAGE] = "message",     [ATTRIBUTES] = "attributes",
    [ONLY] = "only",           [LIST] = "list",           [VARIANT] = "variant", [SHARED] = "shared",
    [RECURSIVE] = "recursive", [COUNTED] = "counted",     [ELEMENT] = "element", [RECORDS] = "records",
    [PARTS] = "parts",         [PACKED] = "packed",
};

/* ---- refusals ---- */

int refuse(struct refusal *refusal, const char *format, ...)
{
    va_list arguments, again;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    refusal->words = js_malloc(refusal->ctx, (size_t)length + 1);
    if (refusal->words)
        vsnprintf(refusal->words, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return -1;
}

/* True if words begin with a path: letters, digits and _, and then ':' or '.'. */
static int is_path(const char *words)
{
    if (!isalpha((unsigned char)*words))
        return 0;
    while (isalnum((unsigned char)*words) || *words == '_')
        words++;
    return *words == ':' || *words == '.';
}

int refuse_within(struct refusal *refusal, const char *name, const char *member)
{
    char *inner = refusal->words;

    if (!inner)
        return -1;
    refuse(refusal, "%s%s%s%s%s", name, member ? "." : "", member ? member : "",
           is_path(inner) ? "." : ": ", inner);
    js_free(refusal->ctx, inner);
    return -1;
}

JSValue throw_refusal(struct refusal *refusal)
{
    JSValue words;

    if (!refusal->words)
        return JS_EXCEPTION;
    words = JS_NewString(refusal->ctx, refusal->words);
    js_free(refusal->ctx, refusal->words);
    return JS_Throw(refusal->ctx, words);
}

/* ---- the class of programs ---- */

const struct names *layout_names(JSContext *ctx)
{
    const struct roots *roots = JS_GetContextOpaque(ctx);

    return roots->names;
}

int make_layout_class(JSContext *ctx)
{
    static const JSClassDef class = { .class_name = "Layout" };
    struct roots *roots = JS_GetContextOpaque(ctx);
    struct names *names = js_mallocz(ctx, sizeof *names);

    if (!names)
        return -1;
    *names = (struct names){
        .class = JS_NewClassID(&names->class),
        .kind = JS_NewAtom(ctx, "kind"),
        .data = JS_NewAtom(ctx, "data"),
        .header = JS_NewAtom(ctx, "header"),
        .attributes = JS_NewAtom(ctx, "attributes"),
        .items = JS_NewAtom(ctx, "items"),
        .length = JS_NewAtom(ctx, "length"),
        .program = JS_NewAtom(ctx, "program"),
        .codec = JS_NewAtom(ctx, "codec"),
        .value = JS_NewAtom(ctx, "value"),
        .type = JS_NewAtom(ctx, "type"),
        .flags = JS_NewAtom(ctx, "flags"),
        .sequence = JS_NewAtom(ctx, "sequence"),
        .port = JS_NewAtom(ctx, "port"),
        .bytes = JS_NewAtom(ctx, "bytes"),
        .at = JS_NewAtom(ctx, "at"),
        .end = JS_NewAtom(ctx, "end"),
    };
    roots->names = names;
    return JS_NewClass(JS_GetRuntime(ctx), names->class, &class);
}

const struct layout *layout_of(JSContext *ctx, JSValueConst program)
{
    return JS_GetOpaque2(ctx, program, layout_names(ctx)->class);
}

/* ---- what a table says: each of these is true if it cannot be had ---- */

static int get_text(JSContext *ctx, JSValueConst from, const char *name, const char **text)
{
    JSValue value = JS_GetPropertyStr(ctx, from, name);
    const char *characters = JS_ToCString(ctx, value);

    *text = characters ? js_strdup(ctx, characters) : NULL;
    JS_FreeCString(ctx, characters);
    JS_FreeValue(ctx, value);
    return !*text;
}

/* Nothing is 0. */
static int get_number(JSContext *ctx, JSValueConst from, const char *name, uint32_t *number)
{
    JSValue value = JS_GetPropertyStr(ctx, from, name);
    int failed = JS_ToUint32(ctx, number, value);

    JS_FreeValue(ctx, value);
    return failed;
}

static int get_flag(JSContext *ctx, JSValueConst from, const char *name, uint8_t *flag)
{
    JSValue value = JS_GetPropertyStr(ctx, from, name);

    *flag = JS_ToBool(ctx, value) == 1;
    JS_FreeValue(ctx, value);
    return JS_IsException(value);
}

/* The program of the layout that a member is. */
static int get_layout(JSContext *ctx, JSValueConst from, const char *name, const struct layout **layout)
{
    JSValue member = JS_GetPropertyStr(ctx, from, name);
    JSValue program = JS_GetPropertyStr(ctx, member, "program");

    *layout = layout_of(ctx, program);
    JS_FreeValue(ctx, program);
    JS_FreeValue(ctx, member);
    return !*layout;
}

/* Number, name and layout of an attribute or a part. */
static int get_row(JSContext *ctx, JSValueConst from, struct row *row)
{
    uint32_t number;

    if (get_number(ctx, from, "number", &number) || get_text(ctx, from, "name", &row->name) ||
        get_flag(ctx, from, "isRepeated", &row->is_repeated) || get_layout(ctx, from, "codec", &row->layout))
        return -1;
    row->number = number;
    return 0;
}

/* ---- rows ---- */

static struct row *add_rows(JSContext *ctx, struct layout *layout, uint32_t count)
{
    struct row *rows = js_realloc(ctx, layout->rows, sizeof *rows * (layout->count + count + 1));

    if (!rows)
        return NULL;
    layout->rows = rows;
    memset(rows + layout->count, 0, sizeof *rows * (count + 1));
    layout->count += count;
    return rows + layout->count - count;
}

/* What fills one row: from a member of an object, or an item of an array. */
typedef int get(JSContext *ctx, JSValueConst from, struct row *row);

static int get_rows(JSContext *ctx, JSValueConst object, struct layout *layout, get *fill)
{
    JSPropertyEnum *keys;
    uint32_t count;
    struct row *rows;
    int failed;

    if (JS_GetOwnPropertyNames(ctx, &keys, &count, object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
        return -1;
    rows = add_rows(ctx, layout, count);
    failed = !rows;
    for (uint32_t i = 0; i < count && !failed; i++) {
        JSValue from = JS_GetProperty(ctx, object, keys[i].atom);
        const char *key = JS_AtomToCString(ctx, keys[i].atom);

        rows[i].key = JS_DupAtom(ctx, keys[i].atom);
        rows[i].name = key ? js_strdup(ctx, key) : NULL;
        failed = !rows[i].name || fill(ctx, from, &rows[i]);
        JS_FreeCString(ctx, key);
        JS_FreeValue(ctx, from);
    }
    JS_FreePropertyEnum(ctx, keys, count);
    return failed;
}

/* Of { name, codec, offset }: members of a structure, and layouts that share a nest. */
static int get_members(JSContext *ctx, JSValueConst array, struct layout *layout)
{
    uint32_t count, offset = 0;
    struct row *rows;

    if (get_number(ctx, array, "length", &count) || !(rows = add_rows(ctx, layout, count)))
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        JSValue from = JS_GetPropertyUint32(ctx, array, i);
        int failed = get_text(ctx, from, "name", &rows[i].name) ||
                     get_layout(ctx, from, "codec", &rows[i].layout) ||
                     get_number(ctx, from, "offset", &offset);

        JS_FreeValue(ctx, from);
        if (failed)
            return -1;
        rows[i].key = JS_NewAtom(ctx, rows[i].name);
        rows[i].number = offset;
    }
    return 0;
}

/* A layout by itself, as the value of a kind. */
static int get_kind(JSContext *ctx, JSValueConst from, struct row *row)
{
    JSValue program = JS_GetPropertyStr(ctx, from, "program");

    row->layout = layout_of(ctx, program);
    JS_FreeValue(ctx, program);
    return !row->layout;
}

/* ---- kinds ---- */

static int make_bytes(JSContext *ctx, JSValueConst data, struct layout *layout)
{
    JSValue lengths = JS_GetPropertyStr(ctx, data, "lengths");
    char index[2] = "0";
    uint32_t length = 0;
    int failed = 0;

    for (int i = 0; i < 2 && !failed; i++, index[0]++) {
        failed = get_number(ctx, lengths, index, &length);
        layout->lengths[i] = length;
    }
    JS_FreeValue(ctx, lengths);
    return failed;
}

static int make_attributes(JSContext *ctx, JSValueConst rows, struct layout *layout)
{
    uint8_t *row_of;

    if (get_rows(ctx, rows, layout, get_row))
        return -1;
    for (int i = 0; i < layout->count; i++)
        if (layout->rows[i].number >= layout->numbers)
            layout->numbers = layout->rows[i].number + 1;
    layout->row_of = row_of = js_mallocz(ctx, layout->numbers + 1u);
    for (int i = 0; row_of && i < layout->count; i++)
        row_of[layout->rows[i].number] = i + 1;
    return !row_of;
}

static int make_variant(JSContext *ctx, JSValueConst data, JSValueConst rows, struct layout *layout)
{
    JSValue kinds = JS_GetPropertyStr(ctx, data, "kinds");
    JSValue kind = JS_GetPropertyStr(ctx, rows, "kind");
    JSValue other = JS_GetPropertyStr(ctx, rows, "data");
    struct row *two = add_rows(ctx, layout, 2);
    uint32_t number = 0;
    int failed = !two || get_row(ctx, kind, &two[0]) || get_number(ctx, other, "number", &number) ||
                 get_text(ctx, other, "name", &two[1].name);

    if (!failed) {
        two[1].number = number;
        layout->first_kind = 2;
        failed = get_rows(ctx, kinds, layout, get_kind);
    }
    JS_FreeValue(ctx, other);
    JS_FreeValue(ctx, kind);
    JS_FreeValue(ctx, kinds);
    return failed;
}

static int make_one(JSContext *ctx, JSValueConst row, struct layout *layout)
{
    struct row *rows = add_rows(ctx, layout, 1);

    return !rows || get_row(ctx, row, rows);
}

static int make_counted(JSContext *ctx, JSValueConst data, struct layout *layout)
{
    const char *count;

    if (get_layout(ctx, data, "head", &layout->first) || get_layout(ctx, data, "item", &layout->item) ||
        get_text(ctx, data, "count", &count))
        return -1;
    while (layout->index < layout->first->count && strcmp(layout->first->rows[layout->index].name, count))
        layout->index++;
    return layout->index == layout->first->count;
}

/* What all rows of a kind are in, by the name that lib/bytes has for it. */
static const char *const member_of[KINDS] = {
    [STRUCT] = "members", [ATTRIBUTES] = "rows", [ONLY] = "row",     [LIST] = "row",
    [VARIANT] = "rows",   [SHARED] = "parts",    [PARTS] = "rows",
};

static int make_rows(JSContext *ctx, JSValueConst data, struct layout *layout)
{
    JSValue rows = JS_GetPropertyStr(ctx, data, member_of[layout->kind]);
    int failed = layout->kind == STRUCT || layout->kind == SHARED ? get_members(ctx, rows, layout)
                 : layout->kind == ATTRIBUTES                     ? make_attributes(ctx, rows, layout)
                 : layout->kind == VARIANT                        ? make_variant(ctx, data, rows, layout)
                 : layout->kind == PARTS                          ? get_rows(ctx, rows, layout, get_row)
                                                                  : make_one(ctx, rows, layout);

    JS_FreeValue(ctx, rows);
    return failed;
}

static int make(JSContext *ctx, JSValueConst data, struct layout *layout)
{
    if (get_number(ctx, data, "size", &layout->size) || get_flag(ctx, data, "nested", &layout->is_nested))
        return -1;
    if (member_of[layout->kind] && make_rows(ctx, data, layout))
        return -1;
    switch (layout->kind) {
    case INTEGER:
        return get_flag(ctx, data, "isSigned", &layout->is_signed) ||
               get_flag(ctx, data, "isBigEndian", &layout->is_big_endian) ||
               get_text(ctx, data, "name", &layout->name);
    case STRUCT:
        return get_text(ctx, data, "name", &layout->name);
    case BYTES:
        return make_bytes(ctx, data, layout);
    case TEXT:
        return get_flag(ctx, data, "isTerminated", &layout->is_terminated);
    case MESSAGE:
        return get_layout(ctx, data, "header", &layout->first) ||
               get_layout(ctx, data, "attributes", &layout->item);
    case PACKED:
        return get_layout(ctx, data, "header", &layout->first) ||
               get_layout(ctx, data, "attributes", &layout->item) || layout->item->count > MOST_PACKED;
    case COUNTED:
        return make_counted(ctx, data, layout);
    case ELEMENT:
        return get_number(ctx, data, "index", &layout->index) ||
               get_layout(ctx, data, "item", &layout->item);
    case RECORDS:
        return get_layout(ctx, data, "item", &layout->item);
    default:
        return 0;
    }
}

static enum kind kind_in(JSContext *ctx, JSValueConst data)
{
    const char *name = NULL;
    enum kind kind = 0;

    if (get_text(ctx, data, "kind", &name))
        return KINDS;
    while (kind < KINDS && strcmp(kind_names[kind], name))
        kind++;
    js_free(ctx, (char *)name);
    return kind;
}

JSValue layout_program(ARGS)
{
    UNUSED;
    enum kind kind = kind_in(ctx, argv[0]);
    struct layout *layout = kind == KINDS ? NULL : js_mallocz(ctx, sizeof *layout);
    JSValue program;

    if (layout)
        layout->kind = kind;
    if (!layout || make(ctx, argv[0], layout)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return JS_ThrowTypeError(ctx, __FILE__, __LINE__, "no layout can be made of this");
    }
    program = JS_NewObjectClass(ctx, (int)layout_names(ctx)->class);
    JS_SetOpaque(program, layout);
    return program;
}

/* Tells a recursive layout which one it stands for. */
JSValue layout_resolve(ARGS)
{
    UNUSED;
    struct layout *recursive = (struct layout *)layout_of(ctx, argv[0]);
    const struct layout *layout = recursive ? layout_of(ctx, argv[1]) : NULL;

    if (!layout)
        return JS_EXCEPTION;
    recursive->first = layout;
    return JS_UNDEFINED;
}

/*
 * Layouts: what tables of lib/bytes say, as programs. One is made of each table when its module is
 * loaded (layout.c), lies in the engine's memory, and so in the snapshot; it is never given back.
 * One function reads by them (layout-read.c), one writes (layout-write.c); none knows any table.
 */
#pragma once
#include "host.h"

enum kind {
    INTEGER, BLOCK, BYTES, TEXT, STRUCT, MESSAGE, ATTRIBUTES, ONLY, LIST, VARIANT, SHARED, RECURSIVE,
    COUNTED, ELEMENT, RECORDS, PARTS, PACKED, KINDS,
};

/* A member, an attribute, a part: whatever a layout has several of. */
struct row {
    JSAtom key;
    uint16_t number; /* of an attribute or a part; of a member, where it is */
    uint8_t is_repeated;
    const char *name;
    const struct layout *layout;
};

struct layout {
    uint8_t kind, is_nested;
    uint8_t is_signed, is_big_endian; /* INTEGER */
    uint8_t is_terminated;            /* TEXT */
    uint8_t lengths[2];               /* BYTES: those that it may have, if not 0 */
    uint32_t size;                    /* of what has always the same */
    uint32_t index;                   /* ELEMENT: its index; COUNTED: the row of the count */
    const char *name;                 /* of an integer or a structure */
    const struct layout *first;       /* MESSAGE, PACKED: the header; COUNTED: the head; RECURSIVE: which it is */
    const struct layout *item;        /* of an array; MESSAGE, PACKED: the attributes */
    struct row *rows;
    const uint8_t *row_of;            /* ATTRIBUTES: by number, 1 and more; 0 is none */
    uint16_t count, numbers;          /* of rows, and of that table */
    uint16_t first_kind;              /* VARIANT: the rows from here on are its kinds */
};

/* So many attributes may lie in each other. */
enum { MOST_PACKED = 8 /* attributes in a text */, MOST_NESTED = 32, ATTRIBUTE_HEAD = 4, NESTED_FLAG = 0x8000, TYPE_MASK = 0x3fff };

/* Names of what is read and written besides the tables' own, kept with the engine. */
struct names {
    JSClassID class;
    JSAtom kind, data, header, attributes, items, length, program;
    JSAtom codec, value, type, flags, sequence, port, bytes, at, end;
};
const struct names *layout_names(JSContext *ctx);

/* The program in a value, or NULL with an exception pending. */
const struct layout *layout_of(JSContext *ctx, JSValueConst program);

/* Why bytes or a value were refused: the words, or NULL if an exception is pending instead. */
struct refusal {
    JSContext *ctx;
    char *words;
};
int refuse(struct refusal *refusal, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts the name of the member that it happened in before the words: "name.member", or "name". */
int refuse_within(struct refusal *refusal, const char *name, const char *member);
/* Throws the words, as a text. */
JSValue throw_refusal(struct refusal *refusal);

struct reader {
    struct refusal refusal;
    const uint8_t *bytes;
    size_t at, end;
    int depth;
};
/* The value from where the reader is; an exception if the reader has a refusal. */
JSValue read_layout(struct reader *reader, const struct layout *layout);
JSValue new_bytes(JSContext *ctx, const uint8_t *bytes, size_t length);
/* Bytes as a text, one character each. */
JSValue new_packed(JSContext *ctx, const uint8_t *bytes, size_t length);

struct writer {
    struct refusal refusal;
    uint8_t *bytes;
    size_t at, room;
    int depth;
};
/* Goes so many bytes on, which are zero then; NULL if there is no memory. */
uint8_t *write_room(struct writer *writer, size_t count);
/* True if the value was refused. */
int write_layout(struct writer *writer, const struct layout *layout, JSValueConst value);
/* What was written, as a Uint8Array that has the memory now. */
JSValue written_bytes(struct writer *writer);

/* Adds layout() and resolve() to the module "codec", and makes the class of programs. */
int make_layout_class(JSContext *ctx);
JSValue layout_program(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
JSValue layout_resolve(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* Functions of the module "codec" about packed texts (packed.c). */
JSValue packed_address(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
JSValue packed_subnet(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
JSValue packed_common_bits(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

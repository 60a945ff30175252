/*
 * Packed texts (lib/bytes/packed.ts), one character a byte, in which thousands of hosts are kept: of
 * addresses as they are written, and how far two are the same. Part of the module "codec".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "layout.h"

JSValue new_packed(JSContext *ctx, const uint8_t *bytes, size_t length)
{
    char *text = js_malloc(ctx, 2 * length + 1);
    size_t size = 0;
    JSValue value;

    if (!text)
        return JS_EXCEPTION;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] >= 0x80)
            text[size++] = (char)(0xc0 | bytes[i] >> 6);
        text[size++] = (char)(bytes[i] >= 0x80 ? 0x80 | (bytes[i] & 0x3f) : bytes[i]);
    }
    value = JS_NewStringLen(ctx, text, size);
    js_free(ctx, text);
    return value;
}

/* An address behind its length, as usual: at most so many bytes, and a prefix length behind it. */
enum { MOST_ADDRESS = 1 + 16 + 1 };

/* Puts an address behind its length; returns the length, or 0 if the text is none. */
static size_t put_address(const char *text, uint8_t *into)
{
    size_t length = strchr(text, ':') ? 16 : 4;

    into[0] = (uint8_t)length;
    if (inet_pton(length == 4 ? AF_INET : AF_INET6, text, into + 1) != 1)
        return 0;
    return length == 16 && IN6_IS_ADDR_V4MAPPED((struct in6_addr *)(void *)(into + 1)) ? 0 : length;
}

/* The number of one to three digits that a text is; or one that is too large. */
static int prefix_length(const char *text)
{
    int value = 0;

    for (int i = 0; i < 3 && text[i]; i++) {
        if (text[i] < '0' || text[i] > '9')
            return INT32_MAX;
        value = 10 * value + text[i] - '0';
    }
    return text[0] && strlen(text) <= 3 ? value : INT32_MAX;
}

static int has_host_bits(const uint8_t *address, size_t length, int prefix)
{
    for (int bit = prefix; bit < 8 * (int)length; bit++)
        if (address[bit / 8] & (0x80 >> bit % 8))
            return 1;
    return 0;
}

/* A copy of a text that has no NUL in it and fits; false if there is none, true with an exception, too. */
static int copy_text(JSContext *ctx, JSValueConst value, char *into, size_t room)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    int fits = text && length < room && strlen(text) == length;

    if (fits)
        memcpy(into, text, length + 1);
    JS_FreeCString(ctx, text);
    return fits;
}

/* What is longer is no address (INET6_ADDRSTRLEN), with its prefix length. */
enum { MOST_TEXT = 46 + 5 };

static JSValue none(JSContext *ctx)
{
    return JS_HasException(ctx) ? JS_EXCEPTION : JS_UNDEFINED;
}

JSValue packed_address(ARGS)
{
    UNUSED;
    uint8_t packed[MOST_ADDRESS];
    char text[MOST_TEXT];
    size_t length = copy_text(ctx, argv[0], text, sizeof text) ? put_address(text, packed) : 0;

    return length ? new_packed(ctx, packed, 1 + length) : none(ctx);
}

JSValue packed_subnet(ARGS)
{
    UNUSED;
    uint8_t packed[MOST_ADDRESS];
    char text[MOST_TEXT], *slash = copy_text(ctx, argv[0], text, sizeof text) ? strchr(text, '/') : NULL;
    size_t length;
    int prefix;

    if (!slash)
        return none(ctx);
    *slash = 0;
    length = put_address(text, packed);
    prefix = prefix_length(slash + 1);
    if (!length || prefix > 8 * (int)length || has_host_bits(packed + 1, length, prefix))
        return JS_UNDEFINED;
    packed[1 + length] = (uint8_t)prefix;
    return new_packed(ctx, packed, length + 2);
}

/* Where in UTF-8 the character is that begins there or before; characters are below 256. */
static int is_inside(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

static int char_at(const char *text)
{
    uint8_t c = (uint8_t)text[0];

    return c < 0x80 ? c : (uint8_t)(c << 6 | (text[1] & 0x3f));
}

JSValue packed_common_bits(ARGS)
{
    UNUSED;
    size_t length, other_length, at = 0;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    const char *other = text ? JS_ToCStringLen(ctx, &other_length, argv[1]) : NULL;
    int bits = 0;

    if (other) {
        size_t end = length < other_length ? length : other_length;

        while (at < end && text[at] == other[at])
            bits += is_inside(text[at++]) ? 0 : 8;
        if (at < length && at < other_length) {
            if (is_inside(text[at]))
                at--, bits -= 8;
            bits += __builtin_clz((unsigned)(char_at(text + at) ^ char_at(other + at)) << 24 | 1 << 23);
        }
    }
    JS_FreeCString(ctx, text);
    JS_FreeCString(ctx, other);
    return other ? JS_NewInt32(ctx, bits) : JS_EXCEPTION;
}

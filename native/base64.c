/* Base64 (RFC 4648, section 4), as stores have it: there may be thousands of texts in one answer. */
#include "arguments.h"

/* What a digit stands for, or 64. */
static unsigned value_of(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26u;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52u;
    return digit == '+' ? 62 : digit == '/' ? 63 : 64;
}

/* Writes what so many digits say; how many bytes that are, or -1 if one of them is no digit. */
static long decode(const uint8_t *digits, size_t count, uint8_t *into)
{
    uint8_t *at = into;
    unsigned bits = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned value = value_of(digits[i]);

        if (value == 64)
            return -1;
        bits = bits << 6 | value;
        if (i % 4)
            *at++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return at - into;
}

/* A text of one, or undefined if it is none or does not say UTF-8. */
static JSValue host_textOfBase64(ARGS)
{
    UNUSED;
    size_t length, digits;
    const char *base64 = JS_ToCStringLen(ctx, &length, argv[0]);
    uint8_t *bytes = base64 ? js_malloc(ctx, length + 1) : NULL;
    JSValue text = JS_UNDEFINED;
    long count;

    if (!bytes) {
        JS_FreeCString(ctx, base64);
        return JS_EXCEPTION;
    }
    for (digits = length; digits > 0 && length - digits < 2 && base64[digits - 1] == '='; digits--)
        ;
    count = length % 4 ? -1 : decode((const uint8_t *)base64, digits, bytes);
    if (count >= 0 && is_utf8(bytes, bytes + count))
        text = JS_NewStringLen(ctx, (const char *)bytes, (size_t)count);
    js_free(ctx, bytes);
    JS_FreeCString(ctx, base64);
    return text;
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(textOfBase64, 1),
};

const struct functions base64_functions = { entries, sizeof entries / sizeof *entries };

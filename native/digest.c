/* SHA-256 (FIPS 180-4) by BearSSL, for names that stand for long texts: others choose the texts. */
#include "arguments.h"

#include <bearssl.h>

enum { BYTES = br_sha256_SIZE };

/* The digest of a text's UTF-8, in hexadecimal digits. */
static JSValue host_digestOfText(ARGS)
{
    UNUSED;
    static const char digits[] = "0123456789abcdef";
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    unsigned char digest[BYTES];
    char hex[2 * BYTES];
    br_sha256_context context;

    if (!text)
        return JS_EXCEPTION;
    br_sha256_init(&context);
    br_sha256_update(&context, text, length);
    br_sha256_out(&context, digest);
    JS_FreeCString(ctx, text);
    for (int i = 0; i < BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return JS_NewStringLen(ctx, hex, sizeof hex);
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(digestOfText, 1),
};

const struct functions digest_functions = { entries, sizeof entries / sizeof *entries };

/* SHA-256 and SHA-512 (FIPS 180-4) by BearSSL, for names that stand for longer texts. */
#include "arguments.h"

#include <bearssl.h>

enum { LONGEST = br_sha512_SIZE };

static JSValue in_hexadecimal(JSContext *ctx, const unsigned char *digest, int size)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * LONGEST];

    for (int i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return JS_NewStringLen(ctx, hex, 2 * size);
}

/* The SHA-256 of a text's UTF-8, in hexadecimal digits. */
static JSValue host_digestOfText(ARGS)
{
    UNUSED;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    unsigned char digest[br_sha256_SIZE];
    br_sha256_context context;

    if (!text)
        return JS_EXCEPTION;
    br_sha256_init(&context);
    br_sha256_update(&context, text, length);
    br_sha256_out(&context, digest);
    JS_FreeCString(ctx, text);
    return in_hexadecimal(ctx, digest, sizeof digest);
}

/* The SHA-512 of bytes, in hexadecimal digits. */
static JSValue host_sha512(ARGS)
{
    UNUSED;
    size_t length;
    const uint8_t *bytes = get_bytes(ctx, argv[0], &length);
    unsigned char digest[br_sha512_SIZE];
    br_sha512_context context;

    if (!bytes)
        return JS_EXCEPTION;
    br_sha512_init(&context);
    br_sha512_update(&context, bytes, length);
    br_sha512_out(&context, digest);
    return in_hexadecimal(ctx, digest, sizeof digest);
}

static const JSCFunctionListEntry agents[] = {
    FUNCTION(digestOfText, 1),
};

static const JSCFunctionListEntry everybodys[] = {
    FUNCTION(sha512, 1),
};

const struct functions digest_functions = { agents, sizeof agents / sizeof *agents };
const struct functions name_functions = { everybodys, sizeof everybodys / sizeof *everybodys };

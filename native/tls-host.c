/* TLS connections as functions of the module "host": a connection is a number from 1 on. */
#define _GNU_SOURCE
#include "arguments.h"
#include "tls.h"

#include <errno.h>
#include <string.h>

enum { MOST = 64 };

static struct tls *connections[MOST];

static struct tls *get_connection(JSContext *ctx, JSValueConst number)
{
    int32_t at;

    if (JS_ToInt32(ctx, &at, number))
        return NULL;
    if (at > 0 && at <= MOST && connections[at - 1])
        return connections[at - 1];
    JS_ThrowTypeError(ctx, __FILE__, __LINE__, "no TLS connection has this number");
    return NULL;
}

static int get_setup(JSContext *ctx, JSValueConst *argv, struct tls_setup *setup)
{
    double now;
    const struct {
        const uint8_t **bytes;
        size_t *length;
    } views[] = {
        { &setup->authorities, &setup->authorities_length },
        { &setup->chain, &setup->chain_length },
        { &setup->key, &setup->key_length },
        { &setup->seed, &setup->seed_length },
    };

    for (int i = 0; i < 4; i++) {
        *views[i].length = 1; /* stays if it is no view */
        *views[i].bytes = get_bytes(ctx, argv[i], views[i].length);
        if (!*views[i].bytes && *views[i].length)
            return 1;
    }
    if (JS_ToFloat64(ctx, &now, argv[4]) || get_ints(ctx, argv + 5, 1, (int *[]){ &setup->is_unverified }))
        return 1;
    /* From 1970 to days since year 0, and seconds of the day. */
    setup->days = (uint32_t)((int64_t)(now / 1000) / 86400 + 719528);
    setup->seconds = (uint32_t)((int64_t)(now / 1000) % 86400);
    return 0;
}

static JSValue host_tlsOpen(ARGS)
{
    UNUSED;
    struct tls_setup setup = { 0 };
    int fault = 0, at = 0;
    const char *name;

    if (get_setup(ctx, argv, &setup) || !(name = get_path(ctx, argv[6])))
        return JS_EXCEPTION;
    setup.server_name = *name ? name : NULL;
    while (at < MOST && connections[at])
        at++;
    if (at < MOST)
        connections[at] = tls_open(&setup, &fault);
    JS_FreeCString(ctx, name);
    return JS_NewInt32(ctx, at == MOST ? TLS_NO_MEMORY : fault ? fault : at + 1);
}

/* The functions that take or give bytes. */
#define WITH_CONNECTION(name, call)                                    \
    static JSValue host_##name(ARGS)                                   \
    {                                                                  \
        UNUSED;                                                        \
        size_t length;                                                 \
        struct tls *tls = get_connection(ctx, argv[0]);                \
        uint8_t *bytes = tls ? get_bytes(ctx, argv[1], &length) : NULL;\
                                                                       \
        if (!bytes)                                                    \
            return JS_EXCEPTION;                                       \
        return JS_NewInt64(ctx, (int64_t)call(tls, bytes, length));    \
    }

/* Fills how many bytes of records it took, and returns how many it gave. */
static JSValue host_tlsPass(ARGS)
{
    UNUSED;
    struct tls *tls = get_connection(ctx, argv[0]);
    struct tls_span records = { 0 }, into = { 0 };
    size_t length = 0, taken = 0;
    int *counts;
    size_t given;

    if (!tls || !(records.bytes = get_bytes(ctx, argv[1], &records.length)) ||
        !(into.bytes = get_bytes(ctx, argv[2], &into.length)) ||
        !(counts = (int *)(void *)get_bytes(ctx, argv[3], &length)))
        return JS_EXCEPTION;
    if (length < sizeof *counts)
        return JS_NewInt32(ctx, -EINVAL);
    given = tls_pass(tls, records, into, &taken);
    counts[0] = (int)taken;
    return JS_NewInt64(ctx, (int64_t)given);
}

static size_t tls_shown(struct tls *tls, uint8_t *bytes, size_t room)
{
    if (room < tls->verifier.length)
        return 0;
    if (tls->verifier.length)
        memcpy(bytes, tls->verifier.shown, tls->verifier.length);
    return tls->verifier.length;
}

WITH_CONNECTION(tlsGive, tls_give)
WITH_CONNECTION(tlsTake, tls_take)
WITH_CONNECTION(tlsWrite, tls_write)
WITH_CONNECTION(tlsRead, tls_read)
WITH_CONNECTION(tlsShown, tls_shown)

static JSValue host_tlsState(ARGS)
{
    UNUSED;
    struct tls *tls = get_connection(ctx, argv[0]);
    size_t length;
    int *into = tls ? (int *)(void *)get_bytes(ctx, argv[1], &length) : NULL;

    if (!into)
        return JS_EXCEPTION;
    if (length < 4 * sizeof *into)
        return JS_NewInt32(ctx, -EINVAL);
    into[0] = (int)br_ssl_engine_current_state(&tls->client.eng);
    into[1] = br_ssl_engine_last_error(&tls->client.eng);
    into[2] = tls->identity.is_asked;
    into[3] = (int)tls->authorities.skipped;
    return JS_NewInt32(ctx, 0);
}

static JSValue host_tlsSettle(ARGS)
{
    UNUSED;
    struct tls *tls = get_connection(ctx, argv[0]);

    if (!tls)
        return JS_EXCEPTION;
    tls_settle(tls);
    return JS_NewInt32(ctx, 0);
}

static JSValue host_tlsEnd(ARGS)
{
    UNUSED;
    struct tls *tls = get_connection(ctx, argv[0]);

    if (!tls)
        return JS_EXCEPTION;
    br_ssl_engine_close(&tls->client.eng);
    return JS_NewInt32(ctx, 0);
}

static JSValue host_tlsFree(ARGS)
{
    UNUSED;
    struct tls *tls = get_connection(ctx, argv[0]);

    if (!tls)
        return JS_EXCEPTION;
    for (int i = 0; i < MOST; i++)
        if (connections[i] == tls)
            connections[i] = NULL;
    tls_free(tls);
    return JS_NewInt32(ctx, 0);
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(tlsOpen, 7),
    FUNCTION(tlsGive, 2),
    FUNCTION(tlsTake, 2),
    FUNCTION(tlsWrite, 2),
    FUNCTION(tlsRead, 2),
    FUNCTION(tlsPass, 4),
    FUNCTION(tlsShown, 2),
    FUNCTION(tlsState, 2),
    FUNCTION(tlsSettle, 1),
    FUNCTION(tlsEnd, 1),
    FUNCTION(tlsFree, 1),
};

const struct functions tls_functions = { entries, sizeof entries / sizeof *entries };

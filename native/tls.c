/* One TLS connection: BearSSL's engine between records of the network and what is in them. */
#include "tls.h"

#include <stdlib.h>
#include <string.h>

/* TLS 1.2, keys that are forgotten afterwards, and ciphers that authenticate: what Go's servers have. */
static const uint16_t suites[] = {
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
};

/* The library would ask the machine for random bytes by itself; it has ours (getrandom(2)). */
br_prng_seeder br_prng_seeder_system(const char **name)
{
    if (name)
        *name = "none";
    return NULL;
}

#ifndef __GLIBC__
/* The archive was compiled with checks of lengths that this C library does not have. */
void *__memcpy_chk(void *to, const void *from, size_t length, size_t room);
void *__memmove_chk(void *to, const void *from, size_t length, size_t room);
void *__memset_chk(void *to, int byte, size_t length, size_t room);

void *__memcpy_chk(void *to, const void *from, size_t length, size_t room)
{
    return length <= room ? memcpy(to, from, length) : (abort(), to);
}

void *__memmove_chk(void *to, const void *from, size_t length, size_t room)
{
    return length <= room ? memmove(to, from, length) : (abort(), to);
}

void *__memset_chk(void *to, int byte, size_t length, size_t room)
{
    return length <= room ? memset(to, byte, length) : (abort(), to);
}
#endif

static void set_algorithms(br_ssl_client_context *client)
{
    br_ssl_engine_context *engine = &client->eng;

    br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(engine, suites, sizeof suites / sizeof *suites);
    br_ssl_engine_add_flags(engine, BR_OPT_NO_RENEGOTIATION);
    br_ssl_engine_set_hash(engine, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(engine, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_hash(engine, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_prf_sha256(engine, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(engine, &br_tls12_sha384_prf);
    br_ssl_engine_set_default_rsavrfy(engine);
    br_ssl_engine_set_default_ecdsa(engine);
    br_ssl_engine_set_default_aes_gcm(engine);
    br_ssl_engine_set_default_chapol(engine);
}

/* Answers the server's question for a certificate where there is none: it is known that it asked. */
static void ignore(const br_ssl_client_certificate_class **context)
{
    (void)context;
}

static void ignore_name(const br_ssl_client_certificate_class **context, size_t length)
{
    (void)context, (void)length;
}

static void ignore_part(const br_ssl_client_certificate_class **context, const unsigned char *bytes,
                        size_t length)
{
    (void)context, (void)bytes, (void)length;
}

static void choose_none(const br_ssl_client_certificate_class **context,
                        const br_ssl_client_context *client, uint32_t types,
                        br_ssl_client_certificate *choices)
{
    struct tls_identity *identity = (struct tls_identity *)(void *)context;

    (void)client, (void)types;
    identity->is_asked = 1;
    choices->chain = NULL;
    choices->chain_len = 0;
}

static const br_ssl_client_certificate_class nobody = {
    sizeof(struct tls_identity), ignore, ignore_name, ignore_part, ignore, ignore, choose_none,
    NULL, NULL,
};

static void set_identity(br_ssl_client_context *client, struct tls_identity *identity)
{
    const struct tls_chain *chain = &identity->chain;
    const br_rsa_private_key *rsa = chain->count ? br_skey_decoder_get_rsa(&identity->key) : NULL;

    identity->vtable = &nobody;
    if (chain->count == 0)
        br_ssl_client_set_client_certificate(client, &identity->vtable);
    else if (rsa)
        br_ssl_client_set_single_rsa(client, chain->certificates, chain->count, rsa,
                                     br_rsa_pkcs1_sign_get_default());
    else
        br_ssl_client_set_single_ec(client, chain->certificates, chain->count,
                                    br_skey_decoder_get_ec(&identity->key), BR_KEYTYPE_SIGN,
                                    BR_KEYTYPE_EC, br_ec_get_default(),
                                    br_ecdsa_sign_asn1_get_default());
}

struct tls *tls_open(const struct tls_setup *setup, int *fault)
{
    struct tls *tls = calloc(1, sizeof *tls);
    br_ssl_engine_context *engine = tls ? &tls->client.eng : NULL;

    if (!tls)
        return *fault = TLS_NO_MEMORY, NULL;
    tls->verifier.shown = malloc(TLS_SHOWN);
    *fault = tls->verifier.shown ? 0 : TLS_NO_MEMORY;
    if (!*fault && !setup->is_unverified)
        *fault = tls_read_authorities(&tls->authorities, setup->authorities,
                                      setup->authorities_length);
    if (!*fault)
        *fault = tls_read_identity(&tls->identity, setup);
    if (*fault)
        return tls_free(tls), NULL;
    br_ssl_client_zero(&tls->client);
    set_algorithms(&tls->client);
    tls_start_verifier(&tls->verifier, setup, &tls->authorities);
    br_ssl_engine_set_x509(engine, &tls->verifier.vtable);
    set_identity(&tls->client, &tls->identity);
    br_ssl_engine_set_buffers_bidi(engine, tls->in, sizeof tls->in, tls->out, sizeof tls->out);
    br_ssl_engine_inject_entropy(engine, setup->seed, setup->seed_length);
    br_ssl_client_reset(&tls->client, setup->server_name, 0);
    return tls;
}

/* There is no second handshake; if there were, nobody would be trusted. */
void tls_settle(struct tls *tls)
{
    tls->verifier.minimal.trust_anchors_num = 0;
    free(tls->authorities.anchors);
    free(tls->verifier.shown);
    tls->authorities.anchors = NULL;
    tls->verifier.shown = NULL;
    tls->verifier.length = 0;
}

/* Keys and what was said do not stay in memory. */
void tls_free(struct tls *tls)
{
    tls_settle(tls);
    free(tls->identity.chain.certificates);
    explicit_bzero(tls, sizeof *tls);
    free(tls);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t tls_give(struct tls *tls, const uint8_t *records, size_t length)
{
    br_ssl_engine_context *engine = &tls->client.eng;
    size_t taken = 0, room;
    uint8_t *into;

    while (taken < length && (into = br_ssl_engine_recvrec_buf(engine, &room))) {
        room = least(room, length - taken);
        memcpy(into, records + taken, room);
        br_ssl_engine_recvrec_ack(engine, room);
        taken += room;
    }
    return taken;
}

size_t tls_take(struct tls *tls, uint8_t *records, size_t room)
{
    br_ssl_engine_context *engine = &tls->client.eng;
    size_t given = 0, length;
    uint8_t *from;

    while (given < room && (from = br_ssl_engine_sendrec_buf(engine, &length))) {
        length = least(length, room - given);
        memcpy(records + given, from, length);
        br_ssl_engine_sendrec_ack(engine, length);
        given += length;
    }
    return given;
}

/* As much as one record takes, which is then ready to be taken. */
size_t tls_write(struct tls *tls, const uint8_t *bytes, size_t length)
{
    br_ssl_engine_context *engine = &tls->client.eng;
    size_t room;
    uint8_t *into = br_ssl_engine_sendapp_buf(engine, &room);

    if (!into)
        return 0;
    room = least(room, length);
    memcpy(into, bytes, room);
    br_ssl_engine_sendapp_ack(engine, room);
    br_ssl_engine_flush(engine, 0);
    return room;
}

size_t tls_read(struct tls *tls, uint8_t *bytes, size_t room)
{
    br_ssl_engine_context *engine = &tls->client.eng;
    size_t length;
    uint8_t *from = br_ssl_engine_recvapp_buf(engine, &length);

    if (!from)
        return 0;
    length = least(length, room);
    memcpy(bytes, from, length);
    br_ssl_engine_recvapp_ack(engine, length);
    return length;
}

size_t tls_pass(struct tls *tls, struct tls_span records, struct tls_span into, size_t *taken)
{
    size_t given = 0, more;

    *taken = 0;
    do {
        more = tls_give(tls, records.bytes + *taken, records.length - *taken);
        *taken += more;
        while (given < into.length) {
            size_t length = tls_read(tls, into.bytes + given, into.length - given);

            if (!length)
                break;
            given += length;
            more += length;
        }
    } while (more && given < into.length);
    return given;
}

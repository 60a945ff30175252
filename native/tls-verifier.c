/* Whom a TLS connection believes: BearSSL's verifier, and what the other end has shown to it. */
#include "tls.h"

#include <string.h>

static struct tls_verifier *verifier_of(const br_x509_class **context)
{
    return (struct tls_verifier *)(void *)context;
}

/* Nobody is asked for a name where nothing is verified. */
static void start_chain(const br_x509_class **context, const char *server_name)
{
    struct tls_verifier *verifier = verifier_of(context);

    verifier->length = verifier->count = verifier->is_full = 0;
    if (!verifier->is_unverified)
        verifier->minimal.vtable->start_chain(&verifier->minimal.vtable, server_name);
}

static void start_certificate(const br_x509_class **context, uint32_t length)
{
    struct tls_verifier *verifier = verifier_of(context);

    verifier->part = verifier->length;
    if (!verifier->is_unverified)
        verifier->minimal.vtable->start_cert(&verifier->minimal.vtable, length);
    else if (verifier->count == 0)
        br_x509_decoder_init(&verifier->decoder, NULL, NULL);
}

/* A certificate that there is no room for is not kept, nor are those after it; the first must be. */
static void append(const br_x509_class **context, const unsigned char *bytes, size_t length)
{
    struct tls_verifier *verifier = verifier_of(context);

    if (!verifier->shown || length > TLS_SHOWN - verifier->part)
        verifier->is_full = 1;
    if (!verifier->is_full)
        memcpy(verifier->shown + verifier->part, bytes, length), verifier->part += length;
    if (!verifier->is_unverified)
        verifier->minimal.vtable->append(&verifier->minimal.vtable, bytes, length);
    else if (verifier->count == 0)
        br_x509_decoder_push(&verifier->decoder, bytes, length);
}

static void end_certificate(const br_x509_class **context)
{
    struct tls_verifier *verifier = verifier_of(context);

    if (!verifier->is_full)
        verifier->length = verifier->part;
    verifier->count++;
    if (!verifier->is_unverified)
        verifier->minimal.vtable->end_cert(&verifier->minimal.vtable);
}

static unsigned end_chain(const br_x509_class **context)
{
    struct tls_verifier *verifier = verifier_of(context);

    if (verifier->length == 0)
        return verifier->count ? BR_ERR_X509_LIMIT_EXCEEDED : BR_ERR_X509_EMPTY_CHAIN;
    if (!verifier->is_unverified)
        return verifier->minimal.vtable->end_chain(&verifier->minimal.vtable);
    return (unsigned)br_x509_decoder_last_error(&verifier->decoder);
}

static const br_x509_pkey *public_key(const br_x509_class *const *context, unsigned *usages)
{
    struct tls_verifier *verifier = verifier_of((const br_x509_class **)(uintptr_t)context);

    if (!verifier->is_unverified)
        return verifier->minimal.vtable->get_pkey(&verifier->minimal.vtable, usages);
    if (usages)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return br_x509_decoder_get_pkey(&verifier->decoder);
}

static const br_x509_class verifier_class = {
    sizeof(struct tls_verifier), start_chain, start_certificate, append,
    end_certificate,             end_chain,   public_key,
};

/* RSA or ECDSA, by SHA-2 only. */
void tls_start_verifier(struct tls_verifier *verifier, const struct tls_setup *setup,
                        const struct tls_authorities *authorities)
{
    br_x509_minimal_context *minimal = &verifier->minimal;

    verifier->vtable = &verifier_class;
    verifier->is_unverified = setup->is_unverified;
    br_x509_minimal_init(minimal, &br_sha256_vtable, authorities->anchors, authorities->count);
    br_x509_minimal_set_rsa(minimal, br_rsa_pkcs1_vrfy_get_default());
    br_x509_minimal_set_ecdsa(minimal, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
    br_x509_minimal_set_hash(minimal, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_hash(minimal, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(minimal, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_time(minimal, setup->days, setup->seconds);
}

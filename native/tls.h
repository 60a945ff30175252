/*
 * The client's end of one TLS connection, by BearSSL: bytes in, bytes out, and no system calls. Only
 * who connects to a store needs it, so it lies at the end of the image (tools/image.ld).
 */
#pragma once
#include <bearssl.h>

/* What a connection is made of; certificates are DER, one after the other. */
struct tls_setup {
    const uint8_t *authorities, *chain, *key, *seed;
    size_t authorities_length, chain_length, key_length, seed_length;
    const char *server_name; /* NULL: no name is sent and none is checked here */
    uint32_t days, seconds;  /* the date, as BearSSL counts it: days since year 0 */
    int is_unverified;
};

/* Why a connection cannot be made; host.d.ts has the same numbers. */
enum tls_fault {
    TLS_NO_AUTHORITY = -1, /* none of the authorities can be used */
    TLS_BAD_CHAIN = -2,    /* the client's certificate cannot be read */
    TLS_BAD_KEY = -3,      /* nor its key */
    TLS_OTHER_KEY = -4,    /* the key is of another certificate */
    TLS_NO_MEMORY = -5,
};

/* Certificates, or authorities made of them, in one block of memory. */
struct tls_authorities {
    br_x509_trust_anchor *anchors;
    size_t count, skipped; /* skipped: of a kind that is not supported, or not readable */
};

struct tls_chain {
    br_x509_certificate *certificates;
    size_t count;
};

/* The chain that the other end shows is kept here, before it is verified (tls-verifier.c). */
struct tls_verifier {
    const br_x509_class *vtable;
    br_x509_minimal_context minimal;
    br_x509_decoder_context decoder; /* reads the first certificate where nothing is verified */
    int is_unverified;
    uint8_t *shown; /* whole certificates, as many as there is room for */
    size_t length, part, count;
    int is_full;
};

/* Who we are, if anybody asks. */
struct tls_identity {
    const br_ssl_client_certificate_class *vtable; /* answers where there is no certificate */
    int is_asked;
    struct tls_chain chain;
    br_skey_decoder_context key;
};

enum { TLS_SHOWN = 16 << 10, TLS_OUT = (4 << 10) + 85 };

struct tls {
    br_ssl_client_context client;
    struct tls_verifier verifier;
    struct tls_identity identity;
    struct tls_authorities authorities;
    uint8_t in[BR_SSL_BUFSIZE_INPUT], out[TLS_OUT];
};

/* The certificate at the start of some bytes: how long it is with its head, or 0 if it is none. */
size_t tls_certificate_length(const uint8_t *bytes, size_t length);
int tls_read_authorities(struct tls_authorities *into, const uint8_t *bytes, size_t length);
int tls_read_identity(struct tls_identity *into, const struct tls_setup *setup);

void tls_start_verifier(struct tls_verifier *verifier, const struct tls_setup *setup,
                        const struct tls_authorities *authorities);

/* Some bytes, and how many. */
struct tls_span {
    uint8_t *bytes;
    size_t length;
};

/* NULL with the reason in `fault` if there is none. */
struct tls *tls_open(const struct tls_setup *setup, int *fault);
void tls_free(struct tls *tls);
/* The other end is who it should be: what was needed to know that is given back. */
void tls_settle(struct tls *tls);
/* Each returns how many bytes it took or gave: records of the network, or what is in them. */
size_t tls_give(struct tls *tls, const uint8_t *records, size_t length);
size_t tls_take(struct tls *tls, uint8_t *records, size_t room);
size_t tls_write(struct tls *tls, const uint8_t *bytes, size_t length);
size_t tls_read(struct tls *tls, uint8_t *bytes, size_t room);
/* Gives records and takes what is in them, by turns, until all are given or there is no room; what is given is in `taken`. */
size_t tls_pass(struct tls *tls, struct tls_span records, struct tls_span into, size_t *taken);

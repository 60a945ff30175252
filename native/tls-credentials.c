/* Certificates and keys of a TLS connection: from DER to what BearSSL works with. */
#include "tls.h"

#include <stdlib.h>
#include <string.h>

/* A SEQUENCE whose length has up to three bytes; BearSSL judges what is in it. */
size_t tls_certificate_length(const uint8_t *bytes, size_t length)
{
    size_t size = 0, head = 2;

    if (length < 2 || bytes[0] != 0x30)
        return 0;
    if (bytes[1] < 0x80)
        size = bytes[1];
    else if (bytes[1] <= 0x83 && length > (head += bytes[1] & 3))
        for (size_t i = 2; i < head; i++)
            size = size << 8 | bytes[i];
    else
        return 0;
    return size && size <= length - head ? head + size : 0;
}

static size_t count_certificates(const uint8_t *bytes, size_t length)
{
    size_t count = 0;

    for (size_t size; (size = tls_certificate_length(bytes, length)); count++)
        bytes += size, length -= size;
    return count;
}

/* Where copies of names and keys go: never more than there is in the certificates themselves. */
struct storage {
    uint8_t *next, *end;
    int is_full;
};

static void store(void *context, const void *bytes, size_t length)
{
    struct storage *storage = context;

    if (length > (size_t)(storage->end - storage->next)) {
        storage->is_full = 1;
        return;
    }
    memcpy(storage->next, bytes, length);
    storage->next += length;
}

static uint8_t *store_key(struct storage *storage, const uint8_t *bytes, size_t length)
{
    uint8_t *at = storage->next;

    store(storage, bytes, length);
    return at;
}

/* False if the certificate is none, or its key of a kind that is not supported. */
static int read_anchor(br_x509_trust_anchor *anchor, struct storage *storage, const uint8_t *bytes,
                       size_t length)
{
    br_x509_decoder_context decoder;
    br_x509_pkey *key;

    anchor->dn.data = storage->next;
    br_x509_decoder_init(&decoder, store, storage);
    br_x509_decoder_push(&decoder, bytes, length);
    key = br_x509_decoder_get_pkey(&decoder);
    if (!key || storage->is_full)
        return 0;
    anchor->dn.len = storage->next - anchor->dn.data;
    anchor->flags = br_x509_decoder_isCA(&decoder) ? BR_X509_TA_CA : 0;
    anchor->pkey = *key;
    if (key->key_type == BR_KEYTYPE_RSA) {
        anchor->pkey.key.rsa.n = store_key(storage, key->key.rsa.n, key->key.rsa.nlen);
        anchor->pkey.key.rsa.e = store_key(storage, key->key.rsa.e, key->key.rsa.elen);
    } else {
        anchor->pkey.key.ec.q = store_key(storage, key->key.ec.q, key->key.ec.qlen);
    }
    return !storage->is_full;
}

int tls_read_authorities(struct tls_authorities *into, const uint8_t *bytes, size_t length)
{
    size_t count = count_certificates(bytes, length);
    uint8_t *block = malloc(count * sizeof *into->anchors + length + 1);
    struct storage storage = { block + count * sizeof *into->anchors, NULL, 0 };

    if (!block)
        return TLS_NO_MEMORY;
    storage.end = storage.next + length;
    into->anchors = (br_x509_trust_anchor *)(void *)block;
    for (; count; count--) {
        size_t size = tls_certificate_length(bytes, length);
        uint8_t *before = storage.next;

        if (read_anchor(into->anchors + into->count, &storage, bytes, size))
            into->count++;
        else
            storage.next = before, storage.is_full = 0, into->skipped++;
        bytes += size, length -= size;
    }
    return into->count ? 0 : TLS_NO_AUTHORITY;
}

static int read_chain(struct tls_chain *into, const uint8_t *bytes, size_t length)
{
    size_t count = count_certificates(bytes, length);
    uint8_t *block = malloc(count * sizeof *into->certificates + length + 1);
    uint8_t *copy = block + count * sizeof *into->certificates;

    if (!block)
        return TLS_NO_MEMORY;
    into->certificates = (br_x509_certificate *)(void *)block;
    memcpy(copy, bytes, length);
    for (; into->count < count; into->count++) {
        size_t size = tls_certificate_length(copy, length);

        into->certificates[into->count] = (br_x509_certificate){ copy, size };
        copy += size, length -= size;
    }
    return count && length == 0 ? 0 : TLS_BAD_CHAIN;
}

static int is_rsa_pair(const br_rsa_private_key *key, const br_x509_pkey *public)
{
    uint8_t modulus[BR_X509_BUFSIZE_KEY];
    br_rsa_compute_modulus compute = br_rsa_compute_modulus_get_default();
    size_t length = compute(NULL, key);

    if (public->key_type != BR_KEYTYPE_RSA || length == 0 || length > sizeof modulus)
        return 0;
    compute(modulus, key);
    return length == public->key.rsa.nlen && !memcmp(modulus, public->key.rsa.n, length);
}

static int is_ec_pair(const br_ec_private_key *key, const br_x509_pkey *public)
{
    uint8_t point[BR_EC_KBUF_PUB_MAX_SIZE];
    const br_ec_impl *curves = br_ec_get_default();
    size_t length;

    if (public->key_type != BR_KEYTYPE_EC || public->key.ec.curve != key->curve)
        return 0;
    length = br_ec_compute_pub(curves, NULL, point, key);
    return length && length == public->key.ec.qlen && !memcmp(point, public->key.ec.q, length);
}

static int check_pair(const struct tls_identity *identity)
{
    const br_x509_certificate *own = identity->chain.certificates;
    const br_rsa_private_key *rsa = br_skey_decoder_get_rsa(&identity->key);
    const br_ec_private_key *ec = br_skey_decoder_get_ec(&identity->key);
    br_x509_decoder_context decoder;
    const br_x509_pkey *public;

    br_x509_decoder_init(&decoder, NULL, NULL);
    br_x509_decoder_push(&decoder, own->data, own->data_len);
    public = br_x509_decoder_get_pkey(&decoder);
    if (!public)
        return TLS_BAD_CHAIN;
    return (rsa ? is_rsa_pair(rsa, public) : is_ec_pair(ec, public)) ? 0 : TLS_OTHER_KEY;
}

/* Without a certificate there is nothing to read. */
int tls_read_identity(struct tls_identity *into, const struct tls_setup *setup)
{
    int fault;

    if (setup->chain_length == 0)
        return 0;
    fault = read_chain(&into->chain, setup->chain, setup->chain_length);
    if (fault)
        return fault;
    br_skey_decoder_init(&into->key);
    br_skey_decoder_push(&into->key, setup->key, setup->key_length);
    return br_skey_decoder_last_error(&into->key) ? TLS_BAD_KEY : check_pair(into);
}

/* OpenSSL's objects: ssl/ssl_local.h, include/crypto/x509.h (crypto/x509/x509_local.h before 3.0);
 * 1.1.1 to 3.5. */
#include "base/bytes.h"
#include "native/structures.h"
#include <string.h>

/* IMPLEMENT_tls_meth_func: `static const SSL_METHOD NAME_data`, NAME as TLS_method. */
static bool is_method(const char *symbol) {
    return symbol && strstr(symbol, "method_data") &&
           (strncmp(symbol, "tls", 3) == 0 || strncmp(symbol, "TLS", 3) == 0 ||
            strncmp(symbol, "dtls", 4) == 0 || strncmp(symbol, "DTLS", 4) == 0);
}

/* One of the first words is exactly one of some twenty addresses, 43 bits, and the chunk is as
 * large as only these are. ssl_st begins with a version and the method, from 3.2 on with a type,
 * the context and two methods; ssl_ctx_st with the method, from 3.0 on behind a libctx. */
static const char *connection(const struct structure_look *l) {
    enum { LEAST = 600, WORDS = 4, VERSION_MAX = 0xffff };
    if (l->size < LEAST || l->have < WORDS * 8)
        return NULL;
    for (size_t i = 0; i < WORDS; i++) {
        if (!is_method(structure_symbol(l, u64_at(l->bytes, i * 8))))
            continue;
        uint32_t first = u32_at(l->bytes, 0);
        bool version = first && u64_at(l->bytes, 0) <= VERSION_MAX;
        return i >= 2 || (i == 1 && version) ? "OpenSSL: connection (SSL)"
                                             : "OpenSSL: context (SSL_CTX)";
    }
    return NULL;
}

/* RFC 5280 4.1: TBSCertificate begins with [0] EXPLICIT INTEGER 2, version 3, and a serial number:
 * 8 bytes that do not vary and a length that must be that of the content. */
static bool is_signed_part(const struct structure_look *l, uint64_t addr, uint64_t len) {
    static const uint8_t version[] = {0xa0, 3, 2, 1, 2, 2};
    uint8_t b[4 + sizeof version];
    if (len < sizeof b || len > 0xffff + 4 || !structure_fits(l, addr, len) ||
        image_read_prefix(l->img, addr, b, sizeof b) < sizeof b)
        return false;
    return b[0] == 0x30 && b[1] == 0x82 && (uint64_t)(b[2] << 8 | b[3]) + 4 == len &&
           memcmp(b + 4, version, sizeof version) == 0;
}

/* X509 begins with what was signed, kept as it came (ASN1_ENCODING: where, how long): 80 bits of
 * content, and sizes that agree. */
static const char *certificate(const struct structure_look *l) {
    enum { LEAST = 256, MOST = 1024, WORDS = 32 };
    if (l->size < LEAST || l->size > MOST)
        return NULL;
    for (size_t i = 0; i + 2 <= WORDS && (i + 2) * 8 <= l->have; i++) {
        uint64_t addr = u64_at(l->bytes, i * 8);
        if (addr && is_signed_part(l, addr, u64_at(l->bytes, i * 8 + 8))) {
            structure_part(l, addr, "X.509 certificate: signed part (DER)");
            return "X.509 certificate";
        }
    }
    return NULL;
}

const char *structure_openssl(const struct structure_look *l) {
    const char *name = connection(l);
    return name ? name : certificate(l);
}

#include "v8/numbers.h"

#include "base/limits.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond it the digits are hexadecimal: decimal ones take time by the square of their number. */
enum { DECIMAL_WORDS = 512 };

/* ECMAScript's Number::toString of 0.DIGITS x 10^point: plain from 1e-6 to below 1e21. */
static char *notation(const char *sign, const char *digits, int n, int point) {
    static const char zeros[] = "000000000000000000000";
    if (point > 21 || point < -5)
        return mem_printf("%s%c%s%.*se%+d", sign, digits[0], n > 1 ? "." : "", n - 1, digits + 1,
                          point - 1);
    if (point <= 0)
        return mem_printf("%s0.%.*s%.*s", sign, -point, zeros, n, digits);
    if (point >= n)
        return mem_printf("%s%.*s%.*s", sign, n, digits, point - n, zeros);
    return mem_printf("%s%.*s.%.*s", sign, point, digits, n - point, digits + point);
}

char *v8_number_text(double d) {
    char s[40], digits[24];
    int n = 0;
    if (isnan(d) || isinf(d))
        return mem_strdup(isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
    if (d == 0)
        return mem_strdup(signbit(d) ? "-0" : "0");
    for (int i = 0; i <= 16; i++) { /* the shortest that reads back the same */
        snprintf(s, sizeof s, "%.*e", i, fabs(d));
        if (strtod(s, NULL) == fabs(d))
            break;
    }
    const char *c = s;
    for (; *c != 'e'; c++)
        if (*c != '.')
            digits[n++] = *c;
    return notation(d < 0 ? "-" : "", digits, n, (int)strtol(c + 1, NULL, 10) + 1);
}

bool v8_number(struct v8_objects *o, uint64_t value, double *ret) {
    uint64_t bits;
    if (v8_is_smi(value)) {
        *ret = v8_smi(value);
        return true;
    }
    if (v8_kind(o, value) != KIND_HEAP_NUMBER || !v8_field(o, value, 8, &bits))
        return false;
    memcpy(ret, &bits, sizeof *ret);
    return true;
}

/* Divides by 10^19 until nothing is left: the pieces, the lowest first. */
static char *decimal(uint64_t *words, size_t n, const char *sign) {
    const uint64_t piece = 10000000000000000000ull;
    size_t most = n * 20 + 3, at = most;
    char *s = mem_alloc(most + 1), *ret;
    s[at] = '\0';
    while (n) {
        unsigned __int128 rest = 0;
        for (size_t i = n; i-- > 0;) {
            rest = rest << 64 | words[i];
            words[i] = (uint64_t)(rest / piece);
            rest %= piece;
        }
        while (n && !words[n - 1])
            n--;
        uint64_t r = (uint64_t)rest;
        for (int i = 0; i < 19 && (r || n); i++, r /= 10)
            s[--at] = (char)('0' + r % 10);
    }
    ret = mem_printf("%s%sn", sign, s[at] ? s + at : "0");
    free(s);
    return ret;
}

/* BigInt: a bit for the sign and the number of words (src/objects/bigint.h), the words from 16 on,
 * the lowest first. */
char *v8_bigint_text(struct v8_objects *o, uint64_t bigint, size_t max_words) {
    uint32_t bits;
    if (v8_kind(o, bigint) != KIND_BIGINT || !v8_field_u32(o, bigint, 8, &bits))
        return NULL;
    const char *sign = bits & 1 ? "-" : "";
    size_t n = bits >> 1 & 0x3fffffff, shown = n < max_words ? n : max_words;
    if (n > LIMIT_V8_BIGINT)
        return NULL;
    cleanup_free uint64_t *words = mem_grow(NULL, shown + 1, sizeof *words);
    uint64_t first = (bigint & ~3ull) + 16 + 8 * (n - shown);
    if (shown && image_read(o->img, first, words, 8 * shown) < 0)
        return NULL;
    if (shown == n && n <= DECIMAL_WORDS)
        return decimal(words, n, sign);
    char *hex = mem_grow(NULL, shown + 1, 16), *s;
    hex[0] = '\0';
    for (size_t i = 0; i < shown; i++)
        snprintf(hex + 16 * i, 17, "%016" PRIx64, words[shown - 1 - i]);
    s = mem_printf("%s0x%s%sn", sign, hex + strspn(hex, "0"), shown < n ? "..." : "");
    free(hex);
    return s;
}

/* Days since 1970 to a date of the proleptic Gregorian calendar, by eras of 400 years that begin in
 * March. */
static void civil(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = (int64_t)year + era * 400 + (*ret_month <= 2);
}

char *v8_date_text(double ms) {
    if (isnan(ms) || fabs(ms) > 8.64e15)
        return mem_strdup("Invalid Date");
    int64_t t = (int64_t)ms, day_ms = 86400000, year;
    int64_t days = t >= 0 ? t / day_ms : -((-t + day_ms - 1) / day_ms);
    unsigned month, day, rest = (unsigned)(t - days * day_ms);
    civil(days, &year, &month, &day);
    const char *sign = year < 0 ? "-" : year > 9999 ? "+" : "";
    return mem_printf("%s%0*" PRId64 "-%02u-%02uT%02u:%02u:%02u.%03uZ", sign, *sign ? 6 : 4,
                      year < 0 ? -year : year, month, day, rest / 3600000, rest / 60000 % 60,
                      rest / 1000 % 60, rest % 1000);
}

/* A response in one piece, and the same in two: both must end alike. */
#include "trial/http_response.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_response whole, parts;
    if (!size)
        return 0;
    const char *text = (const char *)data + 1;
    size_t n = size - 1, cut = data[0] < n ? data[0] : n;
    http_response_begin(&whole);
    http_response_begin(&parts);
    size_t taken = http_response_feed(&whole, text, n);
    size_t first = http_response_feed(&parts, text, cut);
    if (first == cut)
        first += http_response_feed(&parts, text + cut, n - cut);
    if (taken != first || whole.part != parts.part || whole.status != parts.status)
        abort();
    http_response_close(&whole);
    if (whole.part != HTTP_DONE && whole.part != HTTP_BROKEN)
        abort();
    return 0;
}

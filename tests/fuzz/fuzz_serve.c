/* What strangers send to `memwhy serve`, and what processes call themselves. */
#include "base/mem.h"
#include "model/cgroup.h"
#include "serve/accept.h"
#include "serve/address.h"
#include "serve/process_labels.h"
#include "serve/secret.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct token token = {"0123456789abcdef", 16};
    cleanup_free char *text = mem_strndup((const char *)data, size);
    struct serve_address address;
    char host[SERVE_HOST_MAX];
    accept_form(text);
    if (token_is_shown(&token, text) && strcmp(text + strlen("Bearer "), token.text) != 0)
        abort();
    if (serve_address_parse(text, &address, NULL) == 0)
        serve_address_host(&address, host);
    cleanup_free char *name = process_label_name("node", text);
    cleanup_free char *container = cgroup_container_id(text);
    cleanup_free char *pod = cgroup_pod_uid(text);
    struct metric_labels labels = {0};
    metric_label(&labels, "x", text);
    metric_label(&labels, "y", name);
    if ((container && strlen(container) < 32) || (pod && strlen(pod) < 32))
        abort();
    if (strlen(labels.at) != labels.n || labels.n > 4 * METRIC_LABEL_MAX + 16)
        abort();
    /* each quote inside is escaped: outside of pairs of a backslash and its letter there are four
     */
    size_t quotes = 0;
    for (const char *p = labels.at; *p; p++) {
        quotes += *p == '"';
        if (*p == '\\')
            p++;
    }
    if (quotes != 4 || strchr(labels.at, '\n'))
        abort();
    metric_labels_done(&labels);
    return 0;
}

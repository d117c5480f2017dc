/* The texts of /proc: smaps, smaps_rollup, stat, status, statm. */
#include "base/mem.h"
#include "kernel/process.h"
#include "kernel/smaps.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct smaps smaps;
    struct usage usage;
    struct process process = {0};
    struct process_statm statm;
    if (smaps_parse((const char *)data, len, &smaps) == 0) {
        usage = usage_sum(smaps.usages, smaps.regions.n);
        smaps_done(&smaps);
    }
    (void)smaps_rollup_parse((const char *)data, len, &usage);
    cleanup_free char *text = mem_strndup((const char *)data, len);
    (void)process_parse_stat(text, &process);
    process_parse_status(text, &process);
    (void)process_parse_statm(text, &statm);
    process_done(&process);
    return 0;
}

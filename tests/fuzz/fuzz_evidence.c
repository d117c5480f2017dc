/* Evidence that was kept, read again, judged, printed and kept once more. */
#include "model/account_diff.h"
#include "model/evidence_keep.h"
#include "report/explain.h"
#include "rules/rule.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct evidence ev;
    struct diagnosis d = {0};
    json_t *j = json_loadb((const char *)data, len, 0, NULL);
    int r = j ? evidence_of_json(j, &ev, NULL) : -1;
    json_decref(j);
    if (r < 0)
        return 0;
    rules_run(&ev, &d);
    json_t *doc = json_object();
    report_explain_json(doc, &ev, &d);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct report_style style = {0};
    report_explain(out, &ev, &d, &style);
    fclose(out);
    free(text);
    json_decref(doc);
    json_decref(evidence_to_json(&ev));
    diagnosis_done(&d);
    evidence_done(&ev);
    return 0;
}

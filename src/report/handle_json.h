/* One handle as JSON, for handles and sockets. What is unknown is absent. */
#ifndef MEMWHY_REPORT_HANDLE_JSON_H
#define MEMWHY_REPORT_HANDLE_JSON_H

#include "model/uv_census.h"
#include <jansson.h>

json_t *handle_json(const struct uv_handle *h);
json_t *descriptor_json(const struct descriptor *d);

void handle_json_u64(json_t *o, const char *key, uint64_t v);
void handle_json_addr(json_t *o, const char *key, uint64_t addr);
void handle_json_text(json_t *o, const char *key, const char *s); /* NULL and "": absent */

#endif

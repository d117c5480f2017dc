/* What memwhy thinks, by subject: MEMWHY_DEBUG=image,v8 (or "all") prints it on stderr. */
#ifndef MEMWHY_BASE_DEBUG_H
#define MEMWHY_BASE_DEBUG_H

#include <stdbool.h>

bool debug_on(const char *subject);
void debug(const char *subject, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

/* The options a Node process was started with: on its command line, and in NODE_OPTIONS. */
#ifndef MEMWHY_INSPECTOR_NODE_OPTIONS_H
#define MEMWHY_INSPECTOR_NODE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process;

/* It was given `option` ("--disable-sigusr1"), here or there. */
bool node_options_has(const struct process *p, const char *option);
/* Where its inspector would listen when it is opened: 9229 unless an option says otherwise; 0: any
 * port that is free. */
uint16_t node_options_inspector_port(const struct process *p);

#endif

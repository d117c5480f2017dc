/* `memwhy ps`: the line of each container, and its cgroup as JSON. */
#ifndef MEMWHY_CMD_PS_CONTAINERS_H
#define MEMWHY_CMD_PS_CONTAINERS_H

#include "collect/containers.h"
#include <jansson.h>
#include <stdio.h>

void ps_containers_print(const struct containers *all, FILE *out, unsigned width);
/* Array of objects; the caller owns it. */
json_t *ps_containers_json(const struct containers *all);

#endif

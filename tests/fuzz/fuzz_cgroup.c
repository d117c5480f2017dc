/* /proc/PID/cgroup, mountinfo and memory.pressure; mount points are what a container calls them. */
#include "base/mem.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_mount.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    cleanup_free char *text = mem_strndup((const char *)data, len);
    struct cgroup_place place = {0};
    struct pressure pressure;
    char *path;
    if (cgroup_parse_path(text, NULL, &path) == 0) {
        free(cgroup_label(path));
        if (cgroup_place_of_mount(text, "/x", 1, path, &place) == 0)
            cgroup_place_done(&place);
        free(path);
    }
    if (cgroup_place_of_mount(text, "", 2, "/a/b", &place) == 0)
        cgroup_place_done(&place);
    (void)pressure_parse(text, &pressure);
    return 0;
}

#include "v8/node_options.h"

#include <errno.h>
#include <string.h>

/* The object: a vtable, then two of libstdc++'s std::unordered_map, options and aliases: buckets,
 * their number, the first node, how many there are, and three words more (bits/hashtable.h). A
 * node: the next one, then the key, a std::string, which begins with a pointer to its characters in
 * both of libstdc++'s ABIs. Node 12 to 26. */
enum { W_OPTIONS = 1, W_ALIASES = 8, WORDS = 15 };
enum { M_FIRST = 2, M_COUNT = 3 };
enum { N_NEXT, N_KEY, NODE_WORDS };

enum { OPTIONS_MAX = 4096, OPTION_CHARS = 128 };

/* The keys of one map that are options: "--inspect-port", of "--prof-process <arg>" the first word.
 */
static int add_keys(const struct image *img, const uint64_t *map, struct flag_list *ret) {
    uint64_t node[NODE_WORDS], n = 0;
    for (uint64_t at = map[M_FIRST]; at && n < OPTIONS_MAX; at = node[N_NEXT], n++) {
        char name[OPTION_CHARS];
        if (image_read(img, at, node, sizeof node) < 0 ||
            image_read_string(img, node[N_KEY], name, sizeof name) < 0)
            return -EBADMSG;
        if (strncmp(name, "--", 2) == 0) /* others are of its own: "[has_eval_string]" */
            vec_push(&ret->options, mem_strndup(name, strcspn(name, "= ")));
    }
    return n == map[M_COUNT] ? 0 : -EBADMSG;
}

int v8_node_options_read(const struct image *img, const struct v8_layout *l,
                         struct flag_list *ret) {
    struct elf_symbol sym;
    uint64_t w[WORDS];
    size_t before = ret->options.n;
    if (!l->elf ||
        (elf_file_symbol(l->elf, "_ZN4node14options_parserL14_ppop_instanceE", &sym) < 0 &&
         elf_file_symbol(l->elf, "_ZN4node14options_parser14_ppop_instanceE", &sym) < 0) ||
        image_read(img, sym.value + l->bias, w, sizeof w) < 0 || !w[W_OPTIONS + M_FIRST])
        return -ENODATA;
    if (add_keys(img, w + W_OPTIONS, ret) == 0 && add_keys(img, w + W_ALIASES, ret) == 0)
        return 0;
    while (ret->options.n > before)
        free(ret->options.at[--ret->options.n]);
    return -EBADMSG;
}

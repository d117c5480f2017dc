/* Writes all over its memory, for as long as it lives: `writer MIB`, in small chunks, which take
 * long to count. Every line on stdin is answered by READY with how often it has been through. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 24, WITH_HEADER = 32, EVERY = 4096 / WITH_HEADER };

int main(int argc, char **argv) {
    size_t pages = (argc > 1 ? (size_t)atol(argv[1]) : 100) * 256;
    char line[64], **one_of_page = calloc(pages, sizeof *one_of_page);
    for (size_t i = 0; one_of_page && i < pages * EVERY; i++) {
        char *p = malloc(CHUNK);
        if (!p)
            return 1;
        *p = 1;
        if (i % EVERY == 0)
            one_of_page[i / EVERY] = p;
    }
    printf("READY {}\n");
    fflush(stdout);
    for (unsigned long rounds = 1; one_of_page; rounds++) {
        for (size_t i = 0; i < pages; i++)
            (*one_of_page[i])++;
        struct pollfd p = {.fd = 0, .events = POLLIN};
        if (poll(&p, 1, 0) <= 0)
            continue;
        if (!fgets(line, sizeof line, stdin))
            return 0;
        printf("READY {\"rounds\": %lu}\n", rounds);
        fflush(stdout);
    }
    return 1;
}

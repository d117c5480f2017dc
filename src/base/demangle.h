/* Names of C++ as people write them. */
#ifndef MEMWHY_BASE_DEMANGLE_H
#define MEMWHY_BASE_DEMANGLE_H

/* "_ZN4node7FillersEv" -> "node::Fillers()"; what is not mangled is copied. The caller frees it. */
char *demangle(const char *symbol);

/* A copy fit for one line: without return type and parameters, and without what is between brackets
 * where that is long: "std::vector<node::Environment*>::push_back(node::Environment* const&)"
 * becomes "std::vector<node::Environment*>::push_back". */
char *demangle_short(const char *name);

#endif

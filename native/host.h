/* What the parts of the native host know of each other. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* One module of bytecode inside the image; the table ends with a NULL name. */
struct blob {
    const char *name;
    const uint8_t *start, *end;
    int is_command;
};
extern const struct blob blobs[];

/* Runs the named module once, if it has not run, and returns its namespace object. */
JSValue load_module(JSContext *ctx, const char *name);

/* The module "host" (host.c). */
JSModuleDef *host_module(JSContext *ctx, char **args);

/* The allocator for the engine (arena.c); NULL if the kernel gives no memory. */
const JSMallocFunctions *arena(void);

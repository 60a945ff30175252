/* What the parts of the native host know of each other. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* Bytecode inside the image, or a command that is in "hot"; the table ends with a NULL name. */
struct blob {
    const char *name;
    const uint8_t *start, *end;
    int is_command;
};
extern const struct blob blobs[];

/* What a command or a module exports; a cold one is read and run, if that has not been before. */
JSValue load_module(JSContext *ctx, const char *name);

/* The command whose name a file has, or what it is a link to, step by step; NULL if there is none. */
const char *command_at(const char *path);

/* The modules "host" (host.c) and "codec" (codec.c), and the arguments that the first one shows. */
JSModuleDef *host_module(JSContext *ctx);
JSModuleDef *codec_module(JSContext *ctx);
void host_set_args(char **args);
void host_set_umask(void);

/* Where the engine's memory is (arena.c): tools/build.mjs links the snapshot to this address. */
#define ARENA_BASE 0x10000000
#ifdef __aarch64__
#define MAPPED_PAGE ((size_t)64 << 10) /* the largest that its kernels map memory by */
#else
#define MAPPED_PAGE ((size_t)4 << 10)
#endif
#define ARENA_SIZE ((size_t)48 << 20) /* hostile input must not take the node's memory */

/* What leads to everything in the arena; NULL until the engine has been made in it. */
struct roots {
    JSRuntime *runtime;
    JSContext *ctx;
    JSValue hot; /* what commands export, and what cold modules need: an object */
    const struct names *names; /* of members that layouts have (layout.h) */
};

/* Makes the arena usable; NULL if the kernel gives no memory. */
struct roots *arena_open(void);
/* How many pages the engine has asked for so far. */
size_t arena_pages(void);
/* How many bytes from ARENA_BASE are in use, in whole mapped pages; 0 if a big block is as well. */
size_t arena_trim(void);
extern const JSMallocFunctions arena_functions;

enum { STACK_LIMIT = 1 << 20 }; /* deeply nested JSON becomes an exception, not a crash */

/* Calls a function with a stack at an address that is the same each time: what was on it remains in
 * the engine's memory, between what is used, and a snapshot should always be the same. */
int on_fixed_stack(int (*function)(struct roots *), struct roots *roots);
/* Writes the engine's memory to stdout, when the image is made (snapshot.c). */
int write_snapshot(JSRuntime *runtime);

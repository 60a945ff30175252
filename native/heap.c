/*
 * Stands in for arena.c where every block has to come from malloc, so that AddressSanitizer sees
 * the first byte behind it: no region at a fixed address, no snapshot, and the same limit.
 */
#include <malloc.h>
#include <stdlib.h>

#include "host.h"

static void *heap_malloc(JSMallocState *state, size_t size)
{
    void *pointer;

    if (size == 0 || state->malloc_size + size > ARENA_SIZE)
        return NULL;
    pointer = malloc(size);
    if (pointer) {
        state->malloc_count++;
        state->malloc_size += malloc_usable_size(pointer);
    }
    return pointer;
}

static void heap_free(JSMallocState *state, void *pointer)
{
    if (!pointer)
        return;
    state->malloc_count--;
    state->malloc_size -= malloc_usable_size(pointer);
    free(pointer);
}

static void *heap_realloc(JSMallocState *state, void *pointer, size_t size)
{
    size_t before = malloc_usable_size(pointer);
    void *moved;

    if (!pointer)
        return heap_malloc(state, size);
    if (size == 0)
        return heap_free(state, pointer), NULL;
    if (state->malloc_size - before + size > ARENA_SIZE)
        return NULL;
    moved = realloc(pointer, size);
    if (moved)
        state->malloc_size += malloc_usable_size(moved) - before;
    return moved;
}

static size_t heap_usable_size(const void *pointer)
{
    return malloc_usable_size((void *)pointer);
}

const JSMallocFunctions arena_functions = { heap_malloc, heap_free, heap_realloc,
                                            heap_usable_size };

struct roots *arena_open(void)
{
    static struct roots roots;

    return &roots;
}

size_t arena_pages(void)
{
    return 0;
}

size_t arena_trim(void)
{
    return 0;
}

/* Read by the sanitizers at start-up: a plugin's environment is its caller's. The engine ends with
 * the process and frees nothing. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:exitcode=99";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1:exitcode=99";
}

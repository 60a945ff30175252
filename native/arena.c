/*
 * The engine's memory: one region at a fixed address, a bump pointer, a free list per size class.
 *
 * A plugin lives for a few milliseconds, so memory is never given back to the kernel; what is freed
 * is reused. Compared with the C library's allocator this saves some forty system calls a run.
 *
 * Because the address is fixed, the build can keep what is in the region once everything is loaded
 * (the snapshot), and link it back into the image at the very same place: see main.c.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "host.h"

enum {
    UNIT = 16,    /* sizes are rounded to this, and so aligned */
    SMALL = 1024, /* one class per UNIT up to here, four per power of two above */
    PER_POWER = 4,
    CLASSES = SMALL / UNIT + PER_POWER * 20,
};

/* Before every block; a free block holds the link to the next one of its class. */
struct block {
    size_t size;
    union {
        struct block *next;
        char pad[8];
    };
};

/* The beginning of the region: what has to be known of the rest. */
struct arena {
    struct roots roots;
    char *top;
    struct block *free_blocks[CLASSES];
};

static struct arena *const arena = (struct arena *)ARENA_BASE;
static char *const arena_end = (char *)ARENA_BASE + ARENA_SIZE;

/* The class of a size, and the size rounded up to what the class holds. */
static int class_of(size_t *size)
{
    size_t step = SMALL / PER_POWER / 2;
    int power = -1;

    if (*size <= SMALL) {
        *size = (*size + UNIT - 1) & ~(size_t)(UNIT - 1);
        return *size / UNIT;
    }
    while (*size > 2 * PER_POWER * step)
        step *= 2, power++;
    *size = (*size + step - 1) & ~(step - 1);
    return SMALL / UNIT + PER_POWER * power + (int)(*size / step) - PER_POWER;
}

static struct block *block_of(const void *pointer)
{
    return (struct block *)pointer - 1;
}

static void *arena_malloc(JSMallocState *state, size_t size)
{
    struct block *block;
    int class;

    if (size == 0 || size > ARENA_SIZE)
        return NULL;
    class = class_of(&size);
    block = arena->free_blocks[class];
    if (block) {
        arena->free_blocks[class] = block->next;
    } else {
        if ((size_t)(arena_end - arena->top) < size + sizeof *block)
            return NULL;
        block = (struct block *)(void *)arena->top;
        block->size = size;
        arena->top += size + sizeof *block;
    }
    state->malloc_count++;
    state->malloc_size += size;
    return block + 1;
}

static void arena_free(JSMallocState *state, void *pointer)
{
    struct block *block;
    size_t size;
    int class;

    if (!pointer)
        return;
    block = block_of(pointer);
    size = block->size;
    class = class_of(&size);
    block->next = arena->free_blocks[class];
    arena->free_blocks[class] = block;
    state->malloc_count--;
    state->malloc_size -= size;
}

static void *arena_realloc(JSMallocState *state, void *pointer, size_t size)
{
    void *moved;

    if (!pointer)
        return arena_malloc(state, size);
    if (size == 0)
        return arena_free(state, pointer), NULL;
    if (size <= block_of(pointer)->size)
        return pointer;
    moved = arena_malloc(state, size);
    if (moved) {
        memcpy(moved, pointer, block_of(pointer)->size);
        arena_free(state, pointer);
    }
    return moved;
}

static size_t arena_usable_size(const void *pointer)
{
    return pointer ? block_of(pointer)->size : 0;
}

const JSMallocFunctions arena_functions = { arena_malloc, arena_free, arena_realloc,
                                            arena_usable_size };

static char *page_after(const char *address)
{
    return (char *)(((uintptr_t)address + 4095) & ~(uintptr_t)4095);
}

/* The image holds the region up to its top, or one empty page; the rest is asked for here. */
struct roots *arena_open(void)
{
    char *rest = arena->top ? page_after(arena->top) : (char *)ARENA_BASE + 4096;

    if (mmap(rest, arena_end - rest, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return NULL;
    if (!arena->top)
        arena->top = (char *)(((uintptr_t)(arena + 1) + UNIT - 1) & ~(uintptr_t)(UNIT - 1));
    return &arena->roots;
}

size_t arena_used(void)
{
    return page_after(arena->top) - (char *)ARENA_BASE;
}

/*
 * The engine's memory: one reserved region, a bump pointer, and a free list per size class.
 *
 * A plugin lives for a few milliseconds, so memory is never given back to the kernel; what is freed
 * is reused. Compared with the C library's allocator this saves some forty system calls a run.
 */
#include <string.h>
#include <sys/mman.h>

#include "host.h"

enum {
    ARENA = 48 << 20,   /* hostile input must not take the node's memory */
    UNIT = 16,          /* sizes are rounded to this, and so aligned */
    SMALL = 1024,       /* one class per UNIT up to here, four per power of two above */
    CLASSES = SMALL / UNIT + 4 * 20,
};

/* Before every block; a free block holds the link to the next one of its class. */
struct block {
    size_t size;
    union {
        struct block *next;
        char pad[8];
    };
};

static char *top, *end;
static struct block *free_blocks[CLASSES];

/* The class of a size, and the size rounded up to what the class holds. */
static int class_of(size_t *size)
{
    size_t step = UNIT;
    int base = 0;

    if (*size <= SMALL) {
        *size = (*size + UNIT - 1) & ~(size_t)(UNIT - 1);
        return *size / UNIT;
    }
    while (*size > 8 * step * (SMALL / UNIT / 8))
        step *= 2, base++;
    step *= SMALL / UNIT / 8;
    *size = (*size + step - 1) & ~(step - 1);
    return SMALL / UNIT + 4 * (base - 1) + (int)(*size / step) - 4;
}

static void *arena_malloc(JSMallocState *state, size_t size)
{
    struct block *block;
    int class;

    if (size == 0 || size > ARENA)
        return NULL;
    class = class_of(&size);
    block = free_blocks[class];
    if (block) {
        free_blocks[class] = block->next;
    } else {
        if ((size_t)(end - top) < size + sizeof *block)
            return NULL;
        block = (struct block *)(void *)top;
        block->size = size;
        top += size + sizeof *block;
    }
    state->malloc_count++;
    state->malloc_size += size;
    return block + 1;
}

static struct block *block_of(const void *pointer)
{
    return (struct block *)pointer - 1;
}

static void arena_free(JSMallocState *state, void *pointer)
{
    struct block *block = block_of(pointer);
    size_t size;
    int class;

    if (!pointer)
        return;
    size = block->size;
    class = class_of(&size);
    block->next = free_blocks[class];
    free_blocks[class] = block;
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

const JSMallocFunctions *arena(void)
{
    static const JSMallocFunctions functions = { arena_malloc, arena_free, arena_realloc,
                                                 arena_usable_size };

    top = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (top == MAP_FAILED)
        return NULL;
    end = top + ARENA;
    return &functions;
}

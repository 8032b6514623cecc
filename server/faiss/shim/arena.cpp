// Hands the functions of `src/arena.rs` to tree-sitter, before `main` and so before any of its other functions runs.

#include <cstddef>

extern "C" {

void ts_set_allocator(void* (*)(size_t), void* (*)(size_t, size_t), void* (*)(void*, size_t), void (*)(void*));

void* conexus_arena_malloc(size_t);
void* conexus_arena_calloc(size_t, size_t);
void* conexus_arena_realloc(void*, size_t);
void conexus_arena_free(void*);

}  // extern "C"

namespace {

struct Installed {
    bool done;

    Installed() : done(true) {
        ts_set_allocator(conexus_arena_malloc, conexus_arena_calloc, conexus_arena_realloc, conexus_arena_free);
    }
};

const Installed installed;

}  // namespace

extern "C" bool conexus_arena_is_installed() { return installed.done; }

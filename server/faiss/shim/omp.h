// Stands in for OpenMP's header: FAISS is compiled without OpenMP, whose thread pool spins beside an editor.
//
// The locks are real. `HNSW::add_with_locks` takes them, and the builder calls it from threads of our own.
#pragma once

#include <atomic>
#include <stdexcept>
#include <thread>

/// Set while a builder's worker runs: true when another worker failed and may have left a lock taken.
inline thread_local const std::atomic<bool>* conexus_build_failed = nullptr;

/// One byte per vector. It yields instead of spinning, because workers run at low priority on few cores.
struct omp_lock_t {
    std::atomic<bool> taken{false};
};

inline void omp_init_lock(omp_lock_t*) {}
inline void omp_destroy_lock(omp_lock_t*) {}

inline void omp_set_lock(omp_lock_t* lock) {
    while (lock->taken.exchange(true, std::memory_order_acquire)) {
        if (conexus_build_failed && conexus_build_failed->load(std::memory_order_relaxed)) {
            throw std::runtime_error("another worker failed");
        }
        std::this_thread::yield();
    }
}

inline void omp_unset_lock(omp_lock_t* lock) {
    lock->taken.store(false, std::memory_order_release);
}

inline int omp_get_max_threads() { return 1; }
inline int omp_get_num_threads() { return 1; }
inline int omp_get_thread_num() { return 0; }
inline int omp_in_parallel() { return 0; }
inline void omp_set_num_threads(int) {}

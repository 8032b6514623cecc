// The C interface between Rust and faiss::HNSW. `src/ffi.rs` declares the same functions and is its only caller.
//
// Every function that can throw catches everything, returns 0 or 1 and leaves a message. Preconditions (sizes,
// ids, finite numbers) are checked in Rust; what is checked here guards memory inside FAISS.

#include <omp.h>

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/HNSW.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/impl/ResultHandler.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread.h>
#elif defined(_WIN32)
#include <windows.h>
#endif

// faiss/utils/random.cpp mentions BLAS in a function that nothing calls. build.rs renames the symbol.
extern "C" int sgemm_(const char*, const char*, int*, int*, int*, const float*, const float*, int*, const float*,
                      int*, float*, float*, int*) {
    std::abort();
}

extern "C" {

/// The int8 dot product that Rust chose for this processor. It never unwinds.
typedef int32_t (*conexus_dot)(const int8_t*, const int8_t*, size_t);

/// Borrowed vectors: `count` rows of `dim` codes, one scale each. Mirrors `ffi::RawVectors`.
struct conexus_vectors {
    const int8_t* codes;
    const float* scales;
    size_t dim;
    size_t count;
    conexus_dot dot;
};

struct conexus_query {
    const int8_t* codes;
    float scale;
    size_t k;
    size_t ef;
    const uint8_t* allowed;  // null: every id
    size_t allowed_bytes;
    const uint32_t* next_equal;  // null: no two vectors are equal
};

struct conexus_message {
    char text[256];
};

}  // extern "C"

namespace {

/// FAISS minimises, so the distance is the negated inner product.
struct Int8Distance final : faiss::DistanceComputer {
    conexus_vectors vectors;
    const int8_t* query = nullptr;
    float scale = 0;

    explicit Int8Distance(const conexus_vectors& vectors) : vectors(vectors) {}

    const int8_t* row(faiss::idx_t i) const { return vectors.codes + size_t(i) * vectors.dim; }

    void set_query(const float*) override { throw std::logic_error("vectors are int8"); }

    void set_row(faiss::idx_t i) {
        query = row(i);
        scale = -vectors.scales[i];
    }

    float operator()(faiss::idx_t i) override {
        return float(vectors.dot(query, row(i), vectors.dim)) * (scale * vectors.scales[i]);
    }

    // Rows are far apart in memory: ask for all of the four before the first is needed.
    void distances_batch_4(const faiss::idx_t i0, const faiss::idx_t i1, const faiss::idx_t i2, const faiss::idx_t i3,
                           float& d0, float& d1, float& d2, float& d3) override {
#if defined(__GNUC__)
        for (faiss::idx_t i : {i0, i1, i2, i3}) {
            for (size_t at = 0; at < vectors.dim; at += 64) {
                __builtin_prefetch(row(i) + at);
            }
            __builtin_prefetch(vectors.scales + i);
        }
#endif
        d0 = (*this)(i0);
        d1 = (*this)(i1);
        d2 = (*this)(i2);
        d3 = (*this)(i3);
    }

    float symmetric_dis(faiss::idx_t i, faiss::idx_t j) override {
        return -float(vectors.dot(row(i), row(j), vectors.dim)) * (vectors.scales[i] * vectors.scales[j]);
    }
};

/// A linked vector may be found when it is allowed itself or stands for an equal one that is.
struct Allowed final : faiss::IDSelector {
    const conexus_query& query;

    explicit Allowed(const conexus_query& query) : query(query) {}

    bool bit(faiss::idx_t id) const {
        return size_t(id >> 3) < query.allowed_bytes && (query.allowed[id >> 3] >> (id & 7) & 1);
    }

    bool is_member(faiss::idx_t id) const override {
        if (!query.next_equal) {
            return bit(id);
        }
        faiss::idx_t at = id;
        do {
            if (bit(at)) {
                return true;
            }
            at = query.next_equal[at];
        } while (at != id);
        return false;
    }
};

template <typename F>
int guarded(conexus_message* message, F&& body) noexcept {
    try {
        body();
        return 0;
    } catch (const std::exception& error) {
        std::snprintf(message->text, sizeof message->text, "%s", error.what());
    } catch (...) {
        std::snprintf(message->text, sizeof message->text, "unknown exception");
    }
    return 1;
}

}  // namespace

/// A graph. While it is built, `locks` and `order` are in use; afterwards only `visited_pool` changes.
struct conexus_graph {
    faiss::HNSW hnsw;
    std::vector<omp_lock_t> locks;
    std::vector<int> order;  // ids from the highest level to the lowest, shuffled within a level
    std::atomic<bool> failed{false};

    // A table is a byte per vector; making one for each search of a million costs a quarter of the search.
    std::mutex pool_lock;
    std::vector<std::unique_ptr<faiss::VisitedTable>> visited_pool;

    explicit conexus_graph(int m) : hnsw(m) {}

    std::unique_ptr<faiss::VisitedTable> take_visited() {
        {
            std::lock_guard<std::mutex> guard(pool_lock);
            if (!visited_pool.empty()) {
                auto table = std::move(visited_pool.back());
                visited_pool.pop_back();
                return table;
            }
        }
        return std::make_unique<faiss::VisitedTable>(int(hnsw.levels.size()));
    }

    void give_visited(std::unique_ptr<faiss::VisitedTable> table) {
        constexpr size_t kept = 8;
        std::lock_guard<std::mutex> guard(pool_lock);
        if (visited_pool.size() < kept) {
            visited_pool.push_back(std::move(table));
        }
    }
};

/// What one building thread needs.
struct conexus_worker {
    faiss::VisitedTable visited;
    Int8Distance distance;

    conexus_worker(const conexus_vectors& vectors) : visited(int(vectors.count)), distance(vectors) {}
};

extern "C" {

/// A graph without links, with a random level for each of `count` vectors where `linked` is 1, ready for
/// `conexus_graph_add`. The others are on level 0, which has no neighbour list: nothing leads there.
int conexus_graph_plan(const uint8_t* linked, size_t count, uint32_t m, uint32_t ef_construction, conexus_graph** out,
                       conexus_message* message) {
    return guarded(message, [&] {
        auto graph = std::make_unique<conexus_graph>(int(m));
        faiss::HNSW& hnsw = graph->hnsw;
        hnsw.efConstruction = int(ef_construction);
        std::vector<int>& order = graph->order;
        hnsw.levels.resize(count);
        for (size_t i = 0; i < count; i++) {
            if (linked[i]) {
                hnsw.levels[i] = hnsw.random_level() + 1;
                order.push_back(int(i));
            }
        }
        hnsw.prepare_level_tab(count, true);
        graph->locks = std::vector<omp_lock_t>(count);
        faiss::RandomGenerator random(789);
        for (size_t i = 0; i + 1 < order.size(); i++) {
            std::swap(order[i], order[i + random.rand_int(int(order.size() - i))]);
        }
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return hnsw.levels[a] > hnsw.levels[b]; });
        *out = graph.release();
    });
}

int conexus_worker_new(const conexus_vectors* vectors, conexus_worker** out, conexus_message* message) {
    return guarded(message, [&] { *out = new conexus_worker(*vectors); });
}

void conexus_worker_free(conexus_worker* worker) { delete worker; }

/// Links the vectors at the places `from..to` of the build order. The caller adds place 0 alone, first: it becomes
/// the entry point, has the highest level, and so the entry point is never written again. Then several threads may
/// call this at once, each with its own worker and places. Threads read neighbour lists that others write, as in
/// FAISS's own parallel build: each entry is an aligned int that is always an id or -1.
int conexus_graph_add(conexus_graph* graph, conexus_worker* worker, size_t from, size_t to, conexus_message* message) {
    conexus_build_failed = &graph->failed;
    int code = guarded(message, [&] {
        for (size_t place = from; place < to; place++) {
            int id = graph->order.at(place);
            worker->distance.set_row(id);
            graph->hnsw.add_with_locks(worker->distance, graph->hnsw.levels[id] - 1, id, graph->locks, worker->visited);
        }
    });
    conexus_build_failed = nullptr;
    if (code) {
        graph->failed.store(true);
    }
    return code;
}

/// Frees what only building needs.
void conexus_graph_finish(conexus_graph* graph) {
    std::vector<omp_lock_t>().swap(graph->locks);
    std::vector<int>().swap(graph->order);
}

/// A graph with the given levels (1 is the lowest, 0 is not linked) and no links yet; the caller fills `conexus_graph_links`.
int conexus_graph_from_levels(const uint8_t* levels, size_t count, uint32_t m, uint32_t ef_construction, int32_t entry_point,
                              int32_t max_level, conexus_graph** out, conexus_message* message) {
    return guarded(message, [&] {
        auto graph = std::make_unique<conexus_graph>(int(m));
        faiss::HNSW& hnsw = graph->hnsw;
        hnsw.efConstruction = int(ef_construction);
        hnsw.levels.assign(levels, levels + count);
        for (int level : hnsw.levels) {
            if (level < 0 || size_t(level) >= hnsw.cum_nneighbor_per_level.size()) {
                throw std::out_of_range("level out of range");
            }
        }
        hnsw.prepare_level_tab(count, true);
        hnsw.entry_point = entry_point;
        hnsw.max_level = max_level;
        *out = graph.release();
    });
}

void conexus_graph_free(conexus_graph* graph) { delete graph; }

int32_t conexus_graph_entry_point(const conexus_graph* graph) { return graph->hnsw.entry_point; }
int32_t conexus_graph_max_level(const conexus_graph* graph) { return graph->hnsw.max_level; }
size_t conexus_graph_count(const conexus_graph* graph) { return graph->hnsw.levels.size(); }
const int* conexus_graph_levels(const conexus_graph* graph) { return graph->hnsw.levels.data(); }

/// All neighbour lists, one after the other, in the order of ids and then of levels.
int32_t* conexus_graph_links(conexus_graph* graph, size_t* length) {
    *length = graph->hnsw.neighbors.size();
    return graph->hnsw.neighbors.data();
}

/// Fills `ids` and `distances` (room for `query->k` each), nearest first; -1 where there are fewer than k.
int conexus_graph_search(conexus_graph* graph, const conexus_vectors* vectors, const conexus_query* query, int64_t* ids,
                         float* distances, conexus_message* message) {
    return guarded(message, [&] {
        using Results = faiss::HeapBlockResultHandler<faiss::HNSW::C>;
        Results results(1, distances, ids, query->k);
        Results::SingleResultHandler handler(results);
        handler.begin(0);
        Int8Distance distance(*vectors);
        distance.query = query->codes;
        distance.scale = -query->scale;
        Allowed allowed(*query);
        faiss::SearchParametersHNSW parameters;
        parameters.efSearch = int(query->ef);
        // Without a filter FAISS can keep candidates in plain heaps: 10 % faster than its bounded queue, same recall.
        parameters.bounded_queue = query->allowed != nullptr;
        parameters.sel = query->allowed ? &allowed : nullptr;
        auto visited = graph->take_visited();
        graph->hnsw.search(distance, handler, *visited, &parameters);
        graph->give_visited(std::move(visited));
        handler.end();
    });
}

/// Gives freed memory back to the system where the C library would keep it.
void conexus_release_memory() {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}

/// Lets everything else on the machine go first. It lasts as long as the calling thread; failure is harmless.
void conexus_lower_thread_priority() {
#if defined(__linux__)
    setpriority(PRIO_PROCESS, id_t(syscall(SYS_gettid)), 10);
#elif defined(__APPLE__)
    pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0);
#elif defined(_WIN32)
    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
#endif
}

}  // extern "C"

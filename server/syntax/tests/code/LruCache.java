package org.example.cache;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A cache that forgets what was not used for longest.
 *
 * @param <K> what is asked for
 * @param <V> what is kept
 */
public class LruCache<K extends Comparable<? super K>, V> implements Iterable<Map.Entry<K, V>>, AutoCloseable {

    /** Why an entry went away. */
    public enum Cause {
        /** Others took its place. */
        SIZE("size") {
            @Override
            boolean isCounted() {
                return true;
            }
        },
        EXPIRED("expired"),
        REMOVED("removed");

        private final String label;

        Cause(String label) {
            this.label = label;
        }

        boolean isCounted() {
            return false;
        }

        @Override
        public String toString() {
            return label;
        }
    }

    /** Told of each entry that goes away. */
    @FunctionalInterface
    public interface Listener<K, V> {
        void removed(K key, V value, Cause cause);

        default Listener<K, V> andThen(Listener<? super K, ? super V> next) {
            return (key, value, cause) -> {
                removed(key, value, cause);
                next.removed(key, value, cause);
            };
        }
    }

    /** Figures at one moment. */
    public record Statistics(long hits, long misses, long evicted) {
        public Statistics {
            if (hits < 0 || misses < 0) {
                throw new IllegalArgumentException("counts are not negative: " + hits + ", " + misses);
            }
        }

        double rate() {
            return hits + misses == 0 ? 1.0 : (double) hits / (hits + misses);
        }
    }

    /** Thrown where a value cannot be loaded. */
    public static class LoadingException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public LoadingException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private static final class Node<K, V> {
        final K key;
        V value;
        Instant used;
        Node<K, V> before, after;

        Node(K key, V value, Instant used) {
            this.key = key;
            this.value = value;
            this.used = used;
        }
    }

    private final Map<K, Node<K, V>> nodes = new HashMap<>();
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private final int capacity;
    private final Duration timeToLive;
    private final Clock clock;
    private final List<Listener<K, V>> listeners = Collections.synchronizedList(new ArrayList<>());
    private Node<K, V> first, last;
    private long hits, misses, evicted;

    static {
        System.setProperty("org.example.cache.loaded", "true");
    }

    public LruCache(int capacity) {
        this(capacity, Duration.ofMinutes(10), Clock.systemUTC());
    }

    public LruCache(int capacity, Duration timeToLive, Clock clock) {
        if (capacity < 1) {
            throw new IllegalArgumentException("a cache holds something, not " + capacity);
        }
        this.capacity = capacity;
        this.timeToLive = Objects.requireNonNull(timeToLive, "timeToLive");
        this.clock = clock;
    }

    /** The value of a key, which counts as a use of it. */
    public Optional<V> get(K key) {
        lock.writeLock().lock();
        try {
            Node<K, V> node = nodes.get(key);
            if (node == null || node.used.plus(timeToLive).isBefore(clock.instant())) {
                misses++;
                return Optional.empty();
            }
            hits++;
            node.used = clock.instant();
            unlink(node);
            linkFirst(node);
            return Optional.of(node.value);
        } finally {
            lock.writeLock().unlock();
        }
    }

    public V computeIfAbsent(K key, Function<? super K, ? extends V> load) {
        return get(key).orElseGet(() -> {
            final V value;
            try {
                value = load.apply(key);
            } catch (IllegalStateException | UnsupportedOperationException error) {
                throw new LoadingException("cannot load %s".formatted(key), error);
            }
            put(key, value);
            return value;
        });
    }

    public void put(K key, V value) {
        lock.writeLock().lock();
        try {
            Node<K, V> node = nodes.get(key);
            if (node != null) {
                unlink(node);
                node.value = value;
            } else {
                node = new Node<>(key, value, clock.instant());
                nodes.put(key, node);
            }
            linkFirst(node);
            while (nodes.size() > capacity) {
                drop(last, Cause.SIZE);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    public void merge(K key, V value, BiFunction<? super V, ? super V, ? extends V> merger) {
        put(key, get(key).<V>map(old -> merger.apply(old, value)).orElse(value));
    }

    private void drop(Node<K, V> node, Cause cause) {
        unlink(node);
        nodes.remove(node.key);
        if (cause.isCounted()) {
            evicted += 1;
        }
        for (var listener : listeners) {
            listener.removed(node.key, node.value, cause);
        }
    }

    private void linkFirst(Node<K, V> node) {
        node.before = null;
        node.after = first;
        if (first != null) {
            first.before = node;
        }
        first = node;
        if (last == null) last = node;
    }

    private void unlink(Node<K, V> node) {
        if (node.before != null) node.before.after = node.after; else if (first == node) first = node.after;
        if (node.after != null) node.after.before = node.before; else if (last == node) last = node.before;
    }

    public String describe(Object what) {
        return switch (what) {
            case Statistics(long hit, long miss, long gone) when hit > miss -> "good: " + gone;
            case Statistics other -> "bad: " + other.rate();
            case null -> "nothing";
            default -> """
                of "%s" nothing is known;
                    ask again
                """.formatted(what);
        };
    }

    @Override
    public Iterator<Map.Entry<K, V>> iterator() {
        return new Iterator<>() {
            private Node<K, V> next = first;

            @Override
            public boolean hasNext() {
                return next != null;
            }

            @Override
            public Map.Entry<K, V> next() {
                if (next == null) {
                    throw new NoSuchElementException();
                }
                var entry = Map.entry(next.key, next.value);
                next = next.after;
                return entry;
            }
        };
    }

    @Override
    public String toString() {
        return nodes.keySet().stream().sorted().map(Object::toString).collect(Collectors.joining(", ", "[", "]"));
    }

    @Override
    public void close() {
        nodes.clear();
        first = last = null;
    }
}

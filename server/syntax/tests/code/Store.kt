@file:JvmName("Stores")

package org.example.store

import java.io.Closeable
import java.io.IOException
import java.nio.file.Path
import kotlin.io.path.exists
import kotlin.io.path.readText
import kotlin.properties.Delegates
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.launch

/** What may be asked of a store. */
typealias Reducer<S, A> = (state: S, action: A) -> S

/** What happened. */
sealed interface Action {
    data class Add(val item: Item, val at: Int = 0) : Action

    data class Remove(val id: ItemId) : Action

    data object Clear : Action
}

@JvmInline
value class ItemId(val raw: String) {
    init {
        require(raw.isNotBlank()) { "an id is not blank" }
    }

    override fun toString() = "#$raw"
}

data class Item(
    val id: ItemId,
    val title: String,
    val tags: Set<String> = emptySet(),
    val parent: ItemId? = null,
)

enum class Level(val weight: Int) {
    Low(1),
    High(10) {
        override fun label() = "!$name"
    };

    open fun label(): String = name.lowercase()

    companion object {
        fun of(weight: Int): Level = entries.lastOrNull { it.weight <= weight } ?: Low
    }
}

sealed class Outcome<out T> {
    data class Good<T>(val value: T) : Outcome<T>()

    data class Bad(val cause: Throwable) : Outcome<Nothing>()

    inline fun <R> map(transform: (T) -> R): Outcome<R> = when (this) {
        is Good -> Good(transform(value))
        is Bad -> this
    }
}

inline fun <reified E : Throwable, T> attempt(block: () -> T): Outcome<T> =
    try {
        Outcome.Good(block())
    } catch (error: Throwable) {
        if (error is E) Outcome.Bad(error) else throw error
    }

/** State that changes by actions alone. */
open class Store<S : Any, A>(
    initial: S,
    private val reducer: Reducer<S, A>,
    vararg middleware: Middleware<S, A>,
) : Closeable {
    fun interface Middleware<S, A> {
        fun before(state: S, action: A): A?
    }

    private val middleware = middleware.toList()
    private val states = MutableStateFlow(initial)
    private var jobs = mutableListOf<Job>()

    val state get() = states.asStateFlow()

    var handled: Int by Delegates.observable(0) { _, old, new ->
        check(new > old) { "$new does not follow $old" }
    }
        private set

    protected open val name: String by lazy { this::class.simpleName ?: "store" }

    fun dispatch(action: A) {
        val allowed = middleware.fold(action as A?) { current, next ->
            current?.let { next.before(states.value, it) }
        } ?: return
        states.value = reducer(states.value, allowed)
        handled += 1
    }

    operator fun plusAssign(action: A) = dispatch(action)

    fun CoroutineScope.every(period: Duration, action: () -> A): Job =
        launch {
            while (true) {
                delay(period)
                dispatch(action())
            }
        }.also { jobs += it }

    override fun close() {
        jobs.forEach(Job::cancel)
        jobs.clear()
    }

    companion object {
        const val LIMIT = 1_000

        @JvmStatic
        fun items(): Store<List<Item>, Action> = Store(
            initial = emptyList(),
            reducer = { state, action ->
                when (action) {
                    is Action.Add -> state.toMutableList().apply { add(action.at.coerceIn(0, size), action.item) }
                    is Action.Remove -> state.filterNot { it.id == action.id || it.parent == action.id }
                    Action.Clear -> emptyList()
                }
            },
            Middleware { state, action -> action.takeUnless { state.size >= LIMIT } },
        )
    }
}

/** Reads items, one per line: `id|title|tag,tag`. */
fun load(path: Path): Flow<Item> = flow {
    if (!path.exists()) throw IOException("$path is not there")
    for ((number, line) in path.readText().lineSequence().withIndex()) {
        if (line.isBlank() || line.startsWith("//")) continue
        val (id, title, tags) = line.split('|').also {
            if (it.size != 3) throw IOException("line ${number + 1}: three fields, not ${it.size}")
        }
        emit(Item(ItemId(id), title.trim(), tags.split(",").mapTo(sortedSetOf(), String::trim)))
    }
}

internal fun <T, K> Iterable<T>.countedBy(key: (T) -> K): Map<K, Int> =
    groupingBy(key).eachCount().toSortedMap(compareBy { it.toString() })

val String.initials: String
    get() = split(' ').mapNotNull { it.firstOrNull()?.uppercaseChar() }.joinToString("")

infix fun Item.under(parent: Item) = copy(parent = parent.id)

object Report {
    private val head = """
        |title: "items"
        |period: ${5.seconds}
    """.trimMargin()

    fun of(items: List<Item>): String = buildString {
        appendLine(head)
        items.countedBy { it.tags.size }.forEach { (tags, count) ->
            append("  ").append(tags).append(": ").appendLine(count)
        }
        outer@ for (item in items) {
            for (tag in item.tags) {
                if (tag == "hidden") continue@outer
            }
            appendLine("${item.title.initials} ${Level.of(item.tags.size).label()}")
        }
    }
}

suspend fun main() {
    Store.items().use { store ->
        store += Action.Add(Item(ItemId("1"), "first item"))
        println(Report.of(store.state.value))
    }
}

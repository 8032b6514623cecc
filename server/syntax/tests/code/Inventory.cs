using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Threading;
using System.Threading.Tasks;

namespace Example.Inventory;

/// <summary>How much of an article there is.</summary>
public readonly record struct Quantity(int Value) : IComparable<Quantity>
{
    public static readonly Quantity None = new(0);

    public int CompareTo(Quantity other) => Value.CompareTo(other.Value);

    public static Quantity operator +(Quantity left, Quantity right) => new(checked(left.Value + right.Value));
    public static Quantity operator -(Quantity left, Quantity right) => new(left.Value - right.Value);
    public static bool operator <(Quantity left, Quantity right) => left.CompareTo(right) < 0;
    public static bool operator >(Quantity left, Quantity right) => left.CompareTo(right) > 0;
    public static implicit operator Quantity(int value) => new(value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

public record Article(string Number, string Name)
{
    [JsonPropertyName("price")]
    public decimal Price { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();
}

public enum Movement : byte
{
    Receipt = 1,
    Issue,
    Correction,
}

/// <summary>Not enough is there.</summary>
public sealed class ShortageException : InvalidOperationException
{
    public ShortageException(Article article, Quantity missing)
        : base($"{missing} of {article.Name} are missing")
    {
        Article = article;
        Missing = missing;
    }

    public Article Article { get; }
    public Quantity Missing { get; }
}

public interface IStore<TKey, TValue> where TKey : notnull
{
    ValueTask<TValue?> FindAsync(TKey key, CancellationToken cancel = default);
    Task SaveAsync(TKey key, TValue value, CancellationToken cancel = default);

    bool IsReadOnly => false;
}

public delegate void StockChanged(Article article, Quantity before, Quantity after);

public abstract partial class Ledger
{
    protected const string Separator = ";";

    protected abstract TextWriter Open(string name);

    public virtual void Write(string name, params object?[] fields)
    {
        using var writer = Open(name);
        writer.WriteLine(string.Join(Separator, fields.Select(field => field switch
        {
            null => "",
            string text when text.Contains(Separator, StringComparison.Ordinal) => $"\"{text.Replace("\"", "\"\"")}\"",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => field.ToString(),
        })));
    }
}

/// <summary>What is in stock, and what happened to it.</summary>
public sealed class Inventory : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Quantity> _stock = new(StringComparer.OrdinalIgnoreCase);
    private readonly IStore<string, Article> _articles;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private int _changes;

    public event StockChanged? Changed;

    public Inventory(IStore<string, Article> articles) => _articles = articles ?? throw new ArgumentNullException(nameof(articles));

    ~Inventory() => _gate.Dispose();

    public int Changes => Volatile.Read(ref _changes);

    public Quantity this[string number]
    {
        get => _stock.TryGetValue(number, out var quantity) ? quantity : Quantity.None;
        private set => _stock[number] = value;
    }

    /// <summary>Moves some of an article.</summary>
    /// <exception cref="ShortageException">More is taken than there is.</exception>
    public async Task<Quantity> MoveAsync(string number, Movement movement, Quantity quantity, CancellationToken cancel = default)
    {
        var article = await _articles.FindAsync(number, cancel).ConfigureAwait(false)
            ?? throw new KeyNotFoundException(number);
        await _gate.WaitAsync(cancel);
        try
        {
            var before = this[number];
            var after = movement switch
            {
                Movement.Receipt => before + quantity,
                Movement.Issue when quantity > before => throw new ShortageException(article, quantity - before),
                Movement.Issue => before - quantity,
                Movement.Correction => quantity,
                _ => throw new ArgumentOutOfRangeException(nameof(movement), movement, "no such movement"),
            };
            this[number] = after;
            Interlocked.Increment(ref _changes);
            Changed?.Invoke(article, before, after);
            return after;
        }
        finally
        {
            _gate.Release();
        }
    }

    public async IAsyncEnumerable<(Article Article, Quantity Quantity)> ListAsync(
        Func<Article, bool>? filter = null,
        [EnumeratorCancellation] CancellationToken cancel = default)
    {
        foreach (var (number, quantity) in _stock.OrderBy(pair => pair.Key))
        {
            if (await _articles.FindAsync(number, cancel) is { } article && (filter?.Invoke(article) ?? true))
            {
                yield return (article, quantity);
            }
        }
    }

    public ILookup<string, string> ByTag(IEnumerable<Article> articles)
    {
        var pairs = from article in articles
                    from tag in article.Tags
                    where this[article.Number] > Quantity.None
                    orderby tag, article.Name
                    select new { tag, article.Name };
        return pairs.ToLookup(pair => pair.tag, pair => pair.Name);

        static bool IsShort(string text) => text.Length < 3;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.Yield();
        _gate.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class Snapshot<T> : IDisposable where T : class, new()
    {
        private T? _value = new();

        public T Value => _value ?? throw new ObjectDisposedException(nameof(Snapshot<T>));

        public void Dispose() => _value = null;
    }
}

internal static class Extensions
{
    internal static Quantity Sum<T>(this IEnumerable<T> source, Func<T, Quantity> of) =>
        source.Aggregate(Quantity.None, (sum, item) => sum + of(item));

#if DEBUG
    internal static void Dump(this Inventory inventory) => Console.WriteLine($@"C:\stock\{inventory.Changes:D4}");
#else
    internal static void Dump(this Inventory inventory) { }
#endif
}

<?php

declare(strict_types=1);

namespace Example\Http;

use Closure;
use InvalidArgumentException;
use Psr\Container\ContainerInterface;
use Psr\Http\Message\{ResponseInterface, ServerRequestInterface};
use RuntimeException;
use function array_key_exists;
use function sprintf;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** A request that no route fits. */
final class NotFound extends RuntimeException
{
    public function __construct(public readonly string $path, private int $status = 404)
    {
        parent::__construct(sprintf('nothing is at "%s"', $path), $status);
    }
}

enum Strictness: string
{
    case Exact = 'exact';
    case TrailingSlash = 'slash';

    public static function default(): self
    {
        return self::TrailingSlash;
    }

    public function normalise(string $path): string
    {
        return match ($this) {
            self::Exact => $path,
            self::TrailingSlash => $path === '/' ? $path : rtrim($path, '/'),
        };
    }
}

interface Middleware
{
    public const PRIORITY = 10;

    public function handle(ServerRequestInterface $request, Closure $next): ResponseInterface;
}

trait Nameable
{
    private ?string $name = null;

    public function name(string $name): static
    {
        $this->name = $name;

        return $this;
    }

    abstract public function path(): string;
}

#[\Attribute(\Attribute::TARGET_METHOD | \Attribute::IS_REPEATABLE)]
class Get
{
    public function __construct(public string $path, public array $middleware = [])
    {
    }
}

class Route
{
    use Nameable;

    /** @var array<string, string> */
    private array $where = [];

    /**
     * @param callable|array{class-string, string} $handler
     */
    public function __construct(
        private readonly string $method,
        private readonly string $path,
        private $handler,
        private array $middleware = [],
    ) {
        if (!in_array($method, METHODS, true)) {
            throw new InvalidArgumentException("no such method: {$method}");
        }
    }

    public function path(): string
    {
        return $this->path;
    }

    public function where(string $parameter, string $pattern): self
    {
        $this->where[$parameter] = $pattern;

        return $this;
    }

    /** Parameters when the route fits. */
    public function match(string $method, string $path): ?array
    {
        if ($method !== $this->method) {
            return null;
        }
        $pattern = preg_replace_callback(
            '/\{(\w+)(\?)?\}/',
            fn (array $found): string => sprintf(
                '(?<%s>%s)%s',
                $found[1],
                $this->where[$found[1]] ?? '[^\/]+',
                $found[2] ?? '',
            ),
            $this->path,
        );
        if (!preg_match("#^{$pattern}$#u", $path, $found)) {
            return null;
        }

        return array_filter($found, 'is_string', ARRAY_FILTER_USE_KEY);
    }

    public function run(ServerRequestInterface $request, ContainerInterface $container): ResponseInterface
    {
        $core = function (ServerRequestInterface $request) use ($container): ResponseInterface {
            [$class, $method] = is_array($this->handler) ? $this->handler : [null, $this->handler];

            return $class === null ? $method($request) : $container->get($class)->{$method}($request);
        };
        $chain = array_reduce(
            array_reverse($this->middleware),
            static fn (Closure $next, string $name) => static fn ($request) => $container->get($name)->handle($request, $next),
            $core,
        );

        return $chain($request);
    }
}

abstract class Group
{
    protected static int $count = 0;

    abstract protected function prefix(): string;

    public static function counted(): int
    {
        return static::$count;
    }
}

final class Router extends Group implements \Countable, \IteratorAggregate
{
    /** @var list<Route> */
    private array $routes = [];
    private array $names = [];

    public function __construct(
        private ContainerInterface $container,
        private Strictness $strictness = Strictness::TrailingSlash,
        private string $prefix = '',
    ) {
    }

    public function __call(string $name, array $arguments): Route
    {
        return $this->add(strtoupper($name), ...$arguments);
    }

    public function add(string $method, string $path, callable|array $handler, string ...$middleware): Route
    {
        $route = new Route($method, $this->prefix() . $path, $handler, $middleware);
        $this->routes[] = $route;
        ++self::$count;

        return $route;
    }

    public function group(string $prefix, Closure $define): void
    {
        $before = $this->prefix;
        $this->prefix .= $prefix;
        try {
            $define($this);
        } finally {
            $this->prefix = $before;
        }
    }

    public function dispatch(ServerRequestInterface $request): ResponseInterface
    {
        $path = $this->strictness->normalise($request->getUri()->getPath());
        foreach ($this->routes as $route) {
            $parameters = $route->match($request->getMethod(), $path);
            if ($parameters === null) {
                continue;
            }
            foreach ($parameters as $name => $value) {
                $request = $request->withAttribute($name, $value);
            }

            return $route->run($request, $this->container);
        }

        throw new NotFound($path);
    }

    public function count(): int
    {
        return count($this->routes);
    }

    public function getIterator(): \Generator
    {
        foreach ($this->routes as $index => $route) {
            yield $index => $route->path();
        }
    }

    protected function prefix(): string
    {
        return $this->prefix;
    }
}

function describe(Router $router): string
{
    $lines = '';
    foreach ($router as $index => $path) {
        $lines .= <<<LINE
            {$index}: {$path}

            LINE;
    }

    return $lines ?: <<<'NONE'
        no $routes
        NONE;
}

$handler = new class implements Middleware {
    public function handle(ServerRequestInterface $request, Closure $next): ResponseInterface
    {
        return $next($request->withHeader('X-Seen', (string) microtime(true)));
    }
};
?>
<ul>
<?php foreach (METHODS as $method): ?>
  <li><?= htmlspecialchars($method) ?></li>
<?php endforeach; ?>
</ul>

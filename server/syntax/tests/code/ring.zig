//! A ring of fixed capacity, and a pool of threads that empties it.

const std = @import("std");
const builtin = @import("builtin");
const Allocator = std.mem.Allocator;
const assert = std.debug.assert;

pub const Error = error{
    Full,
    Closed,
} || Allocator.Error;

/// What becomes of a value when there is no room.
pub const Overflow = enum(u8) {
    refuse,
    drop_oldest,
    _,

    pub fn name(self: Overflow) []const u8 {
        return switch (self) {
            .refuse => "refuse",
            .drop_oldest => "drop oldest",
            _ => "unknown",
        };
    }
};

/// A ring of `T`. The capacity is a power of two.
pub fn Ring(comptime T: type, comptime capacity: usize) type {
    comptime {
        if (capacity == 0 or capacity & (capacity - 1) != 0) {
            @compileError("the capacity is a power of two");
        }
    }

    return struct {
        const Self = @This();
        const mask = capacity - 1;

        items: [capacity]T = undefined,
        head: usize = 0,
        tail: usize = 0,
        overflow: Overflow = .refuse,
        dropped: u64 = 0,

        pub const Iterator = struct {
            ring: *const Self,
            at: usize,

            pub fn next(self: *Iterator) ?T {
                if (self.at == self.ring.tail) return null;
                defer self.at += 1;
                return self.ring.items[self.at & mask];
            }
        };

        pub fn len(self: Self) usize {
            return self.tail -% self.head;
        }

        pub fn push(self: *Self, value: T) Error!void {
            if (self.len() == capacity) switch (self.overflow) {
                .drop_oldest => {
                    self.head +%= 1;
                    self.dropped += 1;
                },
                else => return error.Full,
            };
            self.items[self.tail & mask] = value;
            self.tail +%= 1;
        }

        pub fn pop(self: *Self) ?T {
            if (self.len() == 0) return null;
            const value = self.items[self.head & mask];
            self.head +%= 1;
            return value;
        }

        pub fn iterator(self: *const Self) Iterator {
            return .{ .ring = self, .at = self.head };
        }

        pub fn format(
            self: Self,
            comptime _: []const u8,
            _: std.fmt.FormatOptions,
            writer: anytype,
        ) !void {
            try writer.print("Ring({d}/{d})", .{ self.len(), capacity });
        }
    };
}

const Message = union(enum) {
    text: []const u8,
    number: i64,
    quit,

    fn cost(self: Message) usize {
        return switch (self) {
            .text => |text| text.len,
            .number => |number| blk: {
                var digits: usize = 1;
                var rest = @abs(number);
                while (rest >= 10) : (rest /= 10) {
                    digits += 1;
                }
                break :blk digits;
            },
            .quit => 0,
        };
    }
};

pub const Header = extern struct {
    magic: u32 align(4),
    length: u16,
    flags: packed struct(u16) {
        compressed: bool,
        last: bool,
        rest: u14 = 0,
    },
};

/// Threads that take messages out of a ring.
pub const Pool = struct {
    allocator: Allocator,
    mutex: std.Thread.Mutex = .{},
    changed: std.Thread.Condition = .{},
    ring: Ring(Message, 64) = .{},
    threads: []std.Thread,
    closed: bool = false,
    handled: std.atomic.Value(u64) = .init(0),

    const Options = struct {
        threads: ?usize = null,
        stack_size: usize = 1 << 20,
    };

    pub fn init(allocator: Allocator, options: Options) !*Pool {
        const count = options.threads orelse try std.Thread.getCpuCount();
        const pool = try allocator.create(Pool);
        errdefer allocator.destroy(pool);
        pool.* = .{ .allocator = allocator, .threads = try allocator.alloc(std.Thread, count) };
        errdefer allocator.free(pool.threads);
        for (pool.threads, 0..) |*thread, number| {
            thread.* = std.Thread.spawn(.{ .stack_size = options.stack_size }, work, .{ pool, number }) catch |err| {
                std.log.err("thread {d}: {s}", .{ number, @errorName(err) });
                return err;
            };
        }
        return pool;
    }

    pub fn deinit(self: *Pool) void {
        {
            self.mutex.lock();
            defer self.mutex.unlock();
            self.closed = true;
        }
        self.changed.broadcast();
        for (self.threads) |thread| thread.join();
        self.allocator.free(self.threads);
        self.allocator.destroy(self);
    }

    pub fn send(self: *Pool, message: Message) Error!void {
        self.mutex.lock();
        defer self.mutex.unlock();
        if (self.closed) return Error.Closed;
        try self.ring.push(message);
        self.changed.signal();
    }

    fn work(self: *Pool, number: usize) void {
        _ = number;
        while (true) {
            const message = take: {
                self.mutex.lock();
                defer self.mutex.unlock();
                while (true) {
                    if (self.ring.pop()) |found| break :take found;
                    if (self.closed) return;
                    self.changed.wait(&self.mutex);
                }
            };
            if (message == .quit) return;
            _ = self.handled.fetchAdd(message.cost(), .monotonic);
        }
    }
};

fn largest(comptime T: type, values: []const T) ?T {
    var found: ?T = null;
    for (values) |value| {
        found = if (found) |before| @max(before, value) else value;
    }
    return found;
}

const usage =
    \\usage: ring [--threads N]
    \\
    \\  --threads N   "0" is one per core
    \\
;

pub fn main() !void {
    var arena = std.heap.ArenaAllocator.init(std.heap.page_allocator);
    defer arena.deinit();
    const arguments = try std.process.argsAlloc(arena.allocator());
    if (arguments.len > 1 and std.mem.eql(u8, arguments[1], "--help")) {
        std.debug.print("{s}", .{usage});
        return;
    }
    const pool = try Pool.init(arena.allocator(), .{ .threads = 2 });
    defer pool.deinit();
    inline for (.{ "one", "two", "three" }) |word| {
        pool.send(.{ .text = word }) catch unreachable;
    }
    if (builtin.mode == .Debug) std.debug.print("{?d}\n", .{largest(u8, "ring")});
}

test "a full ring refuses or drops" {
    var ring: Ring(u32, 2) = .{};
    try ring.push(1);
    try ring.push(2);
    try std.testing.expectError(error.Full, ring.push(3));
    ring.overflow = .drop_oldest;
    try ring.push(3);
    try std.testing.expectEqual(@as(?u32, 2), ring.pop());
}

test largest {
    try std.testing.expect(largest(i32, &.{}) == null);
    assert(largest(i32, &[_]i32{ -1, 4, 3 }).? == 4);
}

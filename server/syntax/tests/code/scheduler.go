// Package scheduler runs jobs at their times, a few of them at once.
package scheduler

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

// Errors that callers may ask for with errors.Is.
var (
	ErrClosed    = errors.New("scheduler: closed")
	ErrDuplicate = errors.New("scheduler: a job of this name is waiting")
)

// Priority orders jobs that are due at the same time.
type Priority int

const (
	Low Priority = iota - 1
	Normal
	High
)

func (p Priority) String() string {
	switch p {
	case Low:
		return "low"
	case High:
		return "high"
	default:
		return "normal"
	}
}

// Clock is what tells the time; tests have their own.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Job is one piece of work.
type Job struct {
	Name     string `json:"name"`
	Due      time.Time
	Priority Priority
	Run      func(ctx context.Context) error

	index int // in the heap
}

// Failure is a job that ended with an error, or panicked.
type Failure struct {
	Job      string
	Attempts int
	Err      error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("job %q failed after %d attempts: %v", f.Job, f.Attempts, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }

type queue []*Job

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].Due.Equal(q[j].Due) {
		return q[i].Priority > q[j].Priority
	}
	return q[i].Due.Before(q[j].Due)
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	job := x.(*Job)
	job.index = len(*q)
	*q = append(*q, job)
}

func (q *queue) Pop() any {
	old := *q
	last := len(old) - 1
	job := old[last]
	old[last] = nil
	*q = old[:last]
	return job
}

// Option changes how a Scheduler works.
type Option func(*Scheduler)

// WithClock replaces the system's clock.
func WithClock(clock Clock) Option {
	return func(s *Scheduler) { s.clock = clock }
}

// WithWorkers sets how many jobs run at once.
func WithWorkers(count int) Option {
	return func(s *Scheduler) {
		if count < 1 {
			count = 1
		}
		s.slots = make(chan struct{}, count)
	}
}

// Scheduler holds jobs until they are due.
type Scheduler struct {
	mu      sync.Mutex
	waiting queue
	names   map[string]*Job
	slots   chan struct{}
	wake    chan struct{}
	clock   Clock
	done    sync.WaitGroup
	closed  bool
	report  func(*Failure)
}

// New makes a scheduler that nobody runs yet.
func New(report func(*Failure), options ...Option) *Scheduler {
	s := &Scheduler{
		names:  make(map[string]*Job),
		slots:  make(chan struct{}, 4),
		wake:   make(chan struct{}, 1),
		clock:  systemClock{},
		report: report,
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// Add puts a job into the queue.
func (s *Scheduler) Add(job *Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if _, known := s.names[job.Name]; known {
		return fmt.Errorf("%w: %s", ErrDuplicate, job.Name)
	}
	s.names[job.Name] = job
	heap.Push(&s.waiting, job)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Run works until the context ends, then waits for what it has begun.
func (s *Scheduler) Run(ctx context.Context) error {
	defer s.done.Wait()
loop:
	for {
		job, wait := s.next()
		if job == nil {
			select {
			case <-ctx.Done():
				break loop
			case <-s.wake:
			case <-s.clock.After(wait):
			}
			continue
		}
		s.slots <- struct{}{}
		s.done.Add(1)
		go func() {
			defer func() { <-s.slots; s.done.Done() }()
			if err := attempt(ctx, job, 3); err != nil {
				var failure *Failure
				if errors.As(err, &failure) && s.report != nil {
					s.report(failure)
				}
			}
		}()
	}
	return ctx.Err()
}

func (s *Scheduler) next() (*Job, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return nil, time.Hour
	}
	if wait := s.waiting[0].Due.Sub(s.clock.Now()); wait > 0 {
		return nil, wait
	}
	job := heap.Pop(&s.waiting).(*Job)
	delete(s.names, job.Name)
	return job, 0
}

func attempt(ctx context.Context, job *Job, times int) (err error) {
	for tried := 1; tried <= times; tried++ {
		func() {
			defer func() {
				if value := recover(); value != nil {
					err = fmt.Errorf("panic: %v", value)
				}
			}()
			err = job.Run(ctx)
		}()
		if err == nil || ctx.Err() != nil {
			return err
		}
		err = &Failure{Job: job.Name, Attempts: tried, Err: err}
	}
	return err
}

// GroupBy sorts values into groups by a key.
func GroupBy[K comparable, V any](values []V, key func(V) K) map[K][]V {
	groups := make(map[K][]V)
	for _, value := range values {
		k := key(value)
		groups[k] = append(groups[k], value)
	}
	return groups
}

const usage = `usage: schedule [-n COUNT] NAME...

  -n COUNT   jobs at once; "0" is one per core
`

// Describe lists the waiting jobs, one per line.
func (s *Scheduler) Describe() string {
	s.mu.Lock()
	jobs := append([]*Job(nil), s.waiting...)
	s.mu.Unlock()
	sort.Slice(jobs, func(i, j int) bool { return jobs[i].Name < jobs[j].Name })
	var out strings.Builder
	for priority, group := range GroupBy(jobs, func(job *Job) Priority { return job.Priority }) {
		fmt.Fprintf(&out, "%s:\n", priority)
		for _, job := range group {
			fmt.Fprintf(&out, "\t%-20s %s\n", job.Name, job.Due.Format(time.RFC3339))
		}
	}
	if out.Len() == 0 {
		return usage
	}
	return out.String()
}

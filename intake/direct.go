package intake

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

const (
	// maxDirect bounds the deliveries that are handled from memory, from their
	// commit until the record of it. The others get a job.
	maxDirect = 256
	// directWorkers handle them. Handlers only use the database, which has one
	// writer, so more would only wait.
	directWorkers = 4
	// directTimeout bounds one of them.
	directTimeout = 30 * time.Second
	// markDelay is how long a record waits for a delivery to share its commit
	// with. Under load one is there at once; otherwise it saves nothing to be
	// quicker, and a process that dies meanwhile handles it again.
	markDelay = 20 * time.Millisecond
	// markRetry is the pause after a commit of records failed.
	markRetry = time.Second
)

// direct handles deliveries right after their commit, from memory. A job for
// each would be inserted, taken, finished and deleted, with commits of its own,
// and the body read and decompressed: half of the processor time of a webhook.
// The queue gets only what this cannot finish: an error, a panic, too many at
// once. What dies with the process, the next one gives to its queue.
type direct struct {
	worker *Worker
	log    zerolog.Logger
	work   chan *entry // room for maxDirect: the writer never waits
	wg     sync.WaitGroup
	closed atomic.Bool

	inFlight int // the writer's: committed, and not yet recorded as ended

	mu    sync.Mutex
	ended []directEnd
	wake  chan struct{} // capacity 1: something has ended
}

type directEnd struct {
	id   int64
	guid string
	done bool // else the queue has to do it
}

func newDirect(ctx context.Context, w *Worker, log zerolog.Logger, recycle func(*entry)) *direct {
	d := &direct{worker: w, log: log, work: make(chan *entry, maxDirect), wake: make(chan struct{}, 1)}
	ctx = log.WithContext(ctx)
	for range directWorkers {
		d.wg.Go(func() {
			for e := range d.work {
				if d.closed.Load() {
					continue // it is on disk; the next process finds it
				}
				end := directEnd{id: e.row.ID, guid: e.row.GUID, done: d.handle(ctx, &e.row)}
				recycle(e)
				d.end(end)
			}
		})
	}
	return d
}

// handle reports whether the delivery is handled. It says nothing about what
// went wrong: the queue's attempt, with the classifier and the dead letters,
// will show the same.
func (d *direct) handle(ctx context.Context, row *store.NewDelivery) (done bool) {
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	stored := store.StoredBody{Body: row.Body, Delivery: store.Delivery{
		ID: row.ID, GUID: row.GUID, Event: row.Event, InstallationID: row.InstallationID, Repository: row.Repository,
	}}
	ctx = withDelivery(ctx, stored.Delivery)
	defer func() {
		if p := recover(); p != nil {
			zerolog.Ctx(ctx).Error().Interface("panic", p).Bytes("stack", debug.Stack()).Msg("handler panicked, the queue tries again")
			done = false
		}
	}()
	if err := d.worker.handle(ctx, stored); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("delivery not handled, the queue tries again")
		return false
	}
	return true
}

func (d *direct) end(e directEnd) {
	d.mu.Lock()
	first := len(d.ended) == 0
	d.ended = append(d.ended, e)
	d.mu.Unlock()
	if first {
		d.signal()
	}
}

func (d *direct) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// take moves what has ended to the writer.
func (d *direct) take(into []directEnd) []directEnd {
	d.mu.Lock()
	defer d.mu.Unlock()
	into = append(into, d.ended...)
	d.ended = d.ended[:0]
	return into
}

// stop lets what has begun end, and leaves the rest on disk.
func (d *direct) stop() {
	d.closed.Store(true)
	close(d.work)
	d.wg.Wait()
}

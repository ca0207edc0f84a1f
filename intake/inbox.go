package intake

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/klauspost/compress/s2"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

var (
	// ErrDuplicate reports that the delivery's GUID is stored already.
	ErrDuplicate = errors.New("delivery is already stored")
	// ErrClosed reports that the inbox is shutting down.
	ErrClosed = errors.New("inbox is closed")
	// ErrTimeout reports that a delivery was not committed in time. It may
	// still be committed later; then its redelivery is a duplicate.
	ErrTimeout = errors.New("delivery was not stored in time")
)

// Bounds of what waits for a commit. Beyond them deliveries are refused with
// [githubapp.ErrCapacityExceeded], so that a disk that is slower than GitHub
// costs us answers, not memory.
const (
	maxWaiting      = 1024
	maxWaitingBytes = 64 << 20
	keepCompressed  = 64 << 10 // largest buffer that returns to the pool
)

// InboxConfig is what an inbox needs.
type InboxConfig struct {
	Store      *store.Store
	Queue      queue.Enqueuer
	Clock      clockwork.Clock
	Log        zerolog.Logger
	Registerer prometheus.Registerer
	// Stored, when set, is told the GUIDs of each committed batch. It runs in
	// the writer: it must not block and not keep the slice.
	Stored func(guids []string)
}

// Inbox commits deliveries. It is a [githubapp.Scheduler]: Schedule returns
// once the delivery and its job are on disk. One goroutine writes; whatever
// arrives during its fsync forms the next batch, so that a burst costs few
// fsyncs and a single delivery waits for nobody.
type Inbox struct {
	cfg     InboxConfig
	writer  *writer
	waiting atomic.Int64 // bytes
	attach  chan *direct

	mu     sync.RWMutex // held for reading while sending to in
	closed bool
	in     chan *entry
	done   chan struct{}

	entries sync.Pool
}

var _ githubapp.Scheduler = (*Inbox)(nil)

// entry is one write that waits: a delivery to store, or the mark of one that
// was handled.
type entry struct {
	row   store.NewDelivery
	mark  *store.DeliveryMark // nil for a delivery
	buf   []byte              // what row.Body lies in
	reply chan error          // buffered: the writer never waits for a waiter
}

func (e *entry) size() int64 { return int64(cap(e.buf)) }

// NewInbox starts an inbox on an open store. ctx gives values only; the inbox
// lives until [Inbox.Close].
func NewInbox(ctx context.Context, cfg InboxConfig) (*Inbox, error) {
	ctx = context.WithoutCancel(ctx)
	deliveries, err := cfg.Store.NewDeliveryWriter(ctx)
	if err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	sizes, err := newBatchSizes(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	if err := cfg.Registerer.Register(newDepth(cfg.Store, cfg.Clock)); err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	b := &Inbox{
		cfg:    cfg,
		writer: &writer{cfg: cfg, deliveries: deliveries, sizes: sizes, first: map[string]int{}},
		in:     make(chan *entry, maxWaiting),
		attach: make(chan *direct),
		done:   make(chan struct{}),
	}
	if err := b.writer.adopt(ctx); err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	b.entries.New = func() any { return &entry{reply: make(chan error, 1)} }
	go b.run(ctx)
	return b, nil
}

// Schedule stores a delivery and the job that will handle it, and returns nil
// once both are on disk. [ErrDuplicate] when the GUID was there before; any
// other error means that it is not known to be stored, and the sender must be
// told so. A delivery whose sender has gone away is committed all the same.
func (b *Inbox) Schedule(ctx context.Context, d githubapp.Dispatch) error {
	payload := d.Payload
	if v, ok := ctx.Value(verifiedKey{}).(*verified); ok {
		payload = v.payload
	}
	e := b.entries.Get().(*entry) //nolint:errcheck // the pool makes entries only
	if need := s2.MaxEncodedLen(len(payload)); cap(e.buf) < need {
		e.buf = make([]byte, need)
	}
	f := factsOf(payload)
	e.row = store.NewDelivery{
		GUID: d.DeliveryID, Event: d.EventType,
		Action: f.action, InstallationID: f.installationID, Repository: f.repository,
		ReceivedAt: store.MillisOf(b.cfg.Clock.Now()),
		Size:       len(payload), Body: compress(e.buf, payload),
	}
	if err := b.offer(e); err != nil {
		b.recycle(e)
		return err
	}
	return b.wait(ctx, e)
}

// offer puts a delivery in the line if there is room.
func (b *Inbox) offer(e *entry) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return ErrClosed
	}
	if b.waiting.Add(e.size()) > maxWaitingBytes {
		b.waiting.Add(-e.size())
		return githubapp.ErrCapacityExceeded
	}
	select {
	case b.in <- e:
		return nil
	default:
		b.waiting.Add(-e.size())
		return githubapp.ErrCapacityExceeded
	}
}

// wait waits for the commit. An entry that nobody waits for any longer is left
// to the writer and the garbage collector.
func (b *Inbox) wait(ctx context.Context, e *entry) error {
	timeout := b.cfg.Clock.NewTimer(StoreTimeout)
	defer timeout.Stop()
	select {
	case err := <-e.reply:
		b.recycle(e)
		return err
	case <-ctx.Done():
		return fmt.Errorf("store delivery: %w", ctx.Err())
	case <-timeout.Chan():
		return ErrTimeout
	}
}

func (b *Inbox) recycle(e *entry) {
	if cap(e.buf) > keepCompressed {
		e.buf = nil
	}
	e.row, e.mark = store.NewDelivery{}, nil
	b.entries.Put(e)
}

// Close commits what waits and refuses everything that comes later with
// [ErrClosed]. It returns ctx's error when the commits take longer than that;
// they go on. Close the queue's workers first: they record their results here.
func (b *Inbox) Close(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.in)
	}
	b.mu.Unlock()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close inbox: %w", ctx.Err())
	}
}

// HandleDirectly makes the inbox give w what it has committed, at once and
// from memory; only what w cannot handle becomes a job. Without it every
// delivery does. It may be called once, before the inbox is closed.
func (b *Inbox) HandleDirectly(ctx context.Context, w *Worker) {
	d := newDirect(context.WithoutCancel(ctx), w, b.cfg.Log, b.recycle)
	select {
	case b.attach <- d:
	case <-b.done:
		d.stop()
	}
}

// run is the writer goroutine.
func (b *Inbox) run(ctx context.Context) {
	defer close(b.done)
	batch := make([]*entry, 0, maxBatch)
	var (
		wake  <-chan struct{}
		flush clockwork.Timer
		due   <-chan time.Time
	)
	wait := func(d time.Duration) {
		if due == nil {
			flush = b.cfg.Clock.NewTimer(d)
			due = flush.Chan()
		}
	}
	for {
		select {
		case e, ok := <-b.in:
			if !ok {
				if flush != nil {
					flush.Stop()
				}
				b.writer.close(ctx)
				return
			}
			// Requests that are ready to run get their row into this batch instead
			// of the next; with nobody else there it returns at once. On two busy
			// cores it makes batches a quarter larger.
			runtime.Gosched()
			batch = b.gather(append(batch[:0], e))
			for _, e := range batch {
				b.waiting.Add(-e.size())
			}
			b.writer.commit(ctx, batch, &b.entries)
			clear(batch)
			if len(b.writer.ended) > 0 { // the commit has failed
				wait(markRetry)
			}
		case <-wake:
			wait(markDelay)
		case <-due:
			due = nil
			if !b.writer.record(ctx) {
				wait(markRetry)
			}
		case d := <-b.attach:
			b.writer.direct, wake = d, d.wake
		}
	}
}

// gather takes what waits already, within the bounds of a batch.
func (b *Inbox) gather(batch []*entry) []*entry {
	size := batch[0].size()
	for len(batch) < maxBatch && size < maxBatchBytes {
		select {
		case e, ok := <-b.in:
			if !ok {
				return batch
			}
			batch, size = append(batch, e), size+e.size()
		default:
			return batch
		}
	}
	return batch
}

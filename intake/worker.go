package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	maxError    = 2000             // bytes of a handler's error that are kept with the delivery
	markTimeout = 10 * time.Second // for recording a result after the job's own time is up
)

// marker records results; an [Inbox].
type marker interface {
	Mark(ctx context.Context, m store.DeliveryMark) error
}

// Worker runs the handlers of stored deliveries.
type Worker struct {
	store    *store.Store
	marks    marker
	clock    clockwork.Clock
	handlers map[string]githubapp.EventHandler
}

// NewWorker makes the worker of [queue.ProcessDelivery]. inbox records results
// with its own commits. It is an error when two handlers want the same event:
// go-githubapp would silently prefer one.
func NewWorker(s *store.Store, inbox *Inbox, clock clockwork.Clock, handlers []githubapp.EventHandler) (*Worker, error) {
	w := &Worker{store: s, marks: inbox, clock: clock, handlers: map[string]githubapp.EventHandler{}}
	for _, h := range handlers {
		for _, event := range h.Handles() {
			if w.handlers[event] != nil {
				return nil, fmt.Errorf("delivery worker: two handlers for event %q", event)
			}
			w.handlers[event] = h
		}
	}
	return w, nil
}

// Work handles one delivery. An event without a handler is done at once. A
// handler's error goes on to the queue, which decides whether to try again,
// and is shown with the delivery meanwhile. A handler runs twice for one
// delivery only when the process dies between its end and the record of it.
func (w *Worker) Work(ctx context.Context, job queue.Job) (err error) {
	var args queue.ProcessDelivery
	if err := json.Unmarshal(job.Args, &args); err != nil {
		return queue.Permanent(fmt.Errorf("read job %d: %w", job.ID, err))
	}
	d, err := w.store.DeliveryBody(ctx, args.GUID)
	if errors.Is(err, store.ErrNoDelivery) {
		return queue.Permanent(err)
	} else if err != nil {
		return err
	}
	if d.ProcessedAt != 0 {
		return nil // done; the process died before the queue had recorded it
	}
	ctx = withDelivery(ctx, d.Delivery)

	// Without this a panic would leave the delivery looking untouched. It goes
	// on to the queue with its own stack, which is still below this frame.
	defer func() {
		if p := recover(); p != nil {
			_ = w.mark(ctx, d.ID, 0, fmt.Sprintf("panic: %v", p))
			panic(p)
		}
	}()
	if err := w.handle(ctx, d); err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return err // handed back at shutdown, or out of time: says nothing about the delivery
		}
		if marked := w.mark(ctx, d.ID, 0, err.Error()); marked != nil {
			zerolog.Ctx(ctx).Error().Err(marked).Msg("error of a delivery could not be recorded")
		}
		return err
	}
	return w.mark(ctx, d.ID, store.MillisOf(w.clock.Now()), "")
}

func (w *Worker) handle(ctx context.Context, d store.StoredBody) error {
	h := w.handlers[d.Event]
	if h == nil {
		return nil
	}
	payload, err := decompress(d.Body)
	if err != nil {
		return queue.Permanent(fmt.Errorf("read delivery %q: %w", d.GUID, err))
	}
	return githubapp.Dispatch{Handler: h, EventType: d.Event, DeliveryID: d.GUID, Payload: payload}.Execute(ctx)
}

// wants reports whether an event has a handler.
func (w *Worker) wants(event string) bool { return w.handlers[event] != nil }

// mark records a result even when the job's time is up: that is when it counts.
func (w *Worker) mark(ctx context.Context, id int64, at store.Millis, message string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	return w.marks.Mark(ctx, store.DeliveryMark{ID: id, ProcessedAt: at, Error: clean(message, maxError)})
}

func withDelivery(ctx context.Context, d store.Delivery) context.Context {
	fields := zerolog.Ctx(ctx).With().Str("delivery_id", d.GUID).Str("event", d.Event)
	if d.InstallationID != 0 {
		fields = fields.Int64("installation_id", d.InstallationID)
	}
	if d.Repository != "" {
		fields = fields.Str("repo", d.Repository)
	}
	return fields.Logger().WithContext(ctx)
}

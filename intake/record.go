package intake

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// collect takes over what has ended since the last commit.
func (w *writer) collect() {
	if w.direct != nil {
		w.ended = w.direct.take(w.ended)
	}
}

// recorded forgets what a commit has recorded.
func (w *writer) recorded() {
	if w.direct != nil {
		w.direct.inFlight -= len(w.ended)
		w.ended = w.ended[:0]
	}
}

// record commits what has ended when no delivery has come to share its commit
// with. It reports false when that failed and has to be tried again.
func (w *writer) record(ctx context.Context) bool {
	w.collect()
	if len(w.ended) == 0 {
		return true
	}
	if err := w.transact(ctx, nil, w.ended); err != nil {
		w.cfg.Log.Error().Err(err).Int("deliveries", len(w.ended)).Msg("handled deliveries could not be recorded")
		return false
	}
	w.recorded()
	return true
}

// close ends what is handled here and records it.
func (w *writer) close(ctx context.Context) {
	if w.direct != nil {
		w.direct.stop()
		w.record(ctx)
	}
}

// settle records how direct deliveries ended. What was not handled becomes a
// job.
func (w *writer) settle(ctx context.Context, tx *store.Tx, ended []directEnd) error {
	if len(ended) == 0 {
		return nil
	}
	w.ids = w.ids[:0]
	var failed []int64
	for _, e := range ended {
		if e.done {
			w.ids = append(w.ids, e.id)
			continue
		}
		failed = append(failed, e.id)
		w.items = append(w.items, queue.Item{Args: queue.ProcessDelivery{GUID: e.guid}})
	}
	if err := tx.Undirect(ctx, failed); err != nil {
		return err
	}
	return w.deliveries.MarkDone(ctx, tx, store.MillisOf(w.cfg.Clock.Now()), w.ids)
}

// adopt gives the queue what the process before this one was going to handle
// itself when it ended.
func (w *writer) adopt(ctx context.Context) error {
	orphans, err := w.cfg.Store.Orphans(ctx)
	if err != nil || len(orphans) == 0 {
		return err
	}
	for _, o := range orphans {
		w.ended = append(w.ended, directEnd{id: o.ID, guid: o.GUID})
	}
	if err := w.transact(ctx, nil, w.ended); err != nil {
		return err
	}
	w.ended = w.ended[:0]
	w.cfg.Log.Info().Int("deliveries", len(orphans)).Msg("deliveries of the last process go to the queue")
	return nil
}

// Mark records how the handling of a delivery ended and returns once that is
// on disk. It shares the commits of arriving deliveries.
func (b *Inbox) Mark(ctx context.Context, m store.DeliveryMark) error {
	e := &entry{mark: &m, reply: make(chan error, 1)}
	if err := b.offerMark(ctx, e); err != nil {
		return fmt.Errorf("mark delivery %d: %w", m.ID, err)
	}
	select {
	case err := <-e.reply:
		return err
	case <-ctx.Done():
		return fmt.Errorf("mark delivery %d: %w", m.ID, ctx.Err())
	}
}

// offerMark waits for room: unlike a sender, a worker has nowhere to go.
func (b *Inbox) offerMark(ctx context.Context, e *entry) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return ErrClosed
	}
	select {
	case b.in <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

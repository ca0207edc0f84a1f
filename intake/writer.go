package intake

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Bounds of one batch. They keep a transaction, and so the wait of everyone
// else who writes, short.
const (
	maxBatch      = 256
	maxBatchBytes = 32 << 20 // the entry that crosses it is still taken
)

// writer commits batches. Only the inbox's goroutine uses it; the slices are
// kept from batch to batch.
type writer struct {
	cfg        InboxConfig
	deliveries *store.DeliveryWriter
	sizes      prometheus.Histogram

	first map[string]int // GUID to index in rows
	rows  []store.NewDelivery
	fresh []bool
	items []queue.Item
	guids []string
}

// commit writes a batch and answers everyone in it.
func (w *writer) commit(ctx context.Context, batch []*entry) {
	w.sizes.Observe(float64(len(batch)))
	err := w.transact(ctx, batch)
	if err == nil {
		w.answer(batch)
		return
	}
	if len(batch) == 1 || store.Unusable(err) {
		w.refuse(batch, err)
		return
	}
	// One entry may have spoilt it for all: each gets a transaction of its own.
	w.cfg.Log.Warn().Err(err).Int("entries", len(batch)).Msg("batch failed, writing its entries one by one")
	for i := range batch {
		one := batch[i : i+1]
		if err := w.transact(ctx, one); err == nil {
			w.answer(one)
		} else if w.refuse(one, err); store.Unusable(err) {
			w.refuse(batch[i+1:], err)
			return
		}
	}
}

// transact writes a batch in one transaction and leaves what became of its
// deliveries in w.fresh, by w.first.
func (w *writer) transact(ctx context.Context, batch []*entry) error {
	clear(w.first)
	w.rows = w.rows[:0]
	for _, e := range batch {
		if e.mark != nil {
			continue
		}
		if _, again := w.first[e.row.GUID]; !again {
			w.first[e.row.GUID] = len(w.rows)
			w.rows = append(w.rows, e.row)
		}
	}
	defer func() { clear(w.rows); clear(w.items) }()
	return w.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := w.insert(ctx, tx); err != nil {
			return err
		}
		for _, e := range batch {
			if e.mark == nil {
				continue
			}
			if err := w.deliveries.Mark(ctx, tx, *e.mark); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *writer) insert(ctx context.Context, tx *store.Tx) (err error) {
	if w.fresh, err = w.deliveries.Insert(ctx, tx, w.rows, w.fresh[:0]); err != nil {
		return err
	}
	w.items, w.guids = w.items[:0], w.guids[:0]
	for i, fresh := range w.fresh {
		if fresh {
			w.items = append(w.items, queue.Item{Args: queue.ProcessDelivery{GUID: w.rows[i].GUID}})
			w.guids = append(w.guids, w.rows[i].GUID)
		}
	}
	if len(w.items) == 0 {
		return nil
	}
	return w.cfg.Queue.Enqueue(ctx, tx, w.items...)
}

// answer tells each entry of a committed batch what became of it. Of several
// with the same new GUID the first one is the one that was stored.
func (w *writer) answer(batch []*entry) {
	for _, e := range batch {
		if e.mark != nil {
			e.reply <- nil
			continue
		}
		i := w.first[e.row.GUID]
		if w.fresh[i] {
			w.fresh[i] = false
			e.reply <- nil
		} else {
			e.reply <- ErrDuplicate
		}
	}
	if w.cfg.Stored != nil && len(w.guids) > 0 {
		w.cfg.Stored(w.guids)
	}
}

func (w *writer) refuse(batch []*entry, err error) {
	if len(batch) > 0 {
		w.cfg.Log.Error().Err(err).Int("entries", len(batch)).Msg("deliveries could not be stored")
	}
	for _, e := range batch {
		e.reply <- err
	}
}

package intake

import (
	"context"
	"sync"

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
	direct     *direct // nil until there is one

	first map[string]int // GUID to index in rows
	rows  []store.NewDelivery
	fresh []bool
	items []queue.Item
	guids []string
	ended []directEnd // not recorded yet
	ids   []int64
	hand  []*entry
}

// commit writes a batch and answers everyone in it.
func (w *writer) commit(ctx context.Context, batch []*entry, spare *sync.Pool) {
	w.sizes.Observe(float64(len(batch)))
	defer func() { clear(w.rows) }()
	w.collect()
	err := w.transact(ctx, batch, w.ended)
	if err == nil {
		w.recorded()
		w.answer(batch, spare)
		return
	}
	if store.Unusable(err) || len(batch) == 1 && len(w.ended) == 0 {
		w.refuse(batch, err)
		return
	}
	// One entry may have spoilt it for all: each gets a transaction of its own.
	w.cfg.Log.Warn().Err(err).Int("entries", len(batch)).Msg("batch failed, writing its entries one by one")
	for i := range batch {
		one := batch[i : i+1]
		if err := w.transact(ctx, one, nil); err == nil {
			w.answer(one, spare)
		} else if w.refuse(one, err); store.Unusable(err) {
			w.refuse(batch[i+1:], err)
			return
		}
	}
}

// transact writes a batch and the record of what has ended in one transaction
// and leaves what became of its deliveries in w.fresh, by w.first.
func (w *writer) transact(ctx context.Context, batch []*entry, ended []directEnd) error {
	clear(w.first)
	w.rows = w.rows[:0]
	for _, e := range batch {
		if e.mark != nil {
			continue
		}
		if _, again := w.first[e.row.GUID]; !again {
			w.first[e.row.GUID] = len(w.rows)
			w.rows = append(w.rows, e.row)
			w.assign(&w.rows[len(w.rows)-1])
		}
	}
	defer func() { clear(w.items) }()
	return w.cfg.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := w.insert(ctx, tx, ended); err != nil {
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

// assign decides who handles a delivery: nobody, this process, or the queue.
func (w *writer) assign(row *store.NewDelivery) {
	switch {
	case w.direct == nil:
	case !w.direct.worker.wants(row.Event):
		row.ProcessedAt = row.ReceivedAt
	default:
		row.Direct = w.direct.inFlight+len(w.rows) <= maxDirect && len(row.Body) <= keepCompressed
	}
}

func (w *writer) insert(ctx context.Context, tx *store.Tx, ended []directEnd) (err error) {
	if w.fresh, err = w.deliveries.Insert(ctx, tx, w.rows, w.fresh[:0]); err != nil {
		return err
	}
	w.items, w.guids = w.items[:0], w.guids[:0]
	for i, fresh := range w.fresh {
		if !fresh {
			continue
		}
		w.guids = append(w.guids, w.rows[i].GUID)
		if !w.rows[i].Direct && w.rows[i].ProcessedAt == 0 {
			w.items = append(w.items, queue.Item{Args: queue.ProcessDelivery{GUID: w.rows[i].GUID}})
		}
	}
	if err := w.settle(ctx, tx, ended); err != nil || len(w.items) == 0 {
		return err
	}
	return w.cfg.Queue.Enqueue(ctx, tx, w.items...)
}

// answer tells each entry of a committed batch what became of it and hands on
// what this process handles itself. Of several with the same new GUID the first
// one is the one that was stored.
func (w *writer) answer(batch []*entry, spare *sync.Pool) {
	w.hand = w.hand[:0]
	for _, e := range batch {
		if e.mark != nil {
			e.reply <- nil
			continue
		}
		i := w.first[e.row.GUID]
		if !w.fresh[i] {
			e.reply <- ErrDuplicate
			continue
		}
		w.fresh[i] = false
		if w.rows[i].Direct {
			// Whoever waits for e reuses it, so what it holds moves.
			own := spare.Get().(*entry) //nolint:errcheck // the pool makes entries only
			own.row, own.buf, e.buf = w.rows[i], e.buf, own.buf
			w.hand = append(w.hand, own)
		}
		e.reply <- nil
	}
	for _, e := range w.hand {
		w.direct.inFlight++
		w.direct.work <- e
	}
	clear(w.hand)
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

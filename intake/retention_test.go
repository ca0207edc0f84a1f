package intake

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/store"
)

// fill stores n deliveries that do not compress.
func fill(t *testing.T, h *house, prefix string, n int) {
	t.Helper()
	w, err := h.store.NewDeliveryWriter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 4000)
	_, _ = rand.Read(body)
	err = h.store.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		for i := range n {
			row := store.NewDelivery{GUID: fmt.Sprint(prefix, i), Event: "push", ReceivedAt: store.MillisOf(h.clock.Now()), Body: bytes.Clone(body)}
			if _, err := w.Insert(ctx, tx, []store.NewDelivery{row}, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRetention(t *testing.T) {
	clock := clockwork.NewFakeClock()
	h := openHouse(t, func(c *InboxConfig) { c.Clock = clock })
	ctx := context.Background()
	fill(t, h, "old", 3*pruneLimit)
	execute(t, h.store, `UPDATE deliveries SET processed_at = 1 WHERE guid <> 'old7'`)
	clock.Advance(DefaultRetention)
	fill(t, h, "young", 5)
	execute(t, h.store, `UPDATE deliveries SET processed_at = 1 WHERE guid LIKE 'young%'`)

	r := &Retention{Store: h.store, Clock: clock}
	if n, err := r.Prune(ctx); err != nil || n != 0 {
		t.Fatalf("%d pruned at the age itself, %v", n, err)
	}
	clock.Advance(time.Millisecond)
	if n, err := r.Prune(ctx); err != nil || n != 3*pruneLimit-1 {
		t.Fatalf("%d pruned, %v; want %d", n, err, 3*pruneLimit-1)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries WHERE guid = 'old7' OR guid LIKE 'young%'`); got != 6 {
		t.Errorf("%d left, want the unprocessed one and 5 young ones", got)
	}
}

// TestFileStopsGrowing fills and empties the inbox again and again.
func TestFileStopsGrowing(t *testing.T) {
	clock := clockwork.NewFakeClock()
	h := openHouse(t, func(c *InboxConfig) { c.Clock = clock })
	r := &Retention{Store: h.store, Clock: clock, Age: time.Hour}
	pages := func() int64 {
		_, all, err := h.store.FreePages(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return int64(all)
	}
	var full, emptied []int64
	for round := range 3 {
		fill(t, h, fmt.Sprint("r", round, "-"), 1200)
		full = append(full, pages())
		execute(t, h.store, `UPDATE deliveries SET processed_at = 1`)
		clock.Advance(2 * time.Hour)
		if n, err := r.Prune(context.Background()); err != nil || n != 1200 {
			t.Fatalf("%d pruned, %v", n, err)
		}
		emptied = append(emptied, pages())
	}
	t.Logf("full %v, emptied %v", full, emptied)
	if full[2] > full[0]*11/10 {
		t.Errorf("the file grows although it was emptied: %v", full)
	}
	if emptied[2] > full[0]/2 {
		t.Errorf("the emptied file keeps %d of %d pages", emptied[2], full[0])
	}
	if err := h.store.Close(); err != nil { // which brings the file up to date
		t.Fatal(err)
	}
	if f, err := os.Stat(h.path); err != nil || f.Size() != 4096*emptied[2] {
		t.Errorf("file has %d bytes, want %d pages (%v)", f.Size(), emptied[2], err)
	}
}

package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/palantir/go-githubapp/githubapp"

	"github.com/redundancy-app/redundancy/store"
)

func wantUnavailable(t *testing.T, code int, header interface{ Get(string) string }, text string) {
	t.Helper()
	if code != 503 || header.Get("Retry-After") == "" {
		t.Errorf("answered %d %q, Retry-After %q; want 503 with one", code, text, header.Get("Retry-After"))
	}
	if strings.Contains(text, "SQL") || strings.Contains(text, "disk") {
		t.Errorf("the answer leaks internals: %q", text)
	}
}

func TestStorageFailure(t *testing.T) {
	t.Run("one row is refused, the others are stored", func(t *testing.T) {
		h := openHouse(t)
		execute(t, h.store, `CREATE TRIGGER bad BEFORE INSERT ON deliveries WHEN NEW.guid LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'no'); END`)
		srv := serve(t, h)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				if i%4 == 0 {
					code, header, text := hook{guid: fmt.Sprint("bad", i)}.post(t, srv)
					wantUnavailable(t, code, header, text)
				} else if code, _, text := (hook{guid: fmt.Sprint("good", i)}).post(t, srv); code != 202 {
					t.Errorf("good delivery answered %d %q", code, text)
				}
			})
		}
		wg.Wait()
		if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries d JOIN test_jobs j USING (guid)`); got != 30 {
			t.Errorf("%d deliveries with a job, want 30", got)
		}
		if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries`); got != 30 {
			t.Errorf("%d deliveries, want 30", got)
		}
	})
	t.Run("without its job a delivery is not stored", func(t *testing.T) {
		h := openHouse(t)
		execute(t, h.store, `CREATE TRIGGER bad BEFORE INSERT ON test_jobs BEGIN SELECT RAISE(ABORT, 'no'); END`)
		srv := serve(t, h)
		code, header, text := hook{}.post(t, srv)
		wantUnavailable(t, code, header, text)
		if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries`); got != 0 {
			t.Errorf("%d deliveries", got)
		}
		execute(t, h.store, `DROP TRIGGER bad`)
		if code, _, _ := (hook{}).post(t, srv); code != 202 {
			t.Errorf("answered %d after the repair, want 202", code)
		}
	})
	t.Run("database is closed", func(t *testing.T) {
		h := openHouse(t)
		srv := serve(t, h)
		if err := h.store.Close(); err != nil {
			t.Fatal(err)
		}
		code, header, text := hook{}.post(t, srv)
		wantUnavailable(t, code, header, text)
	})
	t.Run("inbox is closed", func(t *testing.T) {
		h := openHouse(t)
		srv := serve(t, h)
		if err := h.inbox.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		code, header, text := hook{}.post(t, srv)
		wantUnavailable(t, code, header, text)
	})
}

// plug makes the writer stand still until it is pulled.
func plug(t *testing.T, h *house) (pull func()) {
	t.Helper()
	held, release, gone := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		_ = h.store.Update(context.Background(), func(context.Context, *store.Tx) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	return sync.OnceFunc(func() { close(release); <-gone })
}

func dispatch(guid string) githubapp.Dispatch {
	return githubapp.Dispatch{EventType: "push", DeliveryID: guid, Payload: []byte(`{"ref":"refs/heads/main"}`)}
}

func TestBacklogIsRefusedAndWhatWaitsIsStored(t *testing.T) {
	h := openHouse(t)
	pull := plug(t, h)
	defer pull()
	// The senders are gone before the commit: their deliveries are stored all the same.
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	accepted := 0
	for i := 0; ; i++ {
		err := h.inbox.Schedule(gone, dispatch(fmt.Sprint(i)))
		if errors.Is(err, githubapp.ErrCapacityExceeded) {
			if taken(t, h) == 0 { // the writer makes room once more
				runtime.Gosched()
				continue
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("delivery %d: %v", i, err)
		}
		if accepted++; accepted > maxWaiting+maxBatch {
			t.Fatal("the backlog is not bounded")
		}
	}
	if accepted < maxWaiting {
		t.Errorf("refused after %d, want room for %d", accepted, maxWaiting)
	}
	srv := serve(t, h)
	code, header, text := hook{guid: "late"}.post(t, srv)
	wantUnavailable(t, code, header, text)
	pull()
	if err := h.inbox.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries`); got != accepted {
		t.Errorf("%d of %d waiting deliveries stored", got, accepted)
	}
}

func TestOneCommitForManyAndSameDeliveryTwiceInIt(t *testing.T) {
	h := openHouse(t)
	pull := plug(t, h)
	defer pull()
	errs := make(chan error, 64)
	send := func(guid string) { errs <- h.inbox.Schedule(context.Background(), dispatch(guid)) }
	go send("first") // taken by the writer, which waits for the database
	for range 31 {
		go send("twin")
	}
	for i := range 32 {
		go send(fmt.Sprint(i))
	}
	for len(h.inbox.in)+taken(t, h) < 64 {
		// Only memory is moving: the writer is held, so this ends as soon as
		// the goroutines have run.
		runtime.Gosched()
	}
	pull()
	stored, again := 0, 0
	for range 64 {
		switch err := <-errs; {
		case err == nil:
			stored++
		case errors.Is(err, ErrDuplicate):
			again++
		default:
			t.Error(err)
		}
	}
	if stored != 34 || again != 30 {
		t.Errorf("%d stored and %d duplicates, want 34 and 30", stored, again)
	}
}

// taken is how many entries the writer has taken out of the line.
func taken(t *testing.T, h *house) int {
	t.Helper()
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "redundancy_inbox_batch_size" {
			return int(f.GetMetric()[0].GetHistogram().GetSampleSum())
		}
	}
	t.Fatal("no histogram of batch sizes")
	return 0
}

// TestAckedIsOnDisk opens a copy of the files, taken right after the answer
// and without a shutdown, the way a dead process leaves them.
func TestAckedIsOnDisk(t *testing.T) {
	h := openHouse(t)
	srv := serve(t, h)
	for i := range 20 {
		if code, _, _ := (hook{guid: fmt.Sprint("g", i)}).post(t, srv); code != 202 {
			t.Fatalf("answered %d", code)
		}
		dir := t.TempDir()
		for _, suffix := range []string{"", "-wal"} {
			copyFile(t, h.path+suffix, filepath.Join(dir, "copy.db"+suffix))
		}
		s := openStore(t, filepath.Join(dir, "copy.db"))
		if _, err := s.Delivery(context.Background(), fmt.Sprint("g", i)); err != nil {
			t.Fatalf("after the answer: %v", err)
		}
		if got := count(t, s, `SELECT COUNT(*) FROM test_jobs`); got != i+1 {
			t.Fatalf("%d jobs after %d answers", got, i+1)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}

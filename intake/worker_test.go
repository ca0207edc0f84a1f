package intake

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/store"
)

// handlerFunc handles its events with a function.
type handlerFunc struct {
	events []string
	do     func(ctx context.Context, event, guid string, payload []byte) error
}

func (h handlerFunc) Handles() []string { return h.events }

func (h handlerFunc) Handle(ctx context.Context, event, guid string, payload []byte) error {
	return h.do(ctx, event, guid, payload)
}

// run starts a real queue over the house's store with a worker for handlers.
// ended receives the result of each attempt.
func run(t *testing.T, handlers ...githubapp.EventHandler) (h *house, q *embedded.Queue, ended chan error, log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	h = openHouse(t, func(c *InboxConfig) {
		var err error
		q, err = embedded.New(embedded.Config{
			Store: c.Store, Log: zerolog.New(log),
			Classify: func(error) queue.Verdict { return queue.Verdict{Action: queue.GiveUp} },
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Queue = q
	})
	w, err := NewWorker(h.store, h.inbox, h.clock, handlers)
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 16)
	q.Handle(queue.ProcessDelivery{}.Kind(), queue.Worker{Work: func(ctx context.Context, job queue.Job) (err error) {
		defer func() {
			if p := recover(); p != nil {
				ended <- errors.New("panic")
				panic(p)
			}
			ended <- err
		}()
		return w.Work(ctx, job)
	}})
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Drain(context.Background()) })
	return h, q, ended, log
}

func receive[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

func TestWorker(t *testing.T) {
	const payload = `{"action":"completed","installation":{"id":7},"repository":{"full_name":"o/r"}}`
	type call struct{ Event, GUID, Payload string }
	calls := make(chan call, 1)
	var result func() error
	h, q, ended, log := run(t, handlerFunc{[]string{"workflow_run"}, func(ctx context.Context, event, guid string, payload []byte) error {
		zerolog.Ctx(ctx).Info().Msg("handled")
		calls <- call{event, guid, string(payload)}
		return result()
	}})
	for _, tt := range []struct {
		name, event string
		result      func() error
		wantCall    bool
		wantErr     bool
		wantText    string
	}{
		{"handled", "workflow_run", func() error { return nil }, true, false, ""},
		{"failed", "workflow_run", func() error { return errors.New("GitHub is on fire") }, true, true, "GitHub is on fire"},
		{"panicked", "workflow_run", func() error { panic("oops") }, true, true, "panic: oops"},
		{"without a handler", "push", nil, false, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result = tt.result
			d := githubapp.Dispatch{EventType: tt.event, DeliveryID: tt.name, Payload: []byte(payload)}
			if err := h.inbox.Schedule(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			if tt.wantCall {
				if diff := cmp.Diff(call{tt.event, tt.name, payload}, receive(t, calls)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
			if err := receive(t, ended); (err != nil) != tt.wantErr {
				t.Errorf("attempt ended with %v", err)
			}
			got, err := h.store.Delivery(context.Background(), tt.name)
			if err != nil {
				t.Fatal(err)
			}
			if got.Error != tt.wantText || (got.ProcessedAt != 0) == tt.wantErr {
				t.Errorf("error %q, processed at %d", got.Error, got.ProcessedAt)
			}
		})
	}
	if err := q.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"delivery_id":"handled"`, `"installation_id":7`, `"repo":"o/r"`, `"event":"workflow_run"`} {
		if !strings.Contains(log.String(), field) {
			t.Errorf("log has no %s:\n%s", field, log)
		}
	}

	failed, err := h.store.Deliveries(context.Background(), store.DeliveryFilter{State: store.FailedDelivery})
	if err != nil {
		t.Fatal(err)
	}
	var guids []string
	for _, d := range failed {
		guids = append(guids, d.GUID)
	}
	if diff := cmp.Diff([]string{"panicked", "failed"}, guids); diff != "" {
		t.Errorf("failed deliveries (-want +got)\n%s", diff)
	}
	const depth = "# HELP redundancy_inbox_depth Deliveries stored and not handled yet.\n# TYPE redundancy_inbox_depth gauge\nredundancy_inbox_depth 2\n"
	if err := testutil.GatherAndCompare(h.reg, strings.NewReader(depth), "redundancy_inbox_depth"); err != nil {
		t.Error(err)
	}
}

// TestDoneIsNotDoneAgain is a process that died after the record of the
// delivery and before the queue's.
func TestDoneIsNotDoneAgain(t *testing.T) {
	h := openHouse(t)
	ctx := context.Background()
	if err := h.inbox.Schedule(ctx, dispatch("g")); err != nil {
		t.Fatal(err)
	}
	runs := 0
	w, err := NewWorker(h.store, h.inbox, h.clock, []githubapp.EventHandler{handlerFunc{[]string{"push"},
		func(context.Context, string, string, []byte) error { runs++; return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Work(ctx, queue.Job{Args: []byte(`{"guid":"g"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if runs != 1 {
		t.Errorf("ran %d times", runs)
	}
	for args, name := range map[string]string{`{"guid":"unknown"}`: "unknown delivery", `{`: "unreadable arguments"} {
		var permanent *queue.PermanentError
		if err := w.Work(ctx, queue.Job{Args: []byte(args)}); !errors.As(err, &permanent) {
			t.Errorf("%s: %v is not permanent", name, err)
		}
	}
}

func TestTwoHandlersForOneEvent(t *testing.T) {
	h := openHouse(t)
	same := handlerFunc{events: []string{"push"}}
	if _, err := NewWorker(h.store, h.inbox, h.clock, []githubapp.EventHandler{same, same}); err == nil {
		t.Error("accepted")
	}
}

func TestReplay(t *testing.T) {
	runs := make(chan string, 4)
	var broken bool
	h, q, ended, _ := run(t, handlerFunc{[]string{"push"}, func(_ context.Context, _, guid string, _ []byte) error {
		runs <- guid
		if broken {
			return errors.New("broken")
		}
		return nil
	}})
	ctx := context.Background()
	if err := Replay(ctx, h.store, q, "g"); !errors.Is(err, store.ErrNoDelivery) {
		t.Errorf("replay of an unknown delivery: %v", err)
	}
	broken = true
	if err := h.inbox.Schedule(ctx, dispatch("g")); err != nil {
		t.Fatal(err)
	}
	receive(t, runs)
	if err := receive(t, ended); err == nil {
		t.Fatal("the first run did not fail")
	}
	broken = false
	if err := Replay(ctx, h.store, q, "g"); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, runs); got != "g" {
		t.Errorf("%q ran", got)
	}
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	if d, err := h.store.Delivery(ctx, "g"); err != nil || d.Error != "" || d.ProcessedAt == 0 {
		t.Errorf("after the replay: %+v, %v", d, err)
	}
}

func TestListing(t *testing.T) {
	h := openHouse(t)
	ctx := context.Background()
	for i, event := range []string{"push", "check_run", "push", "push"} {
		d := dispatch(string(rune('a' + i)))
		d.EventType = event
		if err := h.inbox.Schedule(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.inbox.Mark(ctx, store.DeliveryMark{ID: 1, ProcessedAt: 5}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		filter store.DeliveryFilter
		want   string
	}{
		{store.DeliveryFilter{}, "dcba"},
		{store.DeliveryFilter{State: store.PendingDelivery}, "dcb"},
		{store.DeliveryFilter{State: store.FailedDelivery}, ""},
		{store.DeliveryFilter{Event: "push"}, "dca"},
		{store.DeliveryFilter{Event: "push", Limit: 1}, "d"},
		{store.DeliveryFilter{Event: "push", Limit: 1, Before: 4}, "c"},
	} {
		list, err := h.store.Deliveries(ctx, tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, d := range list {
			got += d.GUID
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.filter, got, tt.want)
		}
	}
	if _, err := h.store.Deliveries(ctx, store.DeliveryFilter{State: "lost"}); err == nil {
		t.Error("an unknown state is accepted")
	}
}

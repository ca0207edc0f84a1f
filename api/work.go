package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Deliveries is the inbox.
type Deliveries interface {
	Deliveries(ctx context.Context, f store.DeliveryFilter) ([]store.Delivery, error)
	PendingDeliveries(ctx context.Context) (count int, oldest time.Time, err error)
	// Replay handles a stored delivery again; [store.ErrNoDelivery] when it is
	// not stored (any more).
	Replay(ctx context.Context, guid string) error
}

// Jobs is the queue.
type Jobs interface {
	Stats(ctx context.Context) (queue.Stats, error)
	DeadLetters(ctx context.Context, limit int) ([]queue.Job, error)
	Retry(ctx context.Context, id int64) error
}

// Delivery is a stored webhook delivery, without its body.
type Delivery struct {
	Cursor         int64      `json:"cursor"`
	GUID           string     `json:"guid"`
	Event          string     `json:"event"`
	Action         string     `json:"action,omitempty"`
	InstallationID int64      `json:"installation_id,omitempty"`
	Repository     string     `json:"repository,omitempty"`
	ReceivedAt     time.Time  `json:"received_at"`
	ProcessedAt    *time.Time `json:"processed_at,omitempty"`
	Error          string     `json:"error,omitempty"`
	Size           int64      `json:"size"` // bytes of the payload
}

// DeliveryList is the answer of GET /api/v1/deliveries.
type DeliveryList struct {
	Deliveries []Delivery `json:"deliveries"`
}

// deliveries lists, newest first. Query: state (pending or failed), event,
// limit, before (the cursor of the last one of the previous page).
func (s *server) deliveries(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := store.DeliveryFilter{State: store.DeliveryState(q.Get("state")), Event: q.Get("event")}
	switch f.State {
	case store.AnyDelivery, store.PendingDelivery, store.FailedDelivery:
	default:
		refuse(w, http.StatusBadRequest, fmt.Sprintf("state %q: want pending or failed", f.State))
		return
	}
	var ok bool
	if f.Limit, ok = limit(w, q.Get("limit"), 50, store.MaxDeliveries); !ok {
		return
	}
	if v := q.Get("before"); v != "" {
		var err error
		if f.Before, err = strconv.ParseInt(v, 10, 64); err != nil || f.Before < 1 {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("before %q: want the cursor of a delivery", v))
			return
		}
	}
	stored, err := s.cfg.Deliveries.Deliveries(r.Context(), f)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	list := DeliveryList{Deliveries: []Delivery{}}
	for _, d := range stored {
		list.Deliveries = append(list.Deliveries, Delivery{
			Cursor: d.ID, GUID: d.GUID, Event: d.Event, Action: d.Action, InstallationID: d.InstallationID, Repository: d.Repository,
			ReceivedAt: d.ReceivedAt.Time(), ProcessedAt: moment(d.ProcessedAt.Time()), Error: d.Error, Size: d.Size,
		})
	}
	answer(w, http.StatusOK, list)
}

func (s *server) replay(w http.ResponseWriter, r *http.Request) {
	guid := r.PathValue("guid")
	err := s.cfg.Deliveries.Replay(r.Context(), guid)
	switch {
	case errors.Is(err, store.ErrNoDelivery):
		refuse(w, http.StatusNotFound, fmt.Sprintf("no delivery %.100q is stored; those older than the retention are gone", guid))
	case err != nil:
		s.fail(w, r, err)
	default:
		answer(w, http.StatusAccepted, map[string]string{"guid": guid, "status": "enqueued"})
	}
}

// Job is a dead letter: work that gave up and waits for a person.
type Job struct {
	ID        int64     `json:"id"`
	Kind      string    `json:"kind"`
	Args      any       `json:"args"`
	Attempts  int       `json:"attempts"`
	Crashes   int       `json:"crashes,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	LastError string    `json:"last_error"`
}

// JobList is the answer of GET /api/v1/jobs.
type JobList struct {
	Jobs []Job `json:"jobs"`
}

func (s *server) deadLetters(w http.ResponseWriter, r *http.Request) {
	n, ok := limit(w, r.URL.Query().Get("limit"), 50, 1000)
	if !ok {
		return
	}
	dead, err := s.cfg.Jobs.DeadLetters(r.Context(), n)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	list := JobList{Jobs: []Job{}}
	for _, j := range dead {
		list.Jobs = append(list.Jobs, Job{j.ID, j.Kind, j.Args, j.Attempt, j.Crashes, j.CreatedAt.UTC(), j.LastError})
	}
	answer(w, http.StatusOK, list)
}

func (s *server) retryJob(w http.ResponseWriter, r *http.Request) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	err := s.cfg.Jobs.Retry(r.Context(), id)
	switch {
	case errors.Is(err, queue.ErrNotDead):
		refuse(w, http.StatusNotFound, fmt.Sprintf("job %d is no dead letter", id))
	case err != nil:
		s.fail(w, r, err)
	default:
		answer(w, http.StatusAccepted, map[string]any{"id": id, "status": "enqueued"})
	}
}

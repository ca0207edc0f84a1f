package embedded

import (
	"context"
	"fmt"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/store"
)

// modelJob is a job as the rules of the queue see it, without indexes, states
// in a database or statements.
type modelJob struct {
	ID          int64
	Key, Unique string
	State       store.JobState
	RunAt       store.Millis
	Attempt     int
}

// model is the rules, written down for reading: everything is a scan.
type model struct {
	jobs []*modelJob // by id
	next int64
}

func (m *model) pending(unique string, not int64) *modelJob {
	for _, j := range m.jobs {
		if unique != "" && j.Unique == unique && j.ID != not && (j.State == store.JobAvailable || j.State == store.JobWaiting) {
			return j
		}
	}
	return nil
}

func (m *model) head(key string) *modelJob {
	for _, j := range m.jobs {
		if key != "" && j.Key == key && (j.State == store.JobAvailable || j.State == store.JobRunning) {
			return j
		}
	}
	return nil
}

func (m *model) add(key, unique string, at store.Millis) {
	if p := m.pending(unique, 0); p != nil {
		p.RunAt = min(p.RunAt, at)
		return
	}
	m.next++
	j := &modelJob{ID: m.next, Key: key, Unique: unique, State: store.JobAvailable, RunAt: at}
	if m.head(key) != nil {
		j.State = store.JobWaiting
	}
	m.jobs = append(m.jobs, j)
}

func (m *model) take(now store.Millis, n int) []int64 {
	var due []*modelJob
	for _, j := range m.jobs {
		if j.State == store.JobAvailable && j.RunAt <= now {
			due = append(due, j)
		}
	}
	sort.SliceStable(due, func(i, k int) bool { return due[i].RunAt < due[k].RunAt })
	var ids []int64
	for _, j := range due[:min(n, len(due))] {
		j.State = store.JobRunning
		j.Attempt++
		ids = append(ids, j.ID)
	}
	return ids
}

func (m *model) end(id int64, state store.JobState, at store.Millis) {
	j := m.find(id)
	switch twin := m.pending(j.Unique, id); {
	case state == "":
		m.remove(id)
	case state == store.JobDead:
		j.State = state
	case twin != nil:
		twin.RunAt, twin.Attempt = min(twin.RunAt, at), max(twin.Attempt, j.Attempt)
		m.remove(id)
	default:
		j.State, j.RunAt = store.JobAvailable, at
	}
	m.promote(j.Key)
}

func (m *model) promote(key string) {
	if m.head(key) != nil {
		return
	}
	for _, j := range m.jobs {
		if j.Key == key && j.State == store.JobWaiting {
			j.State = store.JobAvailable
			return
		}
	}
}

func (m *model) retry(id int64, now store.Millis) {
	j := m.find(id)
	if twin := m.pending(j.Unique, id); twin != nil {
		twin.RunAt = min(twin.RunAt, now)
		m.remove(id)
		return
	}
	head := m.head(j.Key)
	j.State, j.RunAt, j.Attempt = store.JobAvailable, now, 0
	if head != nil {
		j.State = store.JobWaiting
	}
}

func (m *model) find(id int64) *modelJob {
	for _, j := range m.jobs {
		if j.ID == id {
			return j
		}
	}
	return nil
}

func (m *model) remove(id int64) {
	for i, j := range m.jobs {
		if j.ID == id {
			m.jobs = append(m.jobs[:i], m.jobs[i+1:]...)
			return
		}
	}
}

func (m *model) in(state store.JobState) []int64 {
	var ids []int64
	for _, j := range m.jobs {
		if j.State == state {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

// TestModel compares the table with the model over random histories.
func TestModel(t *testing.T) {
	s := openStore(t)
	rapid.Check(t, func(t *rapid.T) {
		now := store.Millis(1000)
		update := func(f func(ctx context.Context, tx *store.Tx) error) {
			if err := s.Update(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		m := &model{}
		update(func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.ExecContext(ctx, "DELETE FROM jobs"); err != nil {
				return err
			}
			return tx.NewRaw("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'jobs'").Scan(ctx, &m.next)
		})
		at := rapid.Custom(func(t *rapid.T) store.Millis { return now + store.Millis(rapid.IntRange(-5, 30).Draw(t, "in")) })
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				var batch []store.Job
				for range rapid.IntRange(1, 6).Draw(t, "n") {
					j := store.Job{
						Kind: "k", Args: "{}", MaxAttempts: 5, RunAt: at.Draw(t, "at"),
						Key:    rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"),
						Unique: rapid.SampledFrom([]string{"", "", "x", "y", "z"}).Draw(t, "unique"),
					}
					batch = append(batch, j)
					m.add(j.Key, j.Unique, j.RunAt)
				}
				update(func(ctx context.Context, tx *store.Tx) error { return tx.AddJobs(ctx, now, batch) })
			},
			"take": func(t *rapid.T) {
				n := rapid.IntRange(1, 4).Draw(t, "n")
				var got []int64
				update(func(ctx context.Context, tx *store.Tx) error {
					jobs, err := tx.TakeJobs(ctx, now, n)
					for _, j := range jobs {
						got = append(got, j.ID)
					}
					return err
				})
				want := m.take(now, n)
				sort.Slice(want, func(i, k int) bool { return want[i] < want[k] })
				sort.Slice(got, func(i, k int) bool { return got[i] < got[k] })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("taken (-want +got):\n%s", diff)
				}
			},
			"end": func(t *rapid.T) {
				running := m.in(store.JobRunning)
				if len(running) == 0 {
					t.Skip("nothing runs")
				}
				var ends []store.Job
				for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(running), 1, len(running), rapid.ID).Draw(t, "ids") {
					j := m.find(id)
					state := rapid.SampledFrom([]store.JobState{"", store.JobDead, store.JobAvailable}).Draw(t, "state")
					end := store.Job{ID: id, Key: j.Key, Unique: j.Unique, State: state, RunAt: at.Draw(t, "again"), Attempt: j.Attempt}
					ends = append(ends, end)
					m.end(id, state, end.RunAt)
				}
				update(func(ctx context.Context, tx *store.Tx) error { return tx.EndJobs(ctx, ends) })
			},
			"retry": func(t *rapid.T) {
				dead := m.in(store.JobDead)
				if len(dead) == 0 {
					t.Skip("nothing is dead")
				}
				id := rapid.SampledFrom(dead).Draw(t, "id")
				m.retry(id, now)
				update(func(ctx context.Context, tx *store.Tx) error {
					ok, err := tx.RetryJob(ctx, now, id)
					if !ok && err == nil {
						err = fmt.Errorf("%d is not dead", id)
					}
					return err
				})
			},
			"wait": func(t *rapid.T) { now += store.Millis(rapid.IntRange(1, 20).Draw(t, "ms")) },
			"": func(t *rapid.T) {
				var rows []store.Job
				if err := s.Read().NewSelect().Model(&rows).Order("id").Scan(context.Background()); err != nil {
					t.Fatal(err)
				}
				got, want := []modelJob{}, []modelJob{}
				for _, r := range rows {
					got = append(got, modelJob{ID: r.ID, Key: r.Key, Unique: r.Unique, State: r.State, RunAt: r.RunAt, Attempt: r.Attempt})
				}
				for _, j := range m.jobs {
					want = append(want, *j)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("table (-model +table):\n%s", diff)
				}
			},
		})
	})
}

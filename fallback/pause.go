package fallback

import (
	"context"
	"slices"
	"time"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Bounds of a pause. Longer ones are typing mistakes; who means it leaves the
// end open.
const (
	MaxPause       = 366 * 24 * time.Hour
	maxPauseReason = 1000
	// maxOpenPauses bounds the pauses of one scope that are in force, and those
	// that are to come, each for itself: windows do not stand in the way of a
	// pause from now.
	maxOpenPauses = 100
)

// PauseRequest asks that nothing begins by itself for a while.
type PauseRequest struct {
	Repo   queue.Repo    // zero: everything, in all repositories
	Target string        // a watched workflow; "": the whole repository
	From   time.Time     // zero: now; later: a maintenance window
	Until  time.Time     // zero: until somebody resumes
	For    time.Duration // instead of Until: counted from From
	Actor  string
	Reason string
	Key    string // the same key acts once; "" is new every time
}

// ResumeRequest ends pauses.
type ResumeRequest struct {
	Repo   queue.Repo // zero: what is paused everywhere
	Target string     // a watched workflow; "": the repository and its workflows
	ID     int64      // instead: this one, be it in force or to come
	Actor  string
	Key    string
}

// Pause is a pause as shown.
type Pause struct {
	ID        int64      `json:"id"`
	Scope     string     `json:"scope"` // all | repository | workflow
	Repo      string     `json:"repo,omitempty"`
	Workflow  string     `json:"workflow,omitempty"`
	From      time.Time  `json:"from"`
	Until     *time.Time `json:"until,omitempty"` // without: until somebody resumes
	Active    bool       `json:"active"`
	Actor     string     `json:"actor"`
	Reason    string     `json:"reason,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"` // by a person
	EndedBy   string     `json:"ended_by,omitempty"`
}

// Pause writes a pause down. It takes the place of those of the same scope that
// are in force, but for somebody else's that last longer: only resuming ends
// them early. Maintenance windows stand beside each other.
func (e *Engine) Pause(ctx context.Context, r PauseRequest) (Answer, error) {
	key := pauseKey("pause", r.Key)
	if old, ok, err := e.answered(ctx, key); err != nil || ok {
		return old, err
	}
	p, answer, err := e.pauseScope(ctx, r.Repo, r.Target)
	if err != nil || answer != nil {
		return deref(answer), err
	}
	now := e.Clock.Now()
	if r.From.Before(now) {
		r.From = now
	}
	if r.For > 0 {
		r.Until = r.From.Add(r.For)
	}
	switch {
	case !r.Until.IsZero() && !r.Until.After(r.From):
		return refuse("The pause would end at %s, before it begins.", r.Until.UTC().Format(timeFormat)), nil
	case r.Until.Sub(r.From) > MaxPause || r.From.Sub(now) > MaxPause:
		return refuse("A pause begins within a year and lasts a year at most; leave its end out to pause until somebody resumes."), nil
	}
	p.FromAt, p.UntilAt, p.CreatedAt = store.MillisOf(r.From), store.MillisOf(r.Until), e.now()
	p.Actor, p.Reason = r.Actor, clip(r.Reason, maxPauseReason)
	var got Answer
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		beside, no, err := e.replacePause(ctx, tx, &p)
		if err != nil {
			return err
		}
		if no != nil {
			got = *no
			return e.remember(ctx, tx, key, got)
		}
		if err := tx.AddPause(ctx, &p); err != nil {
			return err
		}
		got = Answer{Accepted: true, Message: pauseAnswer(&p, beside, e.now())}
		// What is suppressed may have waited for the end of a pause that this one
		// has replaced.
		if err := e.touchPaused(ctx, tx, &p, Failing, Recovering, Suppressed); err != nil {
			return err
		}
		return e.remember(ctx, tx, key, got)
	})
	return got, err
}

// pauseScope is a pause with its scope filled in. The answer is not nil when
// the target cannot be one.
func (e *Engine) pauseScope(ctx context.Context, repo queue.Repo, target string) (store.Pause, *Answer, error) {
	switch {
	case repo.ID == 0 && target != "":
		no := refuse("Which repository is %s of?", quote(target))
		return store.Pause{}, &no, nil
	case repo.ID == 0:
		return store.Pause{Scope: store.PauseAll}, nil, nil
	case target == "":
		return store.Pause{Scope: store.PauseRepository, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name}, nil, nil
	}
	flow, answer, err := e.target(ctx, queue.Recover{Repo: repo, Target: target})
	return store.Pause{Scope: store.PauseWorkflow, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, WorkflowPath: flow.File}, answer, err
}

// touchPaused wakes the incidents of a pause's scope that are in one of the
// states. Those of one workflow are shown anew besides, for their button.
func (e *Engine) touchPaused(ctx context.Context, tx *store.Tx, p *store.Pause, states ...State) error {
	f := store.IncidentFilter{RepoID: p.RepoID, WorkflowPath: p.WorkflowPath, States: unsettled, Limit: 1 << 30}
	list, err := store.Incidents(ctx, tx, f)
	if err != nil {
		return err
	}
	for _, inc := range list {
		var items []queue.Item
		if slices.Contains(states, State(inc.State)) {
			items = append(items, advanceItem(inc.ID, time.Time{}))
		}
		if p.Scope == store.PauseWorkflow {
			items = append(items, publishItem(inc.ID))
		}
		if err := e.Queue.Enqueue(ctx, tx, items...); err != nil {
			return err
		}
	}
	return nil
}

// pauseKey identifies a request; "" when nothing does.
func pauseKey(what, key string) string {
	if key == "" {
		return ""
	}
	return what + "|" + key
}

// answered is the answer that a request got before.
func (e *Engine) answered(ctx context.Context, key string) (Answer, bool, error) {
	if key == "" {
		return Answer{}, false, nil
	}
	old, ok, err := store.ReadRecoverRequest(ctx, e.Store.Read(), key)
	return Answer{Accepted: old.Accepted, Message: old.Message, IncidentID: old.IncidentID}, ok, err
}

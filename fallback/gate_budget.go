package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

// Budgets bound what is started on GitHub without a person asking for it. Zero
// values are the defaults, negative ones lift the bound. GitHub itself refuses
// a run's 51st attempt.
type Budgets struct {
	PerIncident   int     // re-runs of one incident; 3
	PerWorkflow   int     // re-runs of one workflow within a day; 6
	PerRepository int     // re-runs and dispatches of one repository within an hour, as a bucket of that size; 10
	Share         float64 // of the runs seen within a day that may be started, of all repositories; 0.1 …
	Floor         int     // … and so many in any case; 100
}

func (b Budgets) orDefault() Budgets {
	b.PerIncident = orElse(b.PerIncident, 3)
	b.PerWorkflow = orElse(b.PerWorkflow, 6)
	b.PerRepository = orElse(b.PerRepository, 10)
	b.Share = orElse(b.Share, 0.1)
	b.Floor = orElse(b.Floor, 100)
	return b
}

func orElse[T int | float64](v, or T) T {
	if v == 0 {
		return or
	}
	return v
}

// budgetName is the name of budgetGate, as kept with incidents.
const budgetName = "budget"

// gitHubKinds are the steps that budgets count.
var gitHubKinds = []string{kindRerun, kindDispatch, kindRepositoryDispatch}

// budgetGate bounds re-runs and dispatches.
func budgetGate(ctx context.Context, e *Engine, sc *scope, s step) (*hold, error) {
	return e.budget(ctx, e.Store.Read(), sc, s)
}

// budget is nil while there is room for one more step. The rows of the steps
// are the account: it is right after a restart, too.
func (e *Engine) budget(ctx context.Context, db bun.IDB, sc *scope, s step) (*hold, error) {
	if !onGitHub(s.kind()) {
		return nil, nil
	}
	if s.kind() == kindRerun {
		if h, err := e.rerunBudget(ctx, db, sc); err != nil || h != nil {
			return h, err
		}
	}
	if h, err := e.repositoryBudget(ctx, db, sc); err != nil || h != nil {
		return h, err
	}
	return e.globalBudget(ctx, db)
}

// rerunBudget passes over a rung: another re-run would most likely end as the
// last ones did, and the next rung does something else.
func (e *Engine) rerunBudget(ctx context.Context, db bun.IDB, sc *scope) (*hold, error) {
	rerun := []string{kindRerun}
	if most := e.Budgets.PerIncident; most > 0 {
		spent, err := store.Spent(ctx, db, store.SpentFilter{Kinds: rerun, IncidentID: sc.inc.ID}, 0, int64(most))
		if err != nil {
			return nil, err
		}
		if len(spent) >= most {
			return &hold{skip: true, reason: fmt.Sprintf("the budget of an incident, %d re-runs, is spent", most)}, nil
		}
	}
	most := e.Budgets.PerWorkflow
	if most <= 0 {
		return nil, nil
	}
	day := e.scaled(24 * time.Hour)
	f := store.SpentFilter{Kinds: rerun, RepoID: sc.inc.RepoID, WorkflowPath: sc.inc.WorkflowPath}
	spent, err := store.Spent(ctx, db, f, e.ago(day), int64(most))
	if err != nil {
		return nil, err
	}
	if room := (storm.Quota{Max: most, Within: day}).Next(e.moments(spent), e.Clock.Now()); room.After(e.Clock.Now()) {
		return &hold{skip: true, reason: fmt.Sprintf("the budget of a workflow, %d re-runs a day, is spent until %s", most, room.UTC().Format(timeFormat))}, nil
	}
	return nil, nil
}

// askedEnough bounds a round that a person has asked for, which passes the
// gates: as many re-runs as an incident may have by itself. Each further
// request is another round.
func (e *Engine) askedEnough(sc *scope, s step) string {
	most := e.Budgets.PerIncident
	if !sc.inc.Forced || s.kind() != kindRerun || most <= 0 {
		return ""
	}
	spent := 0
	for i := range sc.steps {
		st := &sc.steps[i]
		if st.Kind == kindRerun && st.Round == sc.inc.Round && st.Epoch != 0 && st.State != store.StepNotSent && st.State != store.StepNotDone {
			spent++
		}
	}
	if spent < most {
		return ""
	}
	return fmt.Sprintf("the budget of one request, %d re-runs, is spent", most)
}

// repositoryBudget waits for the next token.
func (e *Engine) repositoryBudget(ctx context.Context, db bun.IDB, sc *scope) (*hold, error) {
	most := e.Budgets.PerRepository
	if most <= 0 {
		return nil, nil
	}
	bucket := storm.Bucket{Size: most, Every: e.scaled(time.Hour) / time.Duration(most)}
	spent, err := store.Spent(ctx, db, store.SpentFilter{Kinds: gitHubKinds, RepoID: sc.inc.RepoID}, e.ago(e.scaled(24*time.Hour)), int64(most*most))
	if err != nil {
		return nil, err
	}
	now := e.Clock.Now()
	next := bucket.Next(e.moments(spent), now)
	if !next.After(now) {
		return nil, nil
	}
	return &hold{
		reason:   fmt.Sprintf("the budget of a repository, %d recoveries an hour, is spent until %s", most, next.UTC().Format(timeFormat)),
		evidence: map[string]any{"budget": "repository", "until": next.UTC()}, until: next,
	}, nil
}

// globalBudget keeps this server from becoming the load that it heals.
func (e *Engine) globalBudget(ctx context.Context, db bun.IDB) (*hold, error) {
	if e.Budgets.Floor < 0 {
		return nil, nil
	}
	day := e.scaled(24 * time.Hour)
	since := e.ago(day)
	spent, err := store.Spent(ctx, db, store.SpentFilter{Kinds: gitHubKinds}, since, int64(e.Budgets.Floor))
	if err != nil || len(spent) < e.Budgets.Floor {
		return nil, err
	}
	observed, err := store.ObservedRuns(ctx, db, since)
	if err != nil {
		return nil, err
	}
	most := storm.Ceiling(observed, e.Budgets.Share, e.Budgets.Floor)
	if spent, err = store.Spent(ctx, db, store.SpentFilter{Kinds: gitHubKinds}, since, int64(most)); err != nil {
		return nil, err
	}
	now := e.Clock.Now()
	next := (storm.Quota{Max: most, Within: day}).Next(e.moments(spent), now)
	if !next.After(now) {
		return nil, nil
	}
	// More runs make more room, so this looks again before the oldest is forgotten.
	if soon := now.Add(e.scaled(pollMax)); next.After(soon) {
		next = soon
	}
	return &hold{
		reason:   fmt.Sprintf("the budget of this server, %d recoveries a day at %d runs seen, is spent", most, observed),
		evidence: map[string]any{"budget": "global", "observed": observed, "most": most}, until: next,
	}, nil
}

// ago is the first millisecond of a stretch of time that ends now.
func (e *Engine) ago(d time.Duration) store.Millis {
	return store.MillisOf(e.Clock.Now().Add(-d)) + 1
}

// moments are when something was spent, at the latest now: by a clock that ran
// ahead, nothing more would be had until that moment.
func (e *Engine) moments(list []store.Millis) []time.Time {
	out := make([]time.Time, len(list))
	for i, m := range list {
		out[i] = minTime(m.Time(), e.Clock.Now())
	}
	return out
}

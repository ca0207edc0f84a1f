package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/store"
)

// dependsOn is what a rung needs to work.
func dependsOn(sc *scope, s step) []string {
	switch s := s.(type) {
	case enableStep:
		return []string{upstream.API, upstream.Limit(sc.repo.InstallationID)}
	case localStep:
		return []string{upstream.AgentPrefix + s.Host}
	case homeStep:
		return []string{upstream.AgentPrefix + s.Host}
	}
	return []string{upstream.Actions, upstream.API, upstream.Limit(sc.repo.InstallationID)}
}

// onGitHub says whether a kind of step adds to GitHub's load.
func onGitHub(kind string) bool {
	return kind == kindRerun || kind == kindDispatch || kind == kindRepositoryDispatch
}

// Answered is [upstream.Health.Answered].
func (e *Engine) Answered(ok bool) { e.upstream.Answered(ok) }

// upstreamIncidents is the engine as package upstream sees it:
// [upstream.Incidents].
type upstreamIncidents struct{ e *Engine }

func (u upstreamIncidents) Down(ctx context.Context, tx *store.Tx, d *upstream.Dependency, was storm.Breaker, why string, evidence map[string]any) error {
	return u.e.openUpstream(ctx, tx, d, was, why, evidence)
}

func (u upstreamIncidents) Changed(ctx context.Context, tx *store.Tx, incident int64) error {
	if incident != 0 {
		return u.e.wake(ctx, tx, incident)
	}
	return u.e.wakeHeld(ctx, tx)
}

// wakeHeld wakes what waits for a host, when that has changed.
func (e *Engine) wakeHeld(ctx context.Context, tx *store.Tx) error {
	held, err := store.HeldIncidents(ctx, tx, 0, string(Suppressed))
	if err != nil {
		return err
	}
	for _, inc := range held {
		if inc.HeldBy != gateUpstream {
			continue
		}
		if err := e.wake(ctx, tx, inc.ID); err != nil {
			return err
		}
	}
	return nil
}

// experience is what the outcome of a step says about what it depends on.
func (e *Engine) experience(ctx context.Context, tx *store.Tx, sc *scope, st *store.Step, res result) error {
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return err
	}
	if !onGitHub(st.Kind) {
		o := storm.Outcome{At: e.Clock.Now(), By: fmt.Sprint(st.IncidentID)}
		switch res.verdict {
		case happened, failedStep: // that a script fails is the script's affair
			o.OK = true
		case inDoubt: // lost
		case refused:
			if !res.unable { // by its own name or rules, and not by the host
				return nil
			}
		default:
			return nil
		}
		return e.upstream.Record(ctx, tx, dependsOn(sc, s)[0], o)
	}
	if err := e.upstream.Granted(ctx, tx, sc.repo.InstallationID, res.cause, res.verdict == happened); err != nil {
		return err
	}
	switch {
	case res.verdict == succeeded:
		return e.canaryOf(ctx, tx, sc.repo, acted(sc, st), true, st.StartedAt, st.IncidentID)
	case res.verdict == failedStep && res.evidence["conclusion"] == startupFailure:
		return e.canaryOf(ctx, tx, sc.repo, acted(sc, st), false, e.now(), st.IncidentID)
	}
	return nil
}

// startupFailure is the conclusion of a run none of whose jobs has begun.
const startupFailure = "startup_failure"

// acted is the workflow whose run a step has started.
func acted(sc *scope, st *store.Step) string {
	if st.Kind == kindDispatch {
		return st.Target
	}
	return sc.inc.WorkflowPath
}

// spared says whether a failure of a step is GitHub's and not the rung's: the
// run could not begin, while none can. The rung gets another turn afterwards.
func (e *Engine) spared(ctx context.Context, tx *store.Tx, st *store.Step, res result) (bool, error) {
	if !onGitHub(st.Kind) || res.verdict != failedStep || res.evidence["conclusion"] != startupFailure {
		return false, nil
	}
	d, err := upstream.Read(ctx, tx, upstream.Actions)
	return err == nil && d.Stored.State != storm.Closed, err
}

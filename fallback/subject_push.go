package fallback

import (
	"context"
	"fmt"
	"net/url"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// pushSubject is a push that has started no run.
type pushSubject struct{}

// pushed is what GitHub shows of a push now.
type pushed struct {
	run     store.WorkflowRun // RunID is 0 while there is none
	nothing string            // why no run is missing, "" when one is
	never   bool              // GitHub lists no run of any push to the branch
	newer   bool              // another push has taken its place
	moved   bool              // the branch has another head, of which it is not known what it starts
}

// lookForPush asks GitHub for the run of a push, and proves that the repository is
// where sc.repo says.
func (e *Engine) lookForPush(ctx context.Context, sc *scope) (p pushed, err error) {
	if sc.repo, err = e.locate(ctx, sc.client, sc.repo); err != nil {
		return p, err
	}
	list, err := runs.List(ctx, sc.client, sc.repo, runs.Query{Workflow: sc.inc.WorkflowPath, Filter: url.Values{"event": {pushEvent}, "branch": {sc.inc.HeadBranch}}})
	if err != nil {
		return p, err
	}
	for _, r := range list.Runs {
		if r.GetHeadSHA() != sc.inc.HeadSHA || r.GetEvent() != pushEvent || r.WorkflowPath() != sc.inc.WorkflowPath || r.GetHeadRepository().GetID() != sc.repo.ID ||
			store.MillisOf(r.Created()) < answersFrom(sc.inc.PushedAt) {
			continue
		}
		return p, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			p.run, err = e.save(ctx, tx, sc.repo, r)
			return err
		})
	}
	if len(list.Runs) == 0 {
		// Actions can be switched off for the repository, which an App is not told.
		p.never, p.nothing = true, "no push to the branch has ever started the workflow"
		return p, nil
	}
	state, err := e.workflowState(ctx, sc)
	if err != nil {
		return p, err
	}
	if schedule.SwitchedOff(state) || state == workflowDeleted {
		p.nothing = "GitHub has the workflow as " + state
		return p, nil
	}
	head, err := branchHead(ctx, sc.client, sc.repo, sc.inc.HeadBranch)
	if err != nil || head == sc.inc.HeadSHA {
		return p, err
	}
	p.newer, err = e.takenOver(ctx, pushOf(sc.inc), head, list.Runs)
	p.moved = !p.newer
	return p, err
}

// confirm believes it after two lists, a minute apart, that do not have the run.
func (pushSubject) confirm(ctx context.Context, e *Engine, sc *scope) (next, error) {
	p, err := e.lookForPush(ctx, sc)
	if err != nil {
		return next{}, err
	}
	evidence := map[string]any{"commit": sc.inc.HeadSHA, "pushed_at": sc.inc.BeganAt.Time()}
	again := next{}
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		switch {
		case p.run.RunID != 0:
			sc.inc.MissingSince = 0
			fill(sc.inc, p.run)
			to, reason := Healthy, "its run came, late by "+showDuration(p.run.CreatedAt.Time().Sub(sc.inc.BeganAt.Time()))
			if runs.Failed(p.run.Conclusion) {
				to, reason, again.again = Failing, reason+", and concluded "+p.run.Conclusion, true
			}
			if err := e.inspectLater(ctx, tx, sc.repo, p.run); err != nil {
				return err
			}
			return e.move(ctx, tx, sc.inc, to, reason, runEvidence(p.run))
		case p.never && e.Clock.Now().Before(e.believedAt(sc.inc)):
			again.at = e.believedAt(sc.inc)
			return e.doubtEmpty(ctx, tx, sc.inc, p)
		case p.nothing != "":
			return e.move(ctx, tx, sc.inc, Healthy, p.nothing, evidence)
		case p.newer:
			return e.move(ctx, tx, sc.inc, Superseded, "a newer push took its place", evidence)
		case sc.inc.LookedAt == 0:
			sc.inc.LookedAt, sc.inc.MissingSince = e.now(), 0
			again.at = e.Clock.Now().Add(e.scaled(secondLook))
			return e.note(ctx, tx, sc.inc, "GitHub lists no run of the push; looking again before it is believed", evidence)
		}
		wait := e.scaled(secondLook)
		if p.moved { // by then it is known whether the newer push should have started one
			wait += e.scaled(pushGrace)
		}
		if again.at = sc.inc.LookedAt.Time().Add(wait); e.Clock.Now().Before(again.at) {
			return nil
		}
		sc.inc.MissingSince = 0
		again = next{again: true}
		sc.inc.Cause = string(causeOfAbsence)
		return e.move(ctx, tx, sc.inc, Failing, fmt.Sprintf("the push of %.7s has started no run of %s", sc.inc.HeadSHA, workflowName(sc.inc.WorkflowPath)), evidence)
	})
	return again, err
}

// look asks once more before anything is done in place of the run. One that has
// come by now is as the run of any incident from then on.
func (pushSubject) look(ctx context.Context, e *Engine, sc *scope) (n next, stop bool, err error) {
	if sc.inc.RunID != 0 {
		return e.lookPushed(ctx, sc)
	}
	p, err := e.lookForPush(ctx, sc)
	if err != nil {
		return next{}, false, err
	}
	move := func(to State, reason string) (next, bool, error) {
		return next{}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			sc.inc.HeldBy, sc.inc.NotBefore = "", 0
			return e.move(ctx, tx, sc.inc, to, reason, map[string]any{"commit": sc.inc.HeadSHA})
		})
	}
	switch {
	case p.run.RunID != 0:
		sc.inc.MissingSince = 0
		return next{again: true}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			fill(sc.inc, p.run)
			return e.note(ctx, tx, sc.inc, "its run came, late by "+showDuration(p.run.CreatedAt.Time().Sub(sc.inc.BeganAt.Time())), runEvidence(p.run))
		})
	case sc.inc.Forced:
	case p.never && e.Clock.Now().Before(e.believedAt(sc.inc)):
		return next{at: e.believedAt(sc.inc)}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.doubtEmpty(ctx, tx, sc.inc, p) })
	case p.nothing != "":
		return move(Healthy, p.nothing)
	case p.newer:
		return move(Superseded, "a newer push took its place")
	}
	stop, err = e.outdated(ctx, sc)
	return next{}, stop, err
}

// lookPushed follows the run that has come for a push after all.
func (e *Engine) lookPushed(ctx context.Context, sc *scope) (n next, stop bool, err error) {
	if n, stop, err = e.primary(ctx, sc); err != nil || stop || sc.inc.Conclusion != "" {
		return n, stop, err
	}
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.RunID)
	if err != nil || !ok || !known.Completed() { // gone for good: there is none
		return next{}, false, err
	}
	reason := "the run of the push concluded " + known.Conclusion
	return next{again: true}, true, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if runs.Failed(known.Conclusion) {
			fill(sc.inc, known)
			return e.note(ctx, tx, sc.inc, reason, runEvidence(known))
		}
		return e.move(ctx, tx, sc.inc, Superseded, reason+", which was somebody's decision", runEvidence(known))
	})
}

// ended: the run of a push can come hours later, unless the workflow is
// switched off.
func (pushSubject) ended(ctx context.Context, e *Engine, sc *scope) (string, error) {
	if sc.inc.RunID != 0 {
		return "the run has ended", nil // look has just read it
	}
	state, err := e.workflowState(ctx, sc)
	if err == nil && schedule.SwitchedOff(state) {
		return "GitHub has the workflow as " + state, nil
	}
	return "", err
}

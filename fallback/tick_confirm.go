package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/clock"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// twice is the least time between the two lists that an absence is believed by.
const twice = time.Minute

// confirm finds out whether the run of a tick is late or does not come: by two
// lists of GitHub's beyond the hard grace, a minute or more apart, without it.
// That they came is what tells GitHub's silence from our own deafness.
func (tickSubject) confirm(ctx context.Context, e *Engine, sc *scope) (next, error) {
	list, err := e.freshRuns(ctx, sc)
	if err != nil {
		return next{}, err
	}
	r, came, err := e.tickRun(ctx, sc)
	switch {
	case err != nil:
		return next{}, err
	case came:
		return next{}, e.late2healthy(ctx, sc, r)
	}
	if n, stop, err := e.pointless(ctx, sc, list); err != nil || stop {
		return n, err
	}
	w, _, err := store.ReadWatch(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.WorkflowPath)
	if err != nil {
		return next{}, err
	}
	now, deadline := e.Clock.Now(), e.deadline(sc, &w)
	if now.Before(deadline) {
		return next{at: deadline}, nil // its webhook comes first, if any
	}
	// By GitHub's clock, too: ours may be ahead. Its header has whole seconds.
	if asked := sc.asked.Add(time.Second); !sc.asked.IsZero() && asked.Before(deadline) {
		return next{at: now.Add(min(deadline.Sub(asked), e.scaled(pollDoubt)))}, nil
	}
	if sc.inc.LookedAt == 0 {
		err := e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			sc.inc.LookedAt = e.now()
			return e.note(ctx, tx, sc.inc, "GitHub lists no run for the tick; looking again before it counts as missed", nil)
		})
		return next{at: now.Add(e.scaled(twice))}, err
	}
	// Not before this process has heard GitHub for as long itself: what came
	// while it was away is being read.
	if settled := maxTime(sc.inc.LookedAt.Time(), e.up).Add(e.scaled(twice)); now.Before(settled) {
		return next{at: settled}, nil
	}
	return e.tickMissed(ctx, sc, &w)
}

// late2healthy ends a suspicion: the run came, later than it should.
func (e *Engine) late2healthy(ctx context.Context, sc *scope, r store.WorkflowRun) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		// Whether the tick counts as late was written when the run was matched:
		// it may have come in time, and only the news of it were late.
		//
		// The incident does not take the run over: if it fails, that is news.
		return e.move(ctx, tx, sc.inc, Healthy, lateness(sc.inc, r), runEvidence(r))
	})
}

// tickMissed concludes that a tick's run does not come, and why.
func (e *Engine) tickMissed(ctx context.Context, sc *scope, w *store.Watch) (next, error) {
	state, err := e.workflowState(ctx, sc)
	if err != nil {
		return next{}, err
	}
	switch {
	case state == workflowDeleted:
		return next{}, e.disown(ctx, sc, "the workflow is not there any more")
	case state == workflowInactive && stayOff(state, sc.flow.Schedule.Reenable) == "":
		if wait, err := e.awaitSwitch(ctx, sc, state); err != nil || wait {
			return next{at: e.poll(sc.inc.UpdatedAt)}, err
		}
	case schedule.SwitchedOff(state):
		return next{}, e.blameSwitch(ctx, sc, state)
	}
	if err := e.addressTick(ctx, sc); err != nil {
		return next{}, err
	}
	if sc.archived {
		return next{}, e.disown(ctx, sc, archivedReason)
	}
	hard := clock.Grace(w, sc.flow).Hard
	reason := fmt.Sprintf("no run has answered the tick of %s within %s", showTick(sc.inc), showDuration(hard))
	evidence := map[string]any{
		"tick": sc.inc.TickAt.Time(), "cron": sc.inc.TickCron, "silent_since": sc.inc.BeganAt.Time(), "deadline": e.deadline(sc, w),
		"first_look": sc.inc.LookedAt.Time(), "second_look": e.Clock.Now().UTC(), "workflow": state,
	}
	return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.saveTick(ctx, tx, sc.inc, store.TickMissed); err != nil {
			return err
		}
		if clock.CatchupOf(sc.flow) != config.CatchupAll {
			if _, err := e.takePlace(ctx, tx, sc.inc, 0, Exhausted, InDoubt); err != nil {
				return err
			}
		}
		if clock.CatchupOf(sc.flow) == config.CatchupNone {
			sc.inc.ConfirmedAt = e.now()
			return e.move(ctx, tx, sc.inc, Exhausted, reason+"; nothing is done about it, since catchup is none", evidence)
		}
		return e.move(ctx, tx, sc.inc, Failing, reason, evidence)
	})
}

// archivedReason is why the ticks of a repository are nobody's any more.
const archivedReason = "the repository is archived, and nothing of it runs"

// addressTick finds the commit that a Check Run about a tick without a run
// stands on: the one that GitHub would have run. The address of the workflow's
// runs stands in for that of the run.
func (e *Engine) addressTick(ctx context.Context, sc *scope) error {
	branch, err := e.defaultBranch(ctx, sc.client, sc.repo)
	if err != nil {
		return err
	}
	ref, _, err := sc.client.Git.GetRef(ctx, sc.repo.Owner, sc.repo.Name, "heads/"+branch)
	if err != nil {
		return fmt.Errorf("find head of %s: %w", branch, err)
	}
	r := new(github.Repository)
	if _, err := githubapi.Get(ctx, sc.client, githubapi.RepoPath(sc.repo.Owner, sc.repo.Name), r); err != nil {
		return fmt.Errorf("read repository %s: %w", sc.repo.FullName(), err)
	}
	sc.archived = r.GetArchived()
	sc.inc.HeadBranch, sc.inc.HeadSHA = branch, ref.GetObject().GetSHA()
	sc.inc.RunURL = r.GetHTMLURL() + "/actions/workflows/" + fileName(sc.inc.WorkflowPath)
	return nil // written with the next transition
}

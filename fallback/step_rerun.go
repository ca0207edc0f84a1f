package fallback

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// rerunStep re-runs the failed jobs of the run itself. Its effect shows in the
// run's attempt number, so a lost answer is settled by reading that.
type rerunStep struct{ config.Rerun }

func (rerunStep) kind() string   { return kindRerun }
func (rerunStep) target() string { return "" }
func (s rerunStep) tries() int   { return max(s.Attempts, 1) }

// maxAttempt keeps far away from GitHub's 50 re-runs of a run: the 51st would
// be refused, to people as well.
const maxAttempt = 10

func (s rerunStep) skip(_ *Engine, sc *scope) string {
	switch {
	case sc.inc.RunID == 0:
		return "there is no run that could be run again"
	case sc.inc.Signal == string(Stalled) && sc.inc.Conclusion == "":
		return "the run has not ended, and GitHub re-runs only what has"
	case sc.inc.RunAttempt >= maxAttempt:
		return fmt.Sprintf("the run is at attempt %d already", sc.inc.RunAttempt)
	case len(s.When) > 0 && !slices.Contains(s.When, config.RerunCause(sc.inc.Cause)):
		return fmt.Sprintf("the cause is %s, and it is limited to %v", sc.inc.Cause, s.When)
	}
	return ""
}

func (s rerunStep) act(ctx context.Context, e *Engine, sc *scope, st *store.Step) result {
	what, why, err := s.again(ctx, e, sc)
	switch {
	case err != nil: // nothing was sent
		return result{verdict: notSent, reason: err.Error(), cause: err}
	case what == "":
		return result{verdict: refused, reason: why}
	}
	return s.orFollow(ctx, e, sc, st, afterCall(postRun(ctx, sc.client, sc.repo, sc.inc.RunID, what), s.done(sc, st)))
}

// postRun asks for an effect on a run, in GitHub's word for it.
func postRun(ctx context.Context, client *github.Client, repo queue.Repo, runID int64, what string) error {
	return githubapi.Send(ctx, client, http.MethodPost, githubapi.RepoPath(repo.Owner, repo.Name, "actions", "runs", strconv.FormatInt(runID, 10), what))
}

func (rerunStep) done(sc *scope, st *store.Step) result {
	return result{
		verdict: happened, reason: fmt.Sprintf("attempt %d of the run was started", st.BaseAttempt+1), url: sc.inc.RunURL,
		runs:     []store.Child{{RunID: sc.inc.RunID, Attempt: st.BaseAttempt + 1}},
		evidence: map[string]any{"run": sc.inc.RunID, "attempt": st.BaseAttempt + 1, "url": sc.inc.RunURL},
	}
}

// orFollow looks behind a refusal: GitHub refuses to re-run what runs, and then
// somebody was faster. That is no failure of the step; their attempt is followed.
func (rerunStep) orFollow(ctx context.Context, e *Engine, sc *scope, st *store.Step, res result) result {
	if res.verdict != refused {
		return res
	}
	known, err := e.reread(ctx, sc.client, sc.repo, sc.inc.RunID)
	if err == nil && (known.Attempt > st.BaseAttempt || !known.Completed()) {
		return result{verdict: notSent, reason: fmt.Sprintf("attempt %d was started by %s", known.Attempt, known.Actor)}
	}
	return res
}

func (s rerunStep) resolve(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	known, err := e.reread(ctx, sc.client, sc.repo, sc.inc.RunID)
	if githubapi.IsNotFound(err) {
		return result{verdict: refused, reason: "the run is gone"}, nil
	}
	if err != nil {
		return result{}, err
	}
	settled := st.IntentAt.Time().Add(e.scaled(settleRerun))
	switch now := e.Clock.Now(); {
	case known.Attempt > st.BaseAttempt:
		return s.done(sc, st), nil
	case now.Before(settled):
		return result{verdict: pending, until: minTime(now.Add(e.scaled(pollSettle)), settled)}, nil
	case !known.Completed(): // cannot be, but would not prove anything
		return result{verdict: pending, until: e.poll(st.IntentAt)}, nil
	}
	return result{
		verdict: notDone, reason: fmt.Sprintf("the run is still at attempt %d", known.Attempt),
		evidence: map[string]any{"run": known.RunID, "attempt": known.Attempt, "conclusion": known.Conclusion},
	}, nil
}

func (rerunStep) verify(ctx context.Context, e *Engine, sc *scope, st *store.Step) (result, error) {
	if st.RunID == 0 {
		return result{}, errNoRun
	}
	return e.verifyRun(ctx, sc, st)
}

package fallback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// maxTurns bounds the turns of one job. A ladder of ten rungs needs about
// thirty; more is a mistake that must not burn requests.
const maxTurns = 200

// next is what a turn leaves: another turn now, one at a moment, or none until
// something happens.
type next struct {
	again bool
	at    time.Time
}

// scope is an incident with what a turn needs to know of it, read at its start.
type scope struct {
	inc    *store.Incident
	flow   config.Workflow
	steps  []store.Step
	client *github.Client
	repo   queue.Repo
}

// last is the newest try in one of the states, nil when there is none.
func (sc *scope) last(states ...store.StepState) *store.Step {
	for i := len(sc.steps) - 1; i >= 0; i-- {
		for _, s := range states {
			if sc.steps[i].State == s {
				return &sc.steps[i]
			}
		}
	}
	return nil
}

// count counts the tries of the present rung in this round that are in one of
// the states.
func (sc *scope) count(states ...store.StepState) int {
	n := 0
	for i := range sc.steps {
		st := &sc.steps[i]
		for _, s := range states {
			if st.Round == sc.inc.Round && st.StepIndex == sc.inc.StepIndex && st.State == s {
				n++
			}
		}
	}
	return n
}

// Advance is the worker of queue.AdvanceIncident. It takes the incident as far
// as it goes and leaves a wake-up for later where time has to pass.
//
// That wake-up is a new job and not a snooze of this one: a webhook that came
// while this job ran waits behind it, and would wait as long as the snooze.
func (e *Engine) Advance(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.AdvanceIncident](job)
	if err != nil {
		return err
	}
	for range maxTurns {
		n, err := e.turn(ctx, args.ID)
		switch {
		case errors.Is(err, store.ErrConflict): // a person or another webhook came between
		case githubapi.IsDormant(err):
			return e.later(ctx, args.ID, e.Clock.Now().Add(pollDormant))
		case err != nil:
			return fmt.Errorf("advance incident %d: %w", args.ID, errors.Join(err, e.blocked(ctx, args.ID, err)))
		case n.again:
		case n.at.IsZero():
			return nil
		default:
			return e.later(ctx, args.ID, n.at)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return queue.Permanent(fmt.Errorf("incident %d does not come to rest", args.ID))
}

// blocked shows on the incident that GitHub refuses to answer, which no
// repetition mends: the job becomes a dead letter, and somebody has to know.
func (e *Engine) blocked(ctx context.Context, id int64, cause error) error {
	if _, limited := githubapi.LimitedUntil(cause); limited || githubapi.Outcome(cause) != githubapi.Refused {
		return nil
	}
	sc, ok, err := e.scope(ctx, id)
	reason := clip("GitHub refuses to answer: "+cause.Error(), 500)
	if err != nil || !ok || State(sc.inc.State).Settled() || sc.inc.Reason == reason {
		return err
	}
	sc.inc.Reason = reason
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.note(ctx, tx, sc.inc, reason, nil) })
}

func (e *Engine) later(ctx context.Context, id int64, at time.Time) error {
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.Queue.Enqueue(ctx, tx, advanceItem(id, at))
	})
}

// turn does one thing: it reads the incident as it stands and takes the one
// step that its state asks for.
func (e *Engine) turn(ctx context.Context, id int64) (next, error) {
	sc, ok, err := e.scope(ctx, id)
	if err != nil || !ok || State(sc.inc.State).Settled() {
		return next{}, err
	}
	log := zerolog.Ctx(ctx).With().Int64("incident", id).Int64("installation_id", sc.repo.InstallationID).
		Str("repo", sc.repo.FullName()).Logger()
	ctx = log.WithContext(ctx)
	switch State(sc.inc.State) {
	case Failing, Recovering:
		if open := sc.last(store.StepIntent); open != nil {
			return e.resolve(ctx, sc, open)
		}
		return e.proceed(ctx, sc)
	case Verifying:
		return e.verify(ctx, sc)
	case Exhausted:
		return e.reconsider(ctx, sc)
	case Suppressed:
		return e.release(ctx, sc)
	case InDoubt:
		return e.doubt(ctx, sc)
	}
	return next{}, nil
}

func (e *Engine) scope(ctx context.Context, id int64) (*scope, bool, error) {
	inc, ok, err := store.ReadIncident(ctx, e.Store.Read(), id)
	if err != nil || !ok {
		return nil, false, err
	}
	sc := &scope{inc: &inc}
	if err := json.Unmarshal([]byte(inc.Ladder), &sc.flow); err != nil {
		return nil, false, queue.Permanent(fmt.Errorf("read ladder of incident %d: %w", id, err))
	}
	if sc.steps, err = e.Store.Steps(ctx, id); err != nil {
		return nil, false, err
	}
	if State(inc.State).Settled() {
		return sc, true, nil
	}
	if sc.repo, err = e.repository(ctx, &inc); err != nil {
		return nil, false, err
	}
	sc.client, err = e.Clients.Installation(inc.InstallationID)
	return sc, true, err
}

// repository is where an incident's calls go: under the name that the
// repository has now, since GitHub redirects reads of a former name and not
// all writes.
func (e *Engine) repository(ctx context.Context, inc *store.Incident) (queue.Repo, error) {
	repo := queue.Repo{InstallationID: inc.InstallationID, ID: inc.RepoID, Owner: inc.Owner, Name: inc.Repo}
	now, known, err := e.Store.Repository(ctx, inc.RepoID)
	if err == nil && known && now.Owner != "" && now.Name != "" {
		repo.Owner, repo.Name = now.Owner, now.Name
	}
	return repo, err
}

// resolve settles an intent whose outcome was never written: the process died,
// or the answer was lost. It asks; it does not act.
func (e *Engine) resolve(ctx context.Context, sc *scope, st *store.Step) (next, error) {
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return next{}, err
	}
	res, err := s.resolve(ctx, e, sc, st)
	if err != nil {
		return next{}, err
	}
	return e.settle(ctx, sc, st, res)
}

// verify looks for the evidence of the step that has acted.
func (e *Engine) verify(ctx context.Context, sc *scope) (next, error) {
	st := sc.last(store.StepStarted)
	if st == nil {
		return next{}, queue.Permanent(fmt.Errorf("incident %d is verifying and has no step that acted", sc.inc.ID))
	}
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return next{}, err
	}
	// What webhooks told of the run itself; the ladder reads it afresh before
	// each further step anyway.
	known, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.repo.ID, sc.inc.RunID)
	if err != nil {
		return next{}, err
	}
	if ok && st.Kind != kindRerun && known.Conclusion == "success" && known.Attempt > sc.inc.RunAttempt {
		return next{}, e.supersede(ctx, sc, known)
	}
	res, err := s.verify(ctx, e, sc, st)
	if err != nil {
		return next{}, err
	}
	return e.settle(ctx, sc, st, res)
}

// reconsider looks whether an exhausted incident has become pointless.
func (e *Engine) reconsider(ctx context.Context, sc *scope) (next, error) {
	n, stop, err := e.primary(ctx, sc)
	if err != nil || stop {
		return n, err
	}
	later, ok, err := store.LaterSuccess(ctx, e.Store.Read(), sc.inc)
	if err != nil || !ok {
		return next{}, err
	}
	return next{}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return e.move(ctx, tx, sc.inc, Healthy, "a later run of the workflow succeeded", map[string]any{
			"run": later.RunID, "attempt": later.Attempt, "conclusion": later.Conclusion, "url": later.URL,
		})
	})
}

// doubt asks once more for what could not be found out. Evidence that comes
// late still counts; without any, a person decides.
func (e *Engine) doubt(ctx context.Context, sc *scope) (next, error) {
	n, stop, err := e.primary(ctx, sc)
	if err != nil || stop {
		return n, err
	}
	st := sc.last(store.StepInDoubt)
	if st == nil { // the claim is in doubt, not a step of ours
		return next{}, nil
	}
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return next{}, err
	}
	ask := s.resolve
	if st.RunID != 0 {
		ask = s.verify
	}
	res, err := ask(ctx, e, sc, st)
	if err != nil {
		return next{}, err
	}
	switch res.verdict {
	case happened, succeeded, failedStep, refused:
		return e.settle(ctx, sc, st, res)
	case pending:
		return next{at: e.Clock.Now().Add(e.scaled(pollDoubt))}, nil
	default:
		return next{}, nil
	}
}

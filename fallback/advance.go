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
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/stall"
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

// orAt is n, and a look at the moment t, if there is one.
func (n next) orAt(t time.Time) next {
	if !n.again && !t.IsZero() && (n.at.IsZero() || t.Before(n.at)) {
		n.at = t
	}
	return n
}

// scope is an incident with what a turn needs to know of it, read at its start.
type scope struct {
	inc    *store.Incident
	flow   config.Workflow
	steps  []store.Step
	client *github.Client
	repo   queue.Repo
	asked  time.Time // when GitHub listed the runs of a tick, by its clock; zero unknown
	// archived: the repository, as it was when its tick was last addressed
	archived bool
	sight    stall.Sight // of the run, once the subject has looked; only of one that is stuck
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
		var doubt *unshownError
		switch {
		case errors.Is(err, store.ErrConflict): // a person or another webhook came between
		case githubapi.IsDormant(err):
			return e.later(ctx, args.ID, e.Clock.Now().Add(pollDormant))
		case errors.As(err, &doubt):
			zerolog.Ctx(ctx).Info().Err(err).Int64("incident", args.ID).Msg("GitHub has to be asked again later")
			return e.later(ctx, args.ID, doubt.until)
		case held(err) != "":
			zerolog.Ctx(ctx).Warn().Err(err).Int64("incident", args.ID).Msg("GitHub has to be asked again later")
			return e.hold(ctx, args.ID, held(err), err)
		case err != nil:
			return e.outlive(ctx, job, args.ID, err)
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

// held are the reasons for which an incident waits for GitHub, as its reason
// begins; "" for errors that the queue deals with. It is called with errors of
// reads only: a refused write is the outcome of its step.
func held(err error) string {
	var elsewhere *runs.ElsewhereError
	var limited bool
	if err != nil {
		_, limited = githubapi.LimitedUntil(err)
	}
	switch {
	case errors.As(err, &elsewhere):
		return "the repository is not where it was"
	case !limited && githubapi.Outcome(err) == githubapi.Refused:
		return "GitHub refuses to answer"
	}
	return ""
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
	if err != nil || !ok {
		return next{}, err
	}
	if State(sc.inc.State).Settled() {
		return e.afterwards(ctx, sc)
	}
	log := zerolog.Ctx(ctx).With().Int64("incident", id).Int64("installation_id", sc.repo.InstallationID).
		Str("repo", sc.repo.FullName()).Logger()
	ctx = log.WithContext(ctx)
	if Signal(sc.inc.Signal) == Upstream {
		return e.weather(ctx, sc)
	}
	switch State(sc.inc.State) {
	case Suspected:
		if stop, err := e.sheltered(ctx, sc); err != nil || stop {
			return next{}, err
		}
		return sc.subject().confirm(ctx, e, sc)
	case Failing, Recovering:
		if open := sc.last(store.StepIntent); open != nil {
			return e.resolve(ctx, sc, open)
		}
		return e.proceed(ctx, sc)
	case Verifying:
		late, stop, err := e.latePrimary(ctx, sc)
		if err != nil || stop {
			return next{at: late}, err
		}
		n, err := e.verify(ctx, sc)
		return n.orAt(late), err
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
	if State(inc.State).Settled() || Signal(inc.Signal) == Upstream {
		return sc, true, nil
	}
	if sc.repo, err = e.repository(ctx, &inc); err != nil {
		return nil, false, err
	}
	sc.client, err = e.Clients.Installation(sc.repo.InstallationID)
	return sc, true, err
}

// resolve settles an intent whose outcome was never written: the process died,
// or the answer was lost. It asks; it does not act.
func (e *Engine) resolve(ctx context.Context, sc *scope, st *store.Step) (next, error) {
	s, err := sc.rung(st.StepIndex)
	if err != nil {
		return next{}, err
	}
	if st.Kind != kindRun { // what runs here is found out without GitHub
		if sc.repo, err = e.locate(ctx, sc.client, sc.repo); err != nil {
			return next{}, err
		}
	}
	res, err := s.resolve(ctx, e, sc, st)
	if errors.Is(err, errNoLogin) {
		return next{at: e.Clock.Now().Add(e.scaled(pollSettle))}, nil
	}
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
		told, err := e.toldToSkip(ctx, known)
		if err != nil {
			return next{}, err
		}
		if !told {
			return next{}, e.supersede(ctx, sc, known)
		}
	}
	res, err := s.verify(ctx, e, sc, st)
	if err != nil {
		return next{}, err
	}
	return e.settle(ctx, sc, st, res)
}

package fallback

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/store"
)

// What recoveries depend on, besides agentPrefix + a host's name.
const (
	dependsActions  = "github-actions"  // whether runs begin
	dependsAPI      = "github-api"      // whether GitHub answers
	dependsWebhooks = "github-webhooks" // whether GitHub tells; no step needs it
	agentPrefix     = "agent:"
)

// limited is the budget that GitHub grants an installation. It is one's own
// trouble, so it is no upstream incident.
func limited(installation int64) string { return fmt.Sprintf("%s/%d", dependsAPI, installation) }

// dependsOn is what a rung needs to work.
func dependsOn(sc *scope, s step) []string {
	switch s := s.(type) {
	case enableStep:
		return []string{dependsAPI, limited(sc.repo.InstallationID)}
	case localStep:
		return []string{agentPrefix + s.Host}
	case homeStep:
		return []string{agentPrefix + s.Host}
	}
	return []string{dependsActions, dependsAPI, limited(sc.repo.InstallationID)}
}

// onGitHub says whether a kind of step adds to GitHub's load.
func onGitHub(kind string) bool {
	return kind == kindRerun || kind == kindDispatch || kind == kindRepositoryDispatch
}

// rules of a dependency's breaker, as in the retry literature: five failures
// in a row, or half of at least ten within five minutes; a minute open,
// doubling to an hour; one probe; two successes close it.
func (e *Engine) rules(name string) storm.Rules {
	r := storm.Rules{
		Row: 5, Share: 0.5, Of: 10, Window: e.scaled(5 * time.Minute), Pause: e.scaled(time.Minute), MaxPause: e.scaled(time.Hour),
		Probe: e.scaled(10 * time.Minute), Close: 2, Early: 3, Random: e.random,
	}
	switch {
	case strings.HasPrefix(name, dependsAPI+"/"):
		r.Close = 1 // the end of a limit is known, not guessed
	case name == dependsWebhooks:
		// It is looked at when there is a run to compare with.
		r.Row, r.Window = 3, e.scaled(time.Hour)
	case name == dependsActions:
		// One workflow that cannot start is that workflow's trouble, however
		// often it does not: what opens it is mass.
		r.Row, r.Share = 0, 0
	}
	return r
}

// random is a number in [0, 1).
func (e *Engine) random() float64 {
	return float64(e.Jitter(time.Hour-1)) / float64(time.Hour)
}

// dependency is a dependency with its breaker as stored, which can be older
// than what it has become by the passing of time.
type dependency struct {
	store.Dependency
	breaker storm.Breaker
}

func readDependency(ctx context.Context, db bun.IDB, name string) (dependency, error) {
	row, err := store.ReadDependency(ctx, db, name)
	if err != nil {
		return dependency{}, err
	}
	return parseDependency(row)
}

func parseDependency(row store.Dependency) (dependency, error) {
	d := dependency{Dependency: row, breaker: storm.Breaker{State: storm.Closed}}
	if row.Breaker == "" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(row.Breaker), &d.breaker); err != nil {
		return d, fmt.Errorf("read breaker of %s: %w", row.Name, err)
	}
	return d, nil
}

// admits says whether an incident may use a dependency now.
func (e *Engine) admits(d dependency, incident int64) bool {
	return e.rules(d.Name).Admits(d.breaker, incident, e.Clock.Now())
}

// record draws the consequences of an outcome.
func (e *Engine) record(ctx context.Context, tx *store.Tx, name string, o storm.Outcome) error {
	d, err := readDependency(ctx, tx, name)
	if err != nil {
		return err
	}
	return e.turned(ctx, tx, d, e.rules(name).Record(d.breaker, o, e.Clock.Now()), "it failed too often", nil)
}

// turned writes what has become of a breaker and does what follows from it.
func (e *Engine) turned(ctx context.Context, tx *store.Tx, d dependency, is storm.Breaker, why string, evidence map[string]any) error {
	raw, err := json.Marshal(is)
	if err != nil {
		return fmt.Errorf("write breaker of %s: %w", d.Name, err)
	}
	if string(raw) == d.Breaker || d.Breaker == "" && is.State == storm.Closed && len(is.Recent) == 0 {
		return nil
	}
	was := d.breaker
	d.Breaker, d.breaker, d.UpdatedAt = string(raw), is, e.now()
	_, upstream := dependencyNames[d.Name]
	if upstream && is.State == storm.Open && was.State != storm.Open {
		if err := e.openUpstream(ctx, tx, &d, was, why, evidence); err != nil {
			return err
		}
	}
	if err := tx.SaveDependency(ctx, d.Dependency); err != nil {
		return err
	}
	if was.State == is.State && was.Probe == is.Probe && was.Until.Equal(is.Until) {
		return nil
	}
	if was.State != is.State {
		tx.OnCommit(func() {
			zerolog.Ctx(ctx).Warn().Str("dependency", d.Name).Str("from", string(was.State)).Str("to", string(is.State)).
				Time("until", is.Until).Msg("breaker of a dependency: " + why)
		})
	}
	if upstream && d.UpstreamID != 0 {
		return e.wake(ctx, tx, d.UpstreamID)
	}
	return e.wakeHeld(ctx, tx)
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
		return e.record(ctx, tx, dependsOn(sc, s)[0], o)
	}
	if err := e.granted(ctx, tx, sc, res); err != nil {
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
	d, err := readDependency(ctx, tx, dependsActions)
	return err == nil && d.breaker.State != storm.Closed, err
}

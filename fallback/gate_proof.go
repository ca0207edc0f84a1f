package fallback

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// proofName is the gate that holds an incident back until its primary provably
// can do nothing any more.
const proofName = "proof"

// proofGate holds work that must not be done twice until the primary provably
// cannot do it any more. Without that proof a person decides, and nothing has
// been done until then.
func proofGate(ctx context.Context, e *Engine, sc *scope, s step) (*hold, error) {
	// While something else holds the incident, this has time.
	if State(sc.inc.State) == Suppressed || s.kind() == kindEnable {
		return nil, nil
	}
	if sc.flow.Effect == config.Idempotent || sc.flow.Effect == config.Guarded {
		return nil, nil
	}
	if guarded, err := e.guardedToCome(ctx, sc); err != nil || guarded {
		return nil, err
	}
	why, err := sc.subject().ended(ctx, e, sc)
	if err != nil || why != "" {
		return nil, err
	}
	if guarded, err := e.guardedThere(ctx, sc); err != nil || guarded {
		return nil, err
	}
	return &hold{
		to:     InDoubt,
		until:  e.Clock.Now().Add(e.scaled(pollDoubt)),
		reason: fmt.Sprintf("%s, and doing its work twice would do harm; a person decides (recover)", mayStill(sc.inc)),
		evidence: map[string]any{
			"effect": config.AtMostOnce, "would_prove": "the run has ended, the workflow is switched off, or its first step is the guard",
		},
	}, nil
}

// mayStill says what the primary can still do.
func mayStill(inc *store.Incident) string {
	if Signal(inc.Signal) == Stalled && inc.RunID != 0 {
		return fmt.Sprintf("run %d of %s has not ended and can still take effect", inc.RunID, workflowName(inc.WorkflowPath))
	}
	return workflowName(inc.WorkflowPath) + " may still start"
}

// guardedToCome says whether the run of a tick that has none yet would ask for
// the claim before it does anything: it has the file of the default branch.
func (e *Engine) guardedToCome(ctx context.Context, sc *scope) (bool, error) {
	if Signal(sc.inc.Signal) != Missed || sc.inc.RunID != 0 {
		return false, nil
	}
	return e.carriesGuard(ctx, sc.inc)
}

// guardedThere says the same of a run that exists, or that a push has still to
// start: it has the file of its commit, whatever was changed since.
func (e *Engine) guardedThere(ctx context.Context, sc *scope) (bool, error) {
	sha := sc.inc.HeadSHA
	if sc.inc.RunID != 0 {
		r, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.inc.RepoID, sc.inc.RunID)
		if err != nil {
			return false, err
		}
		if ok {
			sha = r.HeadSHA
		}
	} else if Signal(sc.inc.Signal) != Absent {
		return false, nil
	}
	if sha == "" {
		return false, nil
	}
	data, err := workflowFile(ctx, sc, sha)
	if githubapi.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	facts, _ := config.ReadWorkflow(sc.inc.WorkflowPath, data) // one with errors proves nothing
	return facts.Guarded, nil
}

// carriesGuard says whether the workflow asks for the claim before it does
// anything, as its file on the default branch stands.
func (e *Engine) carriesGuard(ctx context.Context, inc *store.Incident) (bool, error) {
	w, ok, err := store.ReadWatch(ctx, e.Store.Read(), inc.RepoID, inc.WorkflowPath)
	if err != nil || !ok {
		return false, err
	}
	var facts config.WorkflowFacts
	if err := json.Unmarshal([]byte(w.Facts), &facts); err != nil {
		return false, fmt.Errorf("decode watch of %s: %w", w.WorkflowPath, err)
	}
	return facts.Guarded, nil
}

// proven looks whether an incident that waits for a person has got its proof.
func (e *Engine) proven(ctx context.Context, sc *scope) (next, error) {
	why, err := sc.subject().ended(ctx, e, sc)
	if err != nil {
		return next{}, err
	}
	if why == "" {
		return next{at: e.Clock.Now().Add(e.scaled(pollDoubt))}, nil
	}
	return next{again: true}, e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		sc.inc.HeldBy, sc.inc.NotBefore = "", 0
		return e.move(ctx, tx, sc.inc, Failing, why+": nothing else will do its work", nil)
	})
}

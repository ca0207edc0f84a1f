package fallback

import (
	"context"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/upstream"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// decision is what somebody has asked for, with the configuration in force.
type decision struct {
	queue.Recover
	conf  config.Repository
	known bool // there is one
}

// onward takes an incident that is not over further, as far as it can be.
func (e *Engine) onward(ctx context.Context, tx *store.Tx, inc *store.Incident, d decision) (a Answer, err error) {
	a = Answer{IncidentID: inc.ID}
	name := workflowName(inc.WorkflowPath)
	switch state := State(inc.State); {
	case state == Suspected && inc.Signal == string(Missed) && !d.Automated:
		// Who asks knows that nothing comes, or does not want to wait.
		return e.decided(ctx, tx, inc, d)
	case Signal(inc.Signal) == Upstream:
		return refuse("Incident %d is about %s. What waits for it goes on by itself when that works again; each of its incidents can be recovered now.", inc.ID, upstream.Name(inc.WorkflowPath)), nil
	case state == Suspected: // it may still come, begin or go on by itself, and then both would
		a.Message = fmt.Sprintf("Incident %d of %s is a suspicion so far: %s. Nothing is done until it is certain; its recovery begins by itself then.", inc.ID, name, inc.Reason)
		return a, nil
	case state.Active():
		return e.hurried(ctx, tx, inc, d)
	case state.Waiting():
		return e.released(ctx, tx, inc, d)
	}
	// It ended between two reads.
	a.Message = fmt.Sprintf("Incident %d of %s is over: %s.", inc.ID, name, inc.Reason)
	return a, nil
}

// decided does what was asked for.
func (e *Engine) decided(ctx context.Context, tx *store.Tx, inc *store.Incident, d decision) (a Answer, err error) {
	a = Answer{Accepted: true, IncidentID: inc.ID}
	a.Message, err = e.decide(ctx, tx, inc, d.Recover, d.conf, d.known)
	return a, err
}

// hurried answers who asks about an incident that is being worked at. Only one
// that waits for a claim can be helped.
func (e *Engine) hurried(ctx context.Context, tx *store.Tx, inc *store.Incident, d decision) (Answer, error) {
	claim, held, err := e.heldElsewhere(ctx, tx, inc)
	if err != nil {
		return Answer{}, err
	}
	if !held {
		return Answer{Accepted: true, IncidentID: inc.ID, Message: fmt.Sprintf("Already recovering %s, incident %d: %s.", workflowName(inc.WorkflowPath), inc.ID, inc.Reason)}, nil
	}
	if a, answered, err := e.waitsForClaim(ctx, tx, inc, claim, d.Automated); err != nil || answered {
		return a, err
	}
	return e.decided(ctx, tx, inc, d)
}

// released takes an incident on that waits for somebody's word.
func (e *Engine) released(ctx context.Context, tx *store.Tx, inc *store.Incident, d decision) (Answer, error) {
	claim, held, err := e.heldElsewhere(ctx, tx, inc)
	if err != nil {
		return Answer{}, err
	}
	if held && !e.lapsed(claim) { // its holder was in doubt and has come back
		a, _, err := e.waitsForClaim(ctx, tx, inc, claim, d.Automated)
		return a, err
	}
	if d.Automated {
		if a, err := e.bounded(ctx, tx, inc, d.Recover); err != nil || !a.Accepted {
			return a, err
		}
	}
	return e.decided(ctx, tx, inc, d)
}

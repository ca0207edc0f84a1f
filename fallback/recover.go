package fallback

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Answer is what a person gets to hear.
type Answer struct {
	// Accepted: recovery is under way, by this request or already. Not
	// accepted: nothing was done, and Message says why.
	Accepted   bool   `json:"accepted"`
	Message    string `json:"message"` // one or two sentences of plain text
	IncidentID int64  `json:"incident_id,omitempty"`
}

// maxUnasked is how many rounds of one incident may begin without a person
// asking for them, beyond its first one. It ends chains whose members do not
// hand on the depth that they were given.
const maxUnasked = 3

// Recover does what a person or another system asks for: it opens an incident for the latest
// failed run of a target, or goes on with one that waits. The same request
// (delivery) handled twice acts once and gets the same answer. Errors are
// those of GitHub and of the store; a refusal is an answer.
func (e *Engine) Recover(ctx context.Context, r queue.Recover) (Answer, error) {
	key := requestKey(r)
	if key != "" {
		if old, ok, err := store.ReadRecoverRequest(ctx, e.Store.Read(), key); err != nil || ok {
			return Answer{Accepted: old.Accepted, Message: old.Message, IncidentID: old.IncidentID}, err
		}
	}
	if r.Done {
		return e.workDone(ctx, r, key)
	}
	if r.Depth >= MaxDepth {
		return refuse("This request is number %d of a chain of recoveries that start each other; the chain ends here.", r.Depth+1), nil
	}
	if r.IncidentID != 0 {
		inc, ok, err := store.ReadIncident(ctx, e.Store.Read(), r.IncidentID)
		if err != nil {
			return Answer{}, err
		}
		if !ok || inc.RepoID != r.Repo.ID { // a button can come from anywhere
			return refuse("There is no incident %d in this repository.", r.IncidentID), nil
		}
		if !State(inc.State).Settled() {
			return e.goOn(ctx, r, key, inc.ID)
		}
		r.Target = inc.WorkflowPath
	}
	flow, answer, err := e.target(ctx, r)
	if err != nil || answer != nil {
		return deref(answer), err
	}
	open, err := store.Incidents(ctx, e.Store.Read(), store.IncidentFilter{RepoID: r.Repo.ID, WorkflowPath: flow.File, States: unsettled, Limit: 1})
	if err != nil {
		return Answer{}, err
	}
	if len(open) == 1 {
		return e.goOn(ctx, r, key, open[0].ID)
	}
	return e.recoverLatest(ctx, r, key, flow)
}

// RecoverJob is the worker of queue.Recover, for requests that nobody waits
// for: a button, a repository_dispatch. The answer shows in the Check Run.
func (e *Engine) RecoverJob(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.Recover](job)
	if err != nil {
		return err
	}
	if args.DeliveryID == "" { // the job is the request then
		args.DeliveryID = fmt.Sprintf("job:%d", job.ID)
	}
	answer, err := e.Recover(ctx, args)
	if err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Int64("incident", answer.IncidentID).Str("actor", args.Actor).
		Bool("accepted", answer.Accepted).Msg("asked to recover: " + answer.Message)
	return nil
}

// requestKey identifies a request; "" when nothing does, and then it is new.
func requestKey(r queue.Recover) string {
	if r.DeliveryID == "" {
		return ""
	}
	key := fmt.Sprintf("%s|%d|%s|%d", r.DeliveryID, r.Repo.ID, r.Target, r.IncidentID)
	if r.Done {
		key += "|done"
	}
	return key
}

// goOn is a decision about an incident that is not over.
func (e *Engine) goOn(ctx context.Context, r queue.Recover, key string, id int64) (Answer, error) {
	c, known, err := e.Configs.InForce(ctx, r.Repo.ID)
	if err != nil {
		return Answer{}, err
	}
	if !r.Automated {
		e.askOnceMore(ctx, id)
	}
	var answer Answer
	err = e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		inc, ok, err := store.ReadIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		if ok {
			answer, err = e.onward(ctx, tx, &inc, decision{r, c, known})
		} else {
			answer = refuse("There is no incident %d.", id)
		}
		if err != nil {
			return err
		}
		return e.remember(ctx, tx, key, answer)
	})
	return answer, err
}

// bounded says whether an incident may go on without a person asking for it:
// only from exhausted, and only so often.
func (e *Engine) bounded(ctx context.Context, tx *store.Tx, inc *store.Incident, r queue.Recover) (Answer, error) {
	a := Answer{IncidentID: inc.ID}
	name := workflowName(inc.WorkflowPath)
	switch {
	case State(inc.State) != Exhausted:
		a.Message = fmt.Sprintf("Incident %d of %s is %s, and only a person can take it further: %s.", inc.ID, name, inc.State, inc.Reason)
	case max(inc.Depth, r.Depth) >= MaxDepth:
		a.Message = fmt.Sprintf("Incident %d of %s is recovery number %d of a chain, and the chain ends here. A person can take it further.", inc.ID, name, inc.Depth+1)
	case inc.Unasked >= maxUnasked:
		a.Message = fmt.Sprintf("Incident %d of %s was tried %d times again without a person asking for it. Only a person can take it further.", inc.ID, name, maxUnasked)
		if inc.Unasked == maxUnasked { // the timeline says it once
			inc.Unasked++
			reason := fmt.Sprintf("refused another round for %s: %d have begun without a person asking", who(r.Actor), maxUnasked)
			return a, e.note(ctx, tx, inc, reason, map[string]any{"actor": r.Actor, "rounds": maxUnasked})
		}
	default:
		inc.Unasked++
		a.Accepted = true
	}
	return a, nil
}

// decide takes an incident that waits to its next step. From exhausted, and
// from in_doubt on the last step, that is a new round from the first step,
// with the configuration in force; the claim's epoch grows with every step.
func (e *Engine) decide(ctx context.Context, tx *store.Tx, inc *store.Incident, r queue.Recover, c config.Repository, known bool) (string, error) {
	was := State(inc.State)
	var ladder config.Workflow
	if err := json.Unmarshal([]byte(inc.Ladder), &ladder); err != nil {
		return "", fmt.Errorf("read ladder of incident %d: %w", inc.ID, err)
	}
	if was == InDoubt && inc.HeldBy != proofName { // there, nothing was begun
		// The person takes the doubt upon themselves; a step in doubt is not
		// looked at any more, and its claim is free for the next epoch. When
		// somebody else held the claim, no step of ours has begun.
		held, known, err := store.ReadClaim(ctx, tx, inc.OccurrenceKey)
		if err != nil {
			return "", err
		}
		if !known || isIncident(held.Owner) {
			inc.StepIndex++
		}
		if err := tx.FreeClaim(ctx, inc.OccurrenceKey, e.now()); err != nil {
			return "", err
		}
	}
	inc.HeldBy = ""
	again := was == Exhausted || inc.StepIndex >= len(ladder.Recover)
	if again {
		for _, w := range c.Workflows {
			if known && w.File == inc.WorkflowPath && inc.Signal != string(Disabled) {
				ladder = w
			}
		}
		raw, err := json.Marshal(ladder)
		if err != nil {
			return "", fmt.Errorf("write ladder: %w", err)
		}
		inc.Ladder, inc.StepIndex = string(raw), 0
		inc.Round++
	}
	inc.Forced, inc.NotBefore, inc.Actor, inc.Depth = !r.Automated, 0, r.Actor, max(inc.Depth, r.Depth)
	if err := e.passPauses(ctx, tx, inc); err != nil {
		return "", err
	}
	if !r.Automated {
		inc.Unasked = 0
	}
	how := fmt.Sprintf("goes on at step %d of %d", inc.StepIndex+1, len(ladder.Recover))
	if again {
		how = fmt.Sprintf("tries its %s again", plural(len(ladder.Recover), "step"))
	}
	evidence := map[string]any{"actor": r.Actor, "was": string(was)}
	if r.Reason != "" {
		evidence["why"] = clip(r.Reason, maxName)
	}
	if err := e.move(ctx, tx, inc, Failing, fmt.Sprintf("%s asked to recover; it %s", who(r.Actor), how), evidence); err != nil {
		return "", err
	}
	return fmt.Sprintf("Incident %d of %s %s.", inc.ID, workflowName(inc.WorkflowPath), how), e.wake(ctx, tx, inc.ID)
}

func (e *Engine) remember(ctx context.Context, tx *store.Tx, key string, a Answer) error {
	if key == "" {
		return nil
	}
	return tx.AddRecoverRequest(ctx, store.RecoverRequest{RequestKey: key, IncidentID: a.IncidentID, Accepted: a.Accepted, Message: a.Message, At: e.now()})
}

func who(actor string) string {
	if actor == "" {
		return "somebody"
	}
	return actor
}

func refuse(format string, args ...any) Answer { return Answer{Message: fmt.Sprintf(format, args...)} }

func deref(a *Answer) Answer {
	if a == nil {
		return Answer{}
	}
	return *a
}

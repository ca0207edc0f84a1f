package fallback

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// buttonPause is how long the button pauses. A button cannot ask for how long,
// and a pause that nobody remembers is worse than one that is too short.
const buttonPause = 24 * time.Hour

// Identifiers of the buttons of a Check Run.
const (
	ButtonRecover = "recover"
	ButtonDone    = "done"
	ButtonPause   = "pause"
	ButtonResume  = "resume"
)

// pauseButtons adds the button that pauses the workflow, or ends its pause, to
// those of an incident that waits. What is paused as part of something larger
// is not resumed here.
func (e *Engine) pauseButtons(ctx context.Context, inc *store.Incident, have []checkrun.Action) ([]checkrun.Action, error) {
	if len(have) == 0 || inc.RepoID == 0 {
		return have, nil
	}
	p, paused, err := e.paused(ctx, e.Store.Read(), inc.RepoID, inc.WorkflowPath)
	switch {
	case err != nil:
		return nil, err
	case !paused:
		return append(have, checkrun.Action{Label: "Pause", Description: "No automatic recovery for 24 hours", Identifier: ButtonPause}), nil
	case p.Scope == store.PauseWorkflow:
		return append(have, checkrun.Action{Label: "Resume", Description: "End the pause of this workflow", Identifier: ButtonResume}), nil
	}
	return have, nil
}

// PauseJob is the worker of queue.PauseTarget. The answer shows in the Check Run.
func (e *Engine) PauseJob(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.PauseTarget](job)
	if err != nil {
		return err
	}
	if args.DeliveryID == "" { // the job is the request then
		args.DeliveryID = fmt.Sprintf("job:%d", job.ID)
	}
	if args.IncidentID != 0 {
		inc, ok, err := store.ReadIncident(ctx, e.Store.Read(), args.IncidentID)
		if err != nil {
			return err
		}
		if ok && inc.RepoID == args.Repo.ID { // a button can come from anywhere
			args.Target = inc.WorkflowPath
		}
	}
	var answer Answer
	if args.Resume {
		answer, err = e.Unpause(ctx, ResumeRequest{Repo: args.Repo, Target: args.Target, Actor: args.Actor, Key: args.DeliveryID})
	} else {
		answer, err = e.Pause(ctx, PauseRequest{
			Repo: args.Repo, Target: args.Target, For: buttonPause, Actor: args.Actor, Reason: args.Reason, Key: args.DeliveryID,
		})
	}
	if err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("delivery_id", args.DeliveryID).Int64("installation_id", args.Repo.InstallationID).
		Str("repo", args.Repo.FullName()).Str("actor", args.Actor).Bool("accepted", answer.Accepted).Msg("asked to pause or resume: " + answer.Message)
	return nil
}

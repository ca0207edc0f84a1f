package main

import (
	"context"

	"github.com/redundancy-app/redundancy/checks"
	"github.com/redundancy-app/redundancy/commands"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/repoconfig"
)

// The packages of one layer do not know each other: each says in an interface
// of its own what it needs, and here the interfaces meet their implementations.

// engineConfigs gives the engine the configuration in force.
type engineConfigs struct{ loader *repoconfig.Loader }

func (c engineConfigs) InForce(ctx context.Context, repoID int64) (config.Repository, bool, error) {
	e, known, err := c.loader.InForce(ctx, repoID)
	return e.Repository, known, err
}

func (c engineConfigs) Load(ctx context.Context, repo queue.Repo) (config.Repository, error) {
	e, err := c.loader.Load(ctx, repo)
	return e.Repository, err
}

// inForce gives the validator the configuration in force.
func inForce(loader *repoconfig.Loader) func(context.Context, int64) (*checks.Effective, error) {
	return func(ctx context.Context, repoID int64) (*checks.Effective, error) {
		e, known, err := loader.InForce(ctx, repoID)
		if err != nil || !known {
			return nil, err
		}
		return &checks.Effective{
			Repository: e.Repository, Source: checks.Source(e.InForce.Source), Path: e.InForce.Path, Commit: e.InForce.Commit,
		}, nil
	}
}

// commandEngine answers comments from the engine.
type commandEngine struct{ engine *fallback.Engine }

func (c commandEngine) Recover(ctx context.Context, r queue.Recover) (commands.Answer, error) {
	a, err := c.engine.Recover(ctx, r)
	return commands.Answer{Accepted: a.Accepted, IncidentID: a.IncidentID, Message: a.Message}, err
}

func (c commandEngine) Status(ctx context.Context, repoID int64) (commands.Status, error) {
	st, err := c.engine.Status(ctx, repoID)
	if err != nil {
		return commands.Status{}, err
	}
	out := commands.Status{Known: st.Known}
	for _, w := range st.Workflows {
		row := commands.WorkflowStatus{Path: w.File, State: string(w.State)}
		if w.Breaker != nil && w.Breaker.Until != nil {
			row.BreakerUntil = *w.Breaker.Until
		}
		if w.Incident != nil {
			row.Last = commands.LastIncident{ID: w.Incident.ID, State: string(w.Incident.State), At: w.Incident.UpdatedAt, RunURL: w.Incident.RunURL}
		}
		out.Workflows = append(out.Workflows, row)
	}
	return out, nil
}

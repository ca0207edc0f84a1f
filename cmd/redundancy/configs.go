package main

import (
	"context"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/repoconfig"
)

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

package clock

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// Enrol makes the watches of a repository those of the configuration that
// comes into force with tx. facts are of the workflow files at the head of the
// default branch, by path; a watched workflow that is not among them has no
// file and gets no watch.
//
// A new watch begins now, as does a new cron of a known one: the ticks before
// are nobody's. Ticks of crons that still stand in the file stay open, and so
// does a watch that ended lately and comes back.
func (c *Clock) Enrol(ctx context.Context, tx *store.Tx, repo queue.Repo, conf config.Repository, facts map[string]config.WorkflowFacts) error {
	before, err := store.WatchesOf(ctx, tx, repo.ID)
	if err != nil {
		return err
	}
	known := make(map[string]store.Watch, len(before))
	for _, w := range before {
		known[w.WorkflowPath] = w
	}
	for _, flow := range conf.Workflows {
		f, ok := facts[flow.File]
		if !ok {
			continue
		}
		w, ok := known[flow.File]
		if !ok {
			var ended store.Millis
			if w, ended, err = store.EndedWatch(ctx, tx, repo.ID, flow.File, c.now()-store.Millis(store.KeepWatch.Milliseconds())); err != nil {
				return err
			}
			if ended != 0 {
				w.BackAt = c.now()
			}
		}
		if err := c.enrol(ctx, tx, repo, flow, f, w); err != nil {
			return err
		}
		if !ok && w.WorkflowPath != "" { // it is back
			if err := c.Incidents.Returned(ctx, tx, repo.ID, flow.File); err != nil {
				return err
			}
		}
		delete(known, flow.File)
	}
	for _, w := range known {
		if err := tx.EndWatch(ctx, w, c.now()); err != nil {
			return err
		}
	}
	c.ring(tx)
	return nil
}

// enrol writes one watch. w is what is known of it, the zero value for a new one.
func (c *Clock) enrol(ctx context.Context, tx *store.Tx, repo queue.Repo, flow config.Workflow, facts config.WorkflowFacts, w store.Watch) error {
	crons := facts.Crons
	if w.WatchedSince == 0 {
		w.WatchedSince, w.SettledThrough = c.now(), c.now()
	} else if err := c.newCrons(&w, crons); err != nil {
		return err
	}
	if w.FirstSeen == 0 {
		w.FirstSeen = c.now()
	}
	w.RepoID, w.InstallationID, w.WorkflowPath = repo.ID, repo.InstallationID, flow.File
	for _, part := range []struct {
		value any
		into  *string
	}{{facts, &w.Facts}, {flow, &w.Flow}} {
		doc, err := json.Marshal(part.value)
		if err != nil {
			return fmt.Errorf("write watch of %s: %w", flow.File, err)
		}
		*part.into = string(doc)
	}
	c.plan(&w, c.Schedule(crons), flow)
	return tx.SaveWatch(ctx, &w)
}

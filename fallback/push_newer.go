package fallback

import (
	"context"
	"time"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/store"
)

// push is one that a run of a workflow is missed of.
type push struct {
	repoID            int64
	path, branch, sha string
	at                store.Millis // when we heard of it
}

func pushOf(inc *store.Incident) push {
	return push{repoID: inc.RepoID, path: inc.WorkflowPath, branch: inc.HeadBranch, sha: inc.HeadSHA, at: inc.BeganAt}
}

// takenOver says that a later push to the branch has taken a push's place: it
// has started the workflow, or should have. The head alone does not tell: a
// commit with [skip ci], or one that GitHub's own bot has pushed, starts
// nothing, and then nobody would do the work. list are runs that pushes to the
// branch have started.
func (e *Engine) takenOver(ctx context.Context, p push, head string, list []*runs.Run) (bool, error) {
	for _, r := range list {
		later := r.GetHeadSHA() == head || store.MillisOf(r.GetCreatedAt().Time) > p.at
		if later && r.GetHeadSHA() != p.sha && r.GetEvent() == pushEvent && r.WorkflowPath() == p.path && r.GetHeadRepository().GetID() == p.repoID {
			return true, nil
		}
	}
	others, err := store.Incidents(ctx, e.Store.Read(), store.IncidentFilter{RepoID: p.repoID, WorkflowPath: p.path, Signals: []string{string(Absent)}})
	if err != nil {
		return false, err
	}
	for _, o := range others {
		if o.BeganAt > p.at && o.HeadBranch == p.branch && o.HeadSHA != p.sha && State(o.State) != Healthy {
			return true, nil
		}
	}
	return false, nil
}

// believedAt is from when it is believed that GitHub lists no run of any push
// to the branch: one reader of GitHub's can answer so wrongly.
func (e *Engine) believedAt(inc *store.Incident) time.Time {
	if inc.MissingSince == 0 {
		return e.Clock.Now().Add(e.scaled(secondLook))
	}
	return inc.MissingSince.Time().Add(e.scaled(secondLook))
}

// doubtEmpty notes the first such answer.
func (e *Engine) doubtEmpty(ctx context.Context, tx *store.Tx, inc *store.Incident, p pushed) error {
	if inc.MissingSince != 0 {
		return nil
	}
	inc.MissingSince = e.now()
	return e.note(ctx, tx, inc, p.nothing+", by GitHub's list; looking again before it is believed", map[string]any{"commit": inc.HeadSHA})
}

package fallback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// search says what runs of a dispatch look like.
type search struct {
	event    string
	workflow string // "" for any
	ref      string // "" for any
}

// errNoLogin says that our own login is not known yet; it will be soon after
// GitHub answers at all.
var errNoLogin = errors.New("GitHub has not told yet who we are")

// correlate finds the runs that the intent st can have led to: of the right
// event and workflow, started by us, not before the intent, and not counted as
// another step's; and those that the guard has told to do the step's work.
// Oldest first. GitHub's lists lag behind its webhooks, so those on record
// count as much as those listed.
//
// Without our login the error is [errNoLogin]: other Apps start workflows, too.
func (e *Engine) correlate(ctx context.Context, sc *scope, st *store.Step, s search) ([]*runs.Run, error) {
	bot := e.BotLogin()
	if bot == "" {
		return nil, errNoLogin
	}
	since := st.IntentAt.Time().Add(-clockSkew)
	list, _, err := runs.ListSince(ctx, sc.client, sc.repo, s.workflow, s.event, since.Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	own, err := e.ownRuns(ctx, st)
	if err != nil {
		return nil, err
	}
	if list, err = e.addRecorded(ctx, sc, list, s, bot, since, own); err != nil {
		return nil, err
	}
	ids := make([]int64, 0, len(list))
	for _, r := range list {
		ids = append(ids, r.GetID())
	}
	adopted, err := e.Store.Adopted(ctx, sc.repo.ID, ids)
	if err != nil {
		return nil, err
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(s.ref, "refs/heads/"), "refs/tags/")
	list = slices.DeleteFunc(list, func(r *runs.Run) bool {
		if own[r.GetID()] {
			return false
		}
		ours := strings.EqualFold(r.GetActor().GetLogin(), bot)
		return !ours || adopted[r.GetID()] || r.GetEvent() != s.event || r.GetCreatedAt().Before(since.Truncate(time.Second)) ||
			s.workflow != "" && r.WorkflowPath() != s.workflow || branch != "" && r.GetHeadBranch() != branch
	})
	slices.SortFunc(list, runs.OldestFirst)
	return list, nil
}

// ownRuns are those that are on record as a try's, although its outcome is not
// written yet: the guard has told them to do its work.
func (e *Engine) ownRuns(ctx context.Context, st *store.Step) (map[int64]bool, error) {
	children, err := e.Store.Children(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	own := make(map[int64]bool, len(children))
	for _, c := range children {
		own[c.RunID] = true
	}
	return own, nil
}

// addRecorded adds to a list of GitHub's what it lacks of a try's own runs and
// of those on record that a search could find. GitHub is asked for each; one
// that it does not show, or not yet, counts as it is on record.
func (e *Engine) addRecorded(ctx context.Context, sc *scope, list []*runs.Run, s search, bot string, since time.Time, own map[int64]bool) ([]*runs.Run, error) {
	rows, err := e.Store.RunsStartedBy(ctx, sc.repo.ID, s.event, bot, store.MillisOf(since))
	if err != nil {
		return nil, err
	}
	for id := range own {
		row, ok, err := store.LatestAttempt(ctx, e.Store.Read(), sc.repo.ID, id)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, row)
		}
	}
	for _, row := range rows {
		if slices.ContainsFunc(list, func(r *runs.Run) bool { return r.GetID() == row.RunID }) || s.workflow != "" && row.WorkflowPath != s.workflow && !own[row.RunID] {
			continue
		}
		r, err := runs.Get(ctx, sc.client, sc.repo, row.RunID)
		if githubapi.IsNotFound(err) {
			r, err = runs.Recorded(row), nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// preferClaim narrows to the run that carries the claim in its title, when
// there is just one: a workflow that declares the input redundancy_claim can
// show it by `run-name`.
func preferClaim(list []*runs.Run, claim string) []*runs.Run {
	named := slices.DeleteFunc(slices.Clone(list), func(r *runs.Run) bool { return !strings.Contains(r.GetDisplayTitle(), claim) })
	if len(named) == 1 {
		return named
	}
	return list
}

func links(list []*runs.Run) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.GetHTMLURL())
	}
	return out
}

// runURL is the page of a run beside the failed one's.
func runURL(sc *scope, id int64) string {
	if i := strings.LastIndex(sc.inc.RunURL, "/runs/"); i >= 0 {
		return fmt.Sprintf("%s/runs/%d", sc.inc.RunURL[:i], id)
	}
	if i := strings.LastIndex(sc.inc.RunURL, "/workflows/"); i >= 0 { // there was no run
		return fmt.Sprintf("%s/runs/%d", sc.inc.RunURL[:i], id)
	}
	return ""
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

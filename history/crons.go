package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
)

// maxWorkflow is the largest workflow file that is read, in bytes. GitHub's own
// limit is not documented; files of real projects are below 200 KiB.
const maxWorkflow = 1 << 20

// sameSchedule is from when on the workflow had the schedule that it has now:
// a run that an earlier one has started would answer a tick of this one half a
// day late, and grace would be learned from that. It looks at the file of the
// oldest run, and only where that differs for the change in between; a file
// that went back and forth is taken for the same throughout.
func (p *past) sameSchedule(ctx context.Context, list []*runs.Run) (time.Time, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(r *runs.Run) bool { return r.GetEvent() != scheduled })
	if len(list) == 0 {
		return time.Time{}, nil
	}
	if same, err := p.same(ctx, list[0]); err != nil || same {
		return time.Time{}, err
	}
	var failure error
	first := 1 + sort.Search(len(list)-1, func(i int) bool {
		if failure != nil {
			return true
		}
		same, err := p.same(ctx, list[i+1])
		failure = err
		return same
	})
	switch {
	case failure != nil:
		return time.Time{}, failure
	case first < len(list):
		return list[first].Created(), nil
	}
	return p.watch.WatchedSince.Time(), nil
}

// same says whether the workflow file at the commit of a run has today's crons.
// One that cannot be read has not.
func (p *past) same(ctx context.Context, r *runs.Run) (bool, error) {
	if until, ok := scarce(p.rate(p.repo.InstallationID), spareRead, p.Clock.Now()); ok {
		return false, &scarceError{until}
	}
	where := githubapi.RepoPath(p.repo.Owner, p.repo.Name, append([]string{"contents"}, strings.Split(p.watch.WorkflowPath, "/")...)...)
	req, err := p.client.NewRequest(http.MethodGet, where+"?ref="+url.QueryEscape(r.GetHeadSHA()), nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "application/vnd.github.raw+json")
	resp, err := p.client.BareDo(ctx, req)
	if resp != nil {
		p.noteRate(p.repo.InstallationID, resp.Rate)
	}
	if refused(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s at %s: %w", p.watch.WorkflowPath, r.GetHeadSHA(), err)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxWorkflow+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return false, fmt.Errorf("read %s at %s: %w", p.watch.WorkflowPath, r.GetHeadSHA(), err)
	}
	if len(data) > maxWorkflow {
		return false, nil
	}
	facts, _ := config.ReadWorkflow(p.watch.WorkflowPath, data) // what can be read of a damaged file counts
	return slices.Equal(facts.Crons, p.facts.Crons), nil
}

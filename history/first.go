package history

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/githubapi"
)

// maxFirsts is of how many past runs that were started again the first attempt
// is read, a request each: no list shows it.
const maxFirsts = 30

// withFirsts puts the first attempts of past runs before their later ones:
// what happened before anybody helped is what health and risk are about. Where
// GitHub does not show one, or the limit is short, it stays unknown.
func (p *past) withFirsts(ctx context.Context, list []*runs.Run) ([]*runs.Run, error) {
	first := map[*runs.Run]*runs.Run{}
	for i, asked := len(list)-1, 0; i >= 0 && asked < maxFirsts; i-- {
		if list[i].GetRunAttempt() < 2 {
			continue
		}
		if _, ok := scarce(p.rate(p.repo.InstallationID), spareSample, p.Clock.Now()); ok {
			break
		}
		asked++
		r, resp, err := runs.First(ctx, p.client, p.repo, list[i].GetID())
		if resp != nil {
			p.noteRate(p.repo.InstallationID, resp.Rate)
		}
		switch {
		case githubapi.IsNotFound(err):
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			zerolog.Ctx(ctx).Info().Err(err).Msg("first attempts of past runs cannot be read")
			asked = maxFirsts
		case r.Completed():
			first[list[i]] = r
		}
	}
	all := make([]*runs.Run, 0, len(list)+len(first))
	for _, r := range list {
		if f := first[r]; f != nil {
			all = append(all, f)
		}
		all = append(all, r)
	}
	return all, nil
}

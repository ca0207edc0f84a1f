package health

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/redundancy-app/redundancy/store"
)

// Report is how everything that is watched does, or one repository.
type Report struct {
	AsOf time.Time `json:"as_of"`
	// Score is the mean of the repositories'; nil when none has one.
	Score        *float64 `json:"score"`
	WhyNoScore   string   `json:"why_no_score,omitempty"`
	Trend        *Trend   `json:"trend,omitempty"`
	Availability *float64 `json:"availability"` // mean of the repositories'
	Formula      Formula  `json:"formula"`
	// Repositories, the worst first, at most 1,000; of RepositoriesTotal.
	Repositories      []Repository `json:"repositories"`
	RepositoriesTotal int          `json:"repositories_total"`
	// Covered repositories are in the figures. It is less than the total right
	// after the start of a server with very many: asking again goes on.
	Covered int `json:"repositories_covered"`
	// Targets, the worst first, at most 100 over all repositories; of TargetsTotal.
	Targets      []Target `json:"targets"`
	TargetsTotal int      `json:"targets_total"`
}

const (
	maxRepositories = 1000
	maxTargets      = 100
)

// Repository reports on one repository, with all of its workflows.
func (r *Reader) Repository(ctx context.Context, repo store.Repository) (Report, error) {
	targets, err := r.Targets(ctx, repo)
	if err != nil {
		return Report{}, err
	}
	sum := Summarise(repo.FullName(), targets)
	rep := r.report([]Repository{sum}, 1)
	rep.WhyNoScore = sum.WhyNoScore
	rep.Targets, rep.TargetsTotal = worstFirst(targets), len(targets)
	return rep, nil
}

// Fleet reports on all repositories. What it computed of one is used again for
// a while when the whole takes long, so that it costs a twentieth of one
// processor at most however often it is asked for.
func (r *Reader) Fleet(ctx context.Context) (Report, error) {
	repos, err := r.store.WatchedRepositories(ctx)
	if err != nil {
		return Report{}, err
	}
	began := r.clock.Now()
	within, stop := context.WithTimeout(ctx, r.budget)
	defer stop()
	reuse := r.kept.reuse(len(repos))
	var all []Repository
	var low []brief
	names := make(map[int64]store.Repository, len(repos))
	for _, repo := range repos {
		e, ok := r.kept.get(repo.ID)
		if !ok || r.clock.Since(e.at) >= reuse || e.repository.Repo != repo.FullName() {
			fresh, err := r.compute(within, repo)
			switch {
			case err == nil:
				e, ok = fresh, true
				r.kept.put(repo.ID, e, r.clock.Since(e.at))
			case ctx.Err() != nil || within.Err() == nil: // no matter of time
				return Report{}, err
			}
		}
		if !ok {
			continue // out of time; the next one goes on
		}
		names[repo.ID] = repo
		all = append(all, e.repository)
		low = append(low, e.targets...)
	}
	rep := r.report(all, len(repos))
	rep.AsOf = began.UTC()
	rep.TargetsTotal = len(low)
	rep.Targets, err = r.detail(ctx, low, names)
	return rep, err
}

func (r *Reader) compute(ctx context.Context, repo store.Repository) (entry, error) {
	at := r.clock.Now()
	if err := ctx.Err(); err != nil {
		return entry{}, err
	}
	targets, err := r.Targets(ctx, repo)
	if err != nil {
		return entry{}, err
	}
	e := entry{at: at, repository: Summarise(repo.FullName(), targets)}
	for _, t := range targets {
		e.targets = append(e.targets, brief{repo: repo.ID, workflow: t.Workflow, score: rank(t.Score)})
	}
	return e, nil
}

// detail reads the worst workflows again, with their causes: keeping those of
// all would take gigabytes where 100,000 are watched.
func (r *Reader) detail(ctx context.Context, low []brief, names map[int64]store.Repository) ([]Target, error) {
	slices.SortStableFunc(low, func(a, b brief) int { return cmp.Compare(a.score, b.score) })
	targets := []Target{}
	for _, b := range low[:min(len(low), maxTargets)] {
		w, ok, err := store.ReadWatch(ctx, r.store.Read(), b.repo, b.workflow)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue // not watched any more
		}
		f, err := r.facts(ctx, names[b.repo], w)
		if err != nil {
			return nil, err
		}
		targets = append(targets, Score(f, r.clock.Now()))
	}
	return worstFirst(targets), nil
}

func (r *Reader) report(all []Repository, total int) Report {
	rep := Report{AsOf: r.clock.Now().UTC(), Formula: TheFormula, RepositoriesTotal: total, Covered: len(all), Repositories: []Repository{}, Targets: []Target{}}
	var scores, available, this, before average
	for _, one := range all {
		scores.addOptional(one.Score)
		available.addOptional(one.Availability)
		if one.Trend != nil {
			this.add(one.Trend.ThisWeek)
			before.add(one.Trend.WeekBefore)
		}
	}
	rep.Availability = available.mean()
	if this.n > 0 {
		rep.Trend = newTrend(*this.mean(), *before.mean())
	}
	switch {
	case scores.n > 0:
		rep.Score = tenth(*scores.mean())
	case total == 0:
		rep.WhyNoScore = "no workflow is watched"
	case len(all) < total:
		rep.WhyNoScore = fmt.Sprintf("%d of %d repositories were looked at so far; ask again", len(all), total)
	default:
		rep.WhyNoScore = "no watched workflow has enough runs yet"
	}
	slices.SortStableFunc(all, func(a, b Repository) int { return cmp.Compare(rank(a.Score), rank(b.Score)) })
	rep.Repositories = append(rep.Repositories, all[:min(len(all), maxRepositories)]...)
	return rep
}

func worstFirst(targets []Target) []Target {
	slices.SortStableFunc(targets, func(a, b Target) int { return cmp.Compare(rank(a.Score), rank(b.Score)) })
	return targets
}

// rank sorts what has no score to the end.
func rank(score *float64) float64 {
	if score == nil {
		return 101
	}
	return *score
}

// entry is what is kept of a repository between two reports.
type entry struct {
	at         time.Time
	repository Repository
	targets    []brief
}

// brief is the little of a target that finds the worst.
type brief struct {
	repo     int64
	workflow string
	score    float64
}

// kept are the entries, and what they took to compute.
type kept struct{ entries *lru.Cache[int64, timed] }

type timed struct {
	entry
	cost time.Duration
}

const (
	maxKept = 20_000
	// share of one processor: what took a second is used for twenty.
	reuseFactor = 20
	maxReuse    = time.Hour
)

func newKept() *kept {
	c, err := lru.New[int64, timed](maxKept)
	if err != nil {
		panic(err) // maxKept is not positive
	}
	return &kept{c}
}

func (k *kept) get(id int64) (entry, bool) {
	t, ok := k.entries.Get(id)
	return t.entry, ok
}

func (k *kept) put(id int64, e entry, cost time.Duration) { k.entries.Add(id, timed{e, cost}) }

// reuse is how long an entry counts: longer the more there are and the more
// they took.
func (k *kept) reuse(total int) time.Duration {
	known := k.entries.Values()
	if len(known) == 0 {
		return 0
	}
	var sum time.Duration
	for _, t := range known {
		sum += t.cost
	}
	return min(maxReuse, sum/time.Duration(len(known))*time.Duration(total)*reuseFactor)
}
